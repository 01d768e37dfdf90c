package user

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
)

// ErrBadLogin says that what was typed cannot be a login.
var ErrBadLogin = errors.New("not a login")

// LocalCase says how a platform treats the case of the part before the "@".
type LocalCase string

const (
	// FoldLocal maps the local part to lower case. It is the default, because
	// mail platforms compare user names without case almost everywhere, and
	// people type "Anna@" on telephones.
	FoldLocal LocalCase = "fold"
	// KeepLocal leaves the case alone, for platforms where Anna and anna are
	// two accounts.
	KeepLocal LocalCase = "keep"
)

// Policy is what a mail platform says about its logins.
type Policy struct {
	// DefaultDomain is added to a login without "@"; empty leaves such a
	// login bare. It is a domain name in ASCII or Unicode.
	DefaultDomain string
	// Local is the treatment of case before the "@"; empty means FoldLocal.
	Local LocalCase
}

// Login is the canonical form of a user name: two spellings that the platform
// takes for one account give equal Logins. The zero Login is nobody's.
type Login struct {
	local, domain string
}

// ParseLogin brings what a person typed into canonical form.
//
// Spaces around it are cut. The local part is prepared by the PRECIS profile
// UsernameCaseMapped or UsernameCasePreserved (RFC 8265, section 3): full-width
// forms narrowed, NFC, no spaces, no control characters, lower case if the
// policy folds. Sub-addresses ("+tag") are kept: they are not ours to
// interpret. The domain becomes its lower-case ASCII form (IDNA, RFC 5891), so
// "Bücher.example" and "xn--bcher-kva.example" are one; a final dot is cut.
// Quoted local parts and address literals are refused: no platform issues
// them as user names. Errors wrap ErrBadLogin and do not repeat the input.
func ParseLogin(typed string, policy Policy) (Login, error) {
	if len(typed) > MaxLogin {
		return Login{}, fmt.Errorf("%w: %d bytes, at most %d", ErrBadLogin, len(typed), MaxLogin)
	}
	if !utf8.ValidString(typed) {
		return Login{}, fmt.Errorf("%w: not UTF-8", ErrBadLogin)
	}
	local, domain, found := cutLast(strings.TrimSpace(typed), '@')
	if !found {
		domain = policy.DefaultDomain
	} else if domain == "" {
		return Login{}, fmt.Errorf("%w: nothing after the @", ErrBadLogin)
	}
	local, err := canonicalLocal(local, policy.Local)
	if err != nil {
		return Login{}, err
	}
	if domain == "" {
		return Login{local: local}, nil
	}
	domain, err = CanonicalDomain(domain)
	if err != nil {
		return Login{}, err
	}
	return Login{local: local, domain: domain}, nil
}

// cutLast splits at the last sep, as "@" may stand in a local part only in
// forms that canonicalLocal refuses anyway.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func canonicalLocal(local string, policy LocalCase) (string, error) {
	if local == "" {
		return "", fmt.Errorf("%w: nothing before the @", ErrBadLogin)
	}
	profile := precis.UsernameCaseMapped
	switch policy {
	case FoldLocal, "":
	case KeepLocal:
		profile = precis.UsernameCasePreserved
	default:
		return "", fmt.Errorf("unknown case policy %q", policy)
	}
	out, err := profile.String(local)
	if err != nil {
		return "", fmt.Errorf("%w: characters not allowed before the @", ErrBadLogin)
	}
	// Only now: full-width forms of them have become themselves.
	if strings.ContainsAny(out, "\"\\@(),:;<>[]") {
		return "", fmt.Errorf("%w: quoted or special characters before the @", ErrBadLogin)
	}
	if len(out) > MaxLocal {
		return "", fmt.Errorf("%w: %d bytes before the @, at most %d", ErrBadLogin, len(out), MaxLocal)
	}
	return out, nil
}

// CanonicalDomain returns the lower-case ASCII form of a mail domain (IDNA
// lookup, RFC 5891, section 5), without a final dot. Errors wrap ErrBadLogin.
func CanonicalDomain(domain string) (string, error) {
	domain = strings.TrimSuffix(domain, ".")
	out, err := idna.Lookup.ToASCII(domain)
	if err != nil || out == "" || strings.ContainsAny(out, " /\\_[]:") {
		return "", fmt.Errorf("%w: not a domain after the @", ErrBadLogin)
	}
	for label := range strings.SplitSeq(out, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("%w: an empty or overlong label in the domain", ErrBadLogin)
		}
	}
	if len(out) > MaxDomain {
		return "", fmt.Errorf("%w: domain of %d bytes, at most %d", ErrBadLogin, len(out), MaxDomain)
	}
	return out, nil
}

// String returns the canonical text: local@domain, or local alone for a bare
// login. It is personal data.
func (l Login) String() string {
	if l.domain == "" {
		return l.local
	}
	return l.local + "@" + l.domain
}

// Local returns the part before the "@".
func (l Login) Local() string { return l.local }

// Domain returns the part after the "@" in ASCII, empty for a bare login. It
// chooses the mail platform.
func (l Login) Domain() string { return l.domain }

// IsZero reports whether this is nobody's login.
func (l Login) IsZero() bool { return l == Login{} }
