package submission

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Mechanism names a SASL mechanism.
type Mechanism string

// The mechanisms we speak.
const (
	MechScram       Mechanism = "SCRAM-SHA-256"
	MechPlain       Mechanism = "PLAIN"
	MechLogin       Mechanism = "LOGIN"
	MechOAuthBearer Mechanism = "OAUTHBEARER"
	MechXOAuth2     Mechanism = "XOAUTH2"
)

// Credentials are what a person signs in with.
type Credentials struct {
	// User is the login name; AuthzID, where not empty, whom to act as
	// (PLAIN and OAUTHBEARER only).
	User, AuthzID string
	// Secret is a password or token. It stays the caller's to wipe.
	Secret []byte
	// Token says that Secret is an OAuth access token and not a password.
	Token bool
	// Mechanism forces one; else SCRAM-SHA-256 before PLAIN before LOGIN (RFC 8621,
	// section 9.4), and OAUTHBEARER before XOAUTH2.
	Mechanism Mechanism
	// NoScram leaves SCRAM-SHA-256 out of the choice: see Conn.ScramRefused.
	NoScram bool
}

func (cr Credentials) validate() error {
	if cr.User == "" || len(cr.User) > MaxUser || len(cr.AuthzID) > MaxUser {
		return fmt.Errorf("%w: user name empty or longer than %d bytes", ErrCredentials, MaxUser)
	}
	// NUL parts PLAIN, 0x01 parts the OAuth forms: neither may be smuggled in.
	if strings.ContainsAny(cr.User+cr.AuthzID, "\x00\x01\r\n") || bytes.ContainsAny(cr.Secret, "\x00\x01") {
		return fmt.Errorf("%w: control characters", ErrCredentials)
	}
	if len(cr.Secret) == 0 || len(cr.Secret) > MaxSecret {
		return fmt.Errorf("%w: secret empty or longer than %d bytes", ErrCredentials, MaxSecret)
	}
	return nil
}

// choices are the mechanisms that server and credentials share, the best first.
func (cr Credentials) choices(x Extensions) ([]Mechanism, error) {
	wanted := []Mechanism{MechScram, MechPlain, MechLogin}
	if cr.Token {
		wanted = []Mechanism{MechOAuthBearer, MechXOAuth2}
	}
	if cr.Mechanism != "" {
		wanted = []Mechanism{cr.Mechanism}
	}
	wanted = slices.DeleteFunc(wanted, func(m Mechanism) bool {
		return !x.HasParam("AUTH", string(m)) || m == MechScram && !cr.scramable()
	})
	if len(wanted) == 0 {
		return nil, ErrNoMechanism
	}
	return wanted, nil
}

// scramable says whether SCRAM can say these credentials and is wanted.
func (cr Credentials) scramable() bool {
	return !cr.NoScram && !cr.Token && cr.AuthzID == "" && scramable(cr.User, cr.Secret)
}

// responses returns what is sent in the order of the challenges. The caller
// wipes it.
func (cr Credentials) responses(m Mechanism, addr string) ([][]byte, error) {
	switch m {
	case MechPlain: // RFC 4616, section 2
		return [][]byte{concat(cr.AuthzID, "\x00", cr.User, "\x00", cr.Secret)}, nil
	case MechLogin:
		return [][]byte{[]byte(cr.User), bytes.Clone(cr.Secret)}, nil
	case MechXOAuth2:
		return [][]byte{concat("user=", cr.User, "\x01auth=Bearer ", cr.Secret, "\x01\x01")}, nil
	case MechOAuthBearer: // RFC 7628, section 3.1
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		who := cr.AuthzID
		if who == "" {
			who = cr.User
		}
		return [][]byte{concat("n,a=", saslName(who), ",\x01host=", host, "\x01port=", port,
			"\x01auth=Bearer ", cr.Secret, "\x01\x01")}, nil
	}
	return nil, ErrNoMechanism
}

// saslName escapes what parts a GS2 header (RFC 5801, section 4).
func saslName(s string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s)
}

// concat joins strings and byte slices into one allocation, so that one wipe
// reaches all of it.
func concat(parts ...any) []byte {
	n := 0
	for _, p := range parts {
		n += len(bytesOf(p))
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		out = append(out, bytesOf(p)...)
	}
	return out
}

func bytesOf(p any) []byte {
	if s, ok := p.(string); ok {
		return []byte(s)
	}
	return p.([]byte)
}

// Authenticate signs in (RFC 4954). On a plain connection it sends the secret
// in clear where the server has no SCRAM: Config.Security was the caller's decision.
//
// Where SCRAM is refused and was not forced, the next mechanism is tried: servers
// offer it to everybody, and cannot do it for those whose password they keep as
// another hash. A server that did not sign rightly is told nothing more.
func (c *Conn) Authenticate(ctx context.Context, cr Credentials) error {
	if c.broken {
		return notSent(StageAuth, true, ErrUnusable)
	}
	if err := cr.validate(); err != nil {
		return notSent(StageAuth, false, err)
	}
	list, err := cr.choices(c.ext)
	if err != nil {
		return notSent(StageAuth, false, err)
	}
	defer c.w.watch(ctx)()
	e := c.authenticateBy(list[0], cr)
	if e != nil && list[0] == MechScram && len(list) > 1 && e.Outcome == Refused && !e.Temporary {
		if e = c.authenticateBy(list[1], cr); e == nil {
			c.scramRefused = true
		}
	}
	if e != nil {
		return because(ctx, e)
	}
	return nil
}

