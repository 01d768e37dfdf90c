package submission

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox as it stands in MAIL FROM and RCPT TO: local part, "@",
// domain. It holds no control byte, space outside of quotes or angle bracket,
// whatever it was made from. The zero Address is the null reverse path "<>".
type Address struct {
	local, domain string
}

// ParseAddress reads a bare mailbox without angle brackets, display name or
// source route (RFC 5321, section 4.1.2; RFC 6531, section 3.3). Dots anywhere in
// an unquoted local part are let through, since such mailboxes exist at large
// Japanese providers. The error wraps ErrAddress and does not repeat the text.
func ParseAddress(s string) (Address, error) {
	if len(s) > MaxAddress {
		return Address{}, fmt.Errorf("%w: longer than %d bytes", ErrAddress, MaxAddress)
	}
	if !utf8.ValidString(s) {
		return Address{}, fmt.Errorf("%w: not UTF-8", ErrAddress)
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		// RFC 5321, section 4.1.1.3: this one name needs no domain.
		if strings.EqualFold(s, "postmaster") {
			return Address{local: s}, nil
		}
		return Address{}, fmt.Errorf("%w: no @", ErrAddress)
	}
	a := Address{local: s[:at], domain: s[at+1:]}
	if !validLocal(a.local) {
		return Address{}, fmt.Errorf("%w: bad part before the @", ErrAddress)
	}
	if !validDomain(a.domain) {
		return Address{}, fmt.Errorf("%w: bad domain", ErrAddress)
	}
	return a, nil
}

// IsZero reports whether a is the null reverse path.
func (a Address) IsZero() bool { return a == Address{} }

// Domain returns what follows the @, as it was given.
func (a Address) Domain() string { return a.domain }

// String returns the mailbox without angle brackets, "" for the null path.
func (a Address) String() string {
	if a.domain == "" {
		return a.local
	}
	return a.local + "@" + a.domain
}

// ascii returns a with its domain in A-labels, and whether the result needs no
// SMTPUTF8. Only the local part cannot be converted.
func (a Address) ascii() (Address, bool) {
	if !isASCII(a.local) {
		return a, false
	}
	if isASCII(a.domain) {
		return a, true
	}
	d, err := idna.Lookup.ToASCII(a.domain)
	if err != nil {
		return a, false
	}
	return Address{local: a.local, domain: d}, true
}

// validLocal accepts a dot-atom, tolerant of stray dots, or a quoted string.
func validLocal(s string) bool {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return validQuoted(s[1 : len(s)-1])
	}
	for _, r := range s {
		if r != '.' && !isAtext(r) {
			return false
		}
	}
	return s != ""
}

// validQuoted checks the inside of a Quoted-string (RFC 5321, section 4.1.2).
func validQuoted(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] > '~' {
				return false
			}
		case c == '"' || c < ' ' || c == 0x7f:
			return false
		}
	}
	return validText(s)
}

// validText refuses the non-ASCII characters that could mislead: C1 controls,
// line and paragraph separators and the like.
func validText(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf && !isWide(r) {
			return false
		}
	}
	return true
}

func isAtext(r rune) bool {
	switch {
	case r >= utf8.RuneSelf:
		return isWide(r)
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isWide reports whether a non-ASCII character may stand in an address.
func isWide(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r)
}

// validDomain accepts labels of letters, digits, hyphens and underscores (seen
// in the wild), U-labels, and address literals.
func validDomain(s string) bool {
	if strings.HasPrefix(s, "[") {
		return validLiteral(s)
	}
	if s == "" || len(s) > MaxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63*utf8.UTFMax || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if !isLabelRune(r) {
				return false
			}
		}
	}
	return true
}

func isLabelRune(r rune) bool {
	switch {
	case r >= utf8.RuneSelf:
		return isWide(r)
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return r == '-' || r == '_'
}

// validLiteral accepts [192.0.2.1] and [IPv6:2001:db8::1] (RFC 5321, section 4.1.3).
func validLiteral(s string) bool {
	inner, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return false
	}
	v6, is6 := strings.CutPrefix(inner, "IPv6:")
	ip, err := netip.ParseAddr(v6)
	return err == nil && ip.Zone() == "" && ip.Is6() == is6
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
