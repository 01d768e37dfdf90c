package managesieve

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Mechanism names a SASL mechanism.
type Mechanism string

// The mechanisms we speak.
const (
	MechPlain       Mechanism = "PLAIN"
	MechLogin       Mechanism = "LOGIN"
	MechOAuthBearer Mechanism = "OAUTHBEARER"
	MechXOAuth2     Mechanism = "XOAUTH2"
)

// Credentials are what a person signs in with.
type Credentials struct {
	User string
	// Secret is a password or token. It stays the caller's to wipe.
	Secret []byte
	// Token says that Secret is an OAuth access token and not a password.
	Token bool
	// Mechanism forces one; else PLAIN before LOGIN, OAUTHBEARER before XOAUTH2.
	Mechanism Mechanism
}

func (cr Credentials) validate() error {
	switch {
	case cr.User == "" || len(cr.User) > MaxUser:
		return fmt.Errorf("%w: user name empty or longer than %d bytes", ErrCredentials, MaxUser)
	case len(cr.Secret) == 0 || len(cr.Secret) > MaxSecret:
		return fmt.Errorf("%w: secret empty or longer than %d bytes", ErrCredentials, MaxSecret)
	case strings.ContainsAny(cr.User, "\x00\x01\r\n") || bytes.ContainsAny(cr.Secret, "\x00\x01"):
		return fmt.Errorf("%w: control characters", ErrCredentials) // NUL and 0x01 part the fields
	}
	return nil
}

func (cr Credentials) choose(offered []string) (Mechanism, error) {
	wanted := []Mechanism{MechPlain, MechLogin}
	if cr.Token {
		wanted = []Mechanism{MechOAuthBearer, MechXOAuth2}
	}
	if cr.Mechanism != "" {
		wanted = []Mechanism{cr.Mechanism}
	}
	for _, m := range wanted {
		if slices.Contains(offered, string(m)) {
			return m, nil
		}
	}
	return "", ErrNoMechanism
}

// responses returns what is sent in the order of the challenges. The caller wipes
// it.
func (cr Credentials) responses(m Mechanism, addr string) ([][]byte, error) {
	switch m {
	case MechPlain: // RFC 4616, section 2
		return [][]byte{slices.Concat([]byte("\x00"+cr.User+"\x00"), cr.Secret)}, nil
	case MechLogin:
		return [][]byte{[]byte(cr.User), bytes.Clone(cr.Secret)}, nil
	case MechXOAuth2:
		return [][]byte{slices.Concat([]byte("user="+cr.User+"\x01auth=Bearer "), cr.Secret, []byte("\x01\x01"))}, nil
	case MechOAuthBearer: // RFC 7628, section 3.1
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(cr.User) // RFC 5801, section 4
		head := "n,a=" + name + ",\x01host=" + host + "\x01port=" + port + "\x01auth=Bearer "
		return [][]byte{slices.Concat([]byte(head), cr.Secret, []byte("\x01\x01"))}, nil
	}
	return nil, ErrNoMechanism
}

// Authenticate signs in (RFC 5804, section 2.1). On a plain connection it sends
// the secret in clear: Config.Security was the caller's decision. A *Refusal says
// that the server does not take it.
func (c *Conn) Authenticate(ctx context.Context, cr Credentials) error {
	if err := cr.validate(); err != nil {
		return err
	}
	mech, err := cr.choose(c.caps.SASL)
	if err != nil {
		return err
	}
	resp, err := cr.responses(mech, c.cfg.Addr)
	if err != nil {
		return err
	}
	defer func() {
		for _, b := range resp {
			clear(b)
		}
	}()
	defer c.watch(ctx)()
	return because(ctx, c.exchange(mech, resp))
}

func (c *Conn) exchange(mech Mechanism, resp [][]byte) error {
	args := []byte(` "` + string(mech) + `"`)
	if mech != MechLogin { // LOGIN has no initial response by custom
		args = appendSecret(append(args, ' '), resp[0])
		resp = resp[1:]
	}
	err := c.send("AUTHENTICATE", args)
	for range maxAuthRounds {
		if err != nil {
			return err
		}
		res, err2 := c.answer(true)
		switch {
		case err2 != nil:
			return err2
		case res.status.word == "OK":
			return nil
		case len(resp) > 0:
			err = c.send("", appendSecret(nil, resp[0]))
			resp = resp[1:]
		default:
			err = c.send("", []byte(acknowledgement(mech)))
		}
	}
	c.broken = true
	return broken("too many challenges")
}

// acknowledgement answers an error that is told as a challenge, to get the real
// answer (RFC 7628, section 3.2.3); else it gives the exchange up.
func acknowledgement(m Mechanism) string {
	switch m {
	case MechOAuthBearer:
		return `"AQ=="`
	case MechXOAuth2:
		return `""`
	}
	return `"*"`
}

// appendSecret appends base64 of a secret as a string.
func appendSecret(dst, secret []byte) []byte {
	n := base64.StdEncoding.EncodedLen(len(secret))
	out := make([]byte, 0, len(dst)+n+16)
	out = append(out, dst...)
	if n > maxQuoted {
		out = fmt.Appendf(out, "{%d+}\r\n", n)
		return base64.StdEncoding.AppendEncode(out, secret)
	}
	out = base64.StdEncoding.AppendEncode(append(out, '"'), secret)
	return append(out, '"')
}