// ScramRefused says that the server offers SCRAM-SHA-256 and refused there the
// credentials that it then took otherwise. A caller that remembers it sets
// Credentials.NoScram: each refusal may count as a guess at the password.
func (c *Conn) ScramRefused() bool { return c.scramRefused }

func (c *Conn) authenticateBy(mech Mechanism, cr Credentials) *Error {
	if mech == MechScram {
		return c.authenticateScram(newScram(cr.User, cr.Secret))
	}
	resp, err := cr.responses(mech, c.cfg.Addr)
	if err != nil {
		return notSent(StageAuth, false, err)
	}
	defer wipe(resp)
	return c.exchange(mech, resp)
}

// authenticateScram runs one exchange. Our doubts in the server end it.
func (c *Conn) authenticateScram(s *scram) *Error {
	r, err := c.secretLine([]byte("AUTH "+string(MechScram)+" "), s.first())
	for range MaxAuthRounds {
		if err == nil && r.Code == 235 && !s.verified {
			err = fmt.Errorf("%w: SCRAM: no signature of the server", ErrProtocol)
			c.broken = true
		}
		switch {
		case err != nil:
			return notSent(StageAuth, !errors.Is(err, ErrProtocol), err)
		case r.Code == 235:
			return nil
		case r.Code != 334:
			return refused(StageAuth, r)
		}
		var answer []byte
		challenge, bad := base64.StdEncoding.DecodeString(r.Text)
		if bad == nil {
			answer, bad = s.next(challenge)
		}
		switch {
		case errors.Is(bad, errIterations): // its setting, and no reason to say nothing more to it
			r, err = c.giveUp()
		case bad != nil:
			_, _ = c.giveUp()
			c.broken = true
			return notSent(StageAuth, false, bad)
		default:
			r, err = c.secretLine(nil, answer)
		}
	}
	c.broken = true
	return notSent(StageAuth, false, fmt.Errorf("%w: more than %d AUTH challenges", ErrProtocol, MaxAuthRounds))
}

func wipe(bufs [][]byte) {
	for _, b := range bufs {
		clear(b)
	}
}

// exchange runs the challenges of one AUTH.
func (c *Conn) exchange(mech Mechanism, resp [][]byte) *Error {
	next := 0
	first := []byte("AUTH " + string(mech))
	// LOGIN has no initial response by custom. RFC 4954, section 4: one that
	// does not fit a command line waits for the empty challenge.
	if mech != MechLogin && len(first)+1+base64.StdEncoding.EncodedLen(len(resp[0]))+2 <= commandLine {
		first, next = append(first, ' '), 1
		r, err := c.secretLine(first, resp[0])
		return c.challenges(mech, resp, next, r, err)
	}
	r, err := c.secretLine(first, nil)
	return c.challenges(mech, resp, next, r, err)
}

func (c *Conn) challenges(mech Mechanism, resp [][]byte, next int, r Reply, err error) *Error {
	for range MaxAuthRounds {
		switch {
		case err != nil:
			return notSent(StageAuth, true, err)
		case r.Code == 235:
			return nil
		case r.Code != 334:
			return refused(StageAuth, r)
		case next < len(resp):
			r, err = c.secretLine(nil, resp[next])
			next++
		default:
			// An error told as a challenge: acknowledge it to get the real
			// reply (RFC 7628, section 3.2.3); else give the exchange up.
			r, err = c.secretLine(acknowledgement(mech), nil)
		}
	}
	c.broken = true
	return notSent(StageAuth, false, fmt.Errorf("%w: more than %d AUTH challenges", ErrProtocol, MaxAuthRounds))
}

// giveUp ends an exchange (RFC 4954, section 4); the reply is 501.
func (c *Conn) giveUp() (Reply, error) { return c.secretLine([]byte("*"), nil) }

func acknowledgement(m Mechanism) []byte {
	switch m {
	case MechOAuthBearer:
		return []byte("AQ==")
	case MechXOAuth2:
		return []byte{}
	}
	return []byte("*")
}

// secretLine writes prefix and base64(secret) in one write and wipes the copy.
func (c *Conn) secretLine(prefix, secret []byte) (Reply, error) {
	n := base64.StdEncoding.EncodedLen(len(secret))
	line := make([]byte, 0, len(prefix)+n+2)
	line = append(line, prefix...)
	line = base64.StdEncoding.AppendEncode(line, secret)
	line = append(line, "\r\n"...)
	err := c.w.write(line, c.cfg.CommandTimeout)
	clear(line)
	if err != nil {
		c.broken = true
		return Reply{}, fmt.Errorf("writing AUTH: %w", err)
	}
	return c.readReply(c.cfg.CommandTimeout)
}
