package imap

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
)

// Mechanism is a SASL mechanism as the client sees it (RFC 4422). What it
// returns is wiped after it was sent.
type Mechanism interface {
	// Name is the mechanism's name, as "PLAIN".
	Name() string
	// First returns the initial response; nil when the server speaks first.
	First() ([]byte, error)
	// Next answers a challenge.
	Next(challenge []byte) ([]byte, error)
}

// Login logs in with LOGIN (RFC 9051, section 6.2.3). The password stays the
// caller's; see the package comment for where copies are. A refusal is a
// StatusError, usually with CodeAuthenticationFailed.
func (c *Client) Login(ctx context.Context, user string, password []byte) error {
	if c.Caps().Has(CapLoginDisabled) {
		return fmt.Errorf("%w: LOGIN is disabled on this connection", ErrUnsupported)
	}
	return c.authenticate(ctx, c.loginCommand(user, password))
}

func (c *Client) loginCommand(user string, password []byte) *command {
	e := c.encode("LOGIN")
	// Room for every byte escaped: growing would leave a copy behind.
	e.buf = append(make([]byte, 0, len(e.buf)+2*len(user)+2*len(password)+64), e.buf...)
	e.sp().str(user).sp().secret(password)
	return &command{name: "LOGIN", enc: e, secret: true, alone: true, settle: c.loggedIn}
}

// Authenticate logs in with a SASL mechanism (RFC 9051, section 6.2.2), with
// an initial response where the server takes one (RFC 4959).
func (c *Client) Authenticate(ctx context.Context, m Mechanism) error {
	first, err := m.First()
	if err != nil {
		return err
	}
	defer clear(first)
	return c.authenticate(ctx, c.authenticateCommand(m, first))
}

func (c *Client) authenticateCommand(m Mechanism, first []byte) *command {
	e := c.encode("AUTHENTICATE")
	e.sp().atom(m.Name())
	sent := first == nil
	if first != nil && c.Caps().Supports(CapSASLIR) {
		e.buf = append(make([]byte, 0, len(e.buf)+base64.StdEncoding.EncodedLen(len(first))+64), e.buf...)
		e.sp()
		if len(first) == 0 {
			e.raw("=")
		}
		e.buf = base64.StdEncoding.AppendEncode(e.buf, first)
		e.line = len(e.buf) // an initial response may be longer than a line
		sent = true
	}
	cmd := &command{name: "AUTHENTICATE", enc: e, secret: true, alone: true, settle: c.loggedIn}
	cmd.challenge = func(text string) ([]byte, error) {
		if !sent {
			sent = true
			return encode64(first), nil
		}
		in, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, &ProtocolError{Reason: "challenge is not base64"}
		}
		out, err := m.Next(in)
		defer clear(out)
		return encode64(out), err
	}
	return cmd
}

func encode64(b []byte) []byte {
	return base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(b))), b)
}

func (c *Client) loggedIn(r *Response) {
	if r.Kind == StatusOK {
		c.setState(StateAuthenticated)
	}
}

// authenticate sends the command and learns the capabilities anew: those of an
// authenticated connection differ (RFC 9051, section 6.2).
func (c *Client) authenticate(ctx context.Context, cmd *command) error {
	c.mu.Lock()
	c.capsFresh = false
	c.mu.Unlock()
	f := start(c, new(None), cmd)
	if _, err := f.Wait(ctx); err != nil {
		if f.err != nil {
			cmd.enc.wipe() // never sent
		}
		return err
	}
	return c.learnCaps(ctx)
}

// plain is SASL PLAIN (RFC 4616).
type plain struct {
	authz, user string
	password    []byte
}

// PlainAuth logs in as user with a password; authz is the identity to act as,
// normally empty. The password stays the caller's and must not be wiped before
// Authenticate has returned.
func PlainAuth(authz, user string, password []byte) Mechanism {
	return &plain{authz, user, password}
}

func (p *plain) Name() string { return "PLAIN" }

func (p *plain) First() ([]byte, error) {
	for _, part := range [][]byte{[]byte(p.authz), []byte(p.user), p.password} {
		for _, c := range part {
			if c == 0 {
				return nil, fmt.Errorf("%w: NUL in credentials", ErrBadArgument)
			}
		}
	}
	b := make([]byte, 0, len(p.authz)+len(p.user)+len(p.password)+2)
	b = append(b, p.authz...)
	b = append(b, 0)
	b = append(b, p.user...)
	b = append(b, 0)
	return append(b, p.password...), nil
}

func (p *plain) Next([]byte) ([]byte, error) {
	return nil, &ProtocolError{Reason: "PLAIN has no second challenge"}
}

// bearer is OAUTHBEARER (RFC 7628) or Google's XOAUTH2.
type bearer struct {
	name  string
	head  string
	token []byte
	tail  string
	fail  []byte
}

// OAuthBearer logs in with a bearer token (RFC 7628, section 3.1). host and
// port are those of the server, zero values leave them out.
func OAuthBearer(user, host string, port int, token []byte) Mechanism {
	head := "n,a=" + gs2Escape(user) + ",\x01"
	if host != "" {
		head += "host=" + host + "\x01"
	}
	if port != 0 {
		head += "port=" + strconv.Itoa(port) + "\x01"
	}
	// Section 3.2.3: the failure is acknowledged by a lone %x01.
	return &bearer{"OAUTHBEARER", head + "auth=Bearer ", token, "\x01\x01", []byte{1}}
}

// XOAuth2 logs in with a bearer token the way Google and Microsoft do.
func XOAuth2(user string, token []byte) Mechanism {
	return &bearer{"XOAUTH2", "user=" + user + "\x01auth=Bearer ", token, "\x01\x01", nil}
}

func (b *bearer) Name() string { return b.name }

func (b *bearer) First() ([]byte, error) {
	for _, c := range b.token {
		if c <= ' ' || c >= 0x7f {
			return nil, fmt.Errorf("%w: bad character in a token", ErrBadArgument)
		}
	}
	out := make([]byte, 0, len(b.head)+len(b.token)+len(b.tail))
	out = append(out, b.head...)
	out = append(out, b.token...)
	return append(out, b.tail...), nil
}

// Next acknowledges the server's description of a failure.
func (b *bearer) Next([]byte) ([]byte, error) { return append([]byte(nil), b.fail...), nil }

// gs2Escape writes an authzid for the GS2 header (RFC 5801, section 4).
func gs2Escape(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		switch s[i] {
		case ',':
			out = append(out, "=2C"...)
		case '=':
			out = append(out, "=3D"...)
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
