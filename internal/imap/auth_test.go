package imap

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
)

func openDialog(t *testing.T, dialog string) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	c, err := New(ctx, imaptest.Replay(t, dialog), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestAuthentication(t *testing.T) {
	token := []byte("token.value")
	tests := []struct {
		name, dialog string
		mech         Mechanism
		code         string // "" success
	}{
		{"plain with initial response", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\nC: A1 AUTHENTICATE PLAIN " + b64("\x00user\x00pass") + "\nS: A1 OK [CAPABILITY IMAP4rev1 IDLE] in\n", PlainAuth("", "user", []byte("pass")), ""},
		{"plain without, capabilities untold", "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: A1 AUTHENTICATE PLAIN\nS: +\nC: " + b64("act\x00user\x00pass") + "\nS: A1 OK in\nC: A2 CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE\nS: A2 OK done\n", PlainAuth("act", "user", []byte("pass")), ""},
		{"refused", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi\nC: A1 AUTHENTICATE PLAIN " + b64("\x00user\x00bad") + "\nS: A1 NO [AUTHENTICATIONFAILED] no\n", PlainAuth("", "user", []byte("bad")), CodeAuthenticationFailed},
		{"oauthbearer", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi\nC: A1 AUTHENTICATE OAUTHBEARER " + b64("n,a=u=2Cx@example.org,\x01host=mail.example\x01port=143\x01auth=Bearer token.value\x01\x01") + "\nS: * CAPABILITY IMAP4rev1 IDLE\nS: A1 OK in\n", OAuthBearer("u,x@example.org", "mail.example", 143, token), ""},
		{"oauthbearer refused", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi\nC: A1 AUTHENTICATE OAUTHBEARER " + b64("n,a=u,\x01auth=Bearer token.value\x01\x01") + "\nS: + " + b64(`{"status":"invalid_token"}`) + "\nC: AQ==\nS: A1 NO [AUTHENTICATIONFAILED] no\n", OAuthBearer("u", "", 0, token), CodeAuthenticationFailed},
		{"xoauth2 refused", "S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 AUTHENTICATE XOAUTH2\nS: +\nC: " + b64("user=u\x01auth=Bearer token.value\x01\x01") + "\nS: + " + b64(`{"status":"400"}`) + "\nC:\nS: A1 NO [AUTHENTICATIONFAILED] no\n", XOAuth2("u", token), CodeAuthenticationFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openDialog(t, tt.dialog)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			err := c.Authenticate(ctx, tt.mech)
			if tt.code != "" {
				if !HasCode(err, tt.code) || c.State() != StateNotAuthenticated {
					t.Errorf("error %v, state %d", err, c.State())
				}
				return
			}
			if err != nil || c.State() != StateAuthenticated || !c.Caps().Has(CapIdle) {
				t.Errorf("error %v, state %d, capabilities anew %v", err, c.State(), c.Caps().Has(CapIdle))
			}
		})
	}
	if !bytes.Equal(token, []byte("token.value")) {
		t.Error("the caller's token was changed")
	}
}

func TestPlainTellsOnWrongChallenges(t *testing.T) {
	c := openDialog(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi\nC: A1 AUTHENTICATE PLAIN "+b64("\x00u\x00p")+"\nS: + "+b64("what else?")+"\nC: *\nS: A1 BAD cancelled\n")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Authenticate(ctx, PlainAuth("", "u", []byte("p"))); err == nil {
		t.Error("no error")
	}
}

// TestPasswordsAreWiped looks at the buffers that held the password.
func TestPasswordsAreWiped(t *testing.T) {
	for _, password := range []string{"secret-pass", `with "quotes" and \`, "pässword"} {
		dialog := map[string]string{
			"secret-pass":         "C: A1 LOGIN \"user\" \"secret-pass\"\n",
			`with "quotes" and \`: `C: A1 LOGIN "user" "with \"quotes\" and \\"` + "\n",
			"pässword":            "C: A1 LOGIN \"user\" {9}\nS: + go\nC: pässword\n",
		}[password]
		c := openDialog(t, "S: * OK [CAPABILITY IMAP4rev1] hi\n"+dialog+"S: A1 OK [CAPABILITY IMAP4rev1 IDLE] in\n")
		mine := []byte(password)
		cmd := c.loginCommand("user", mine)
		held := cmd.enc.buf[:cap(cmd.enc.buf)]
		if err := c.authenticate(context.Background(), cmd); err != nil {
			t.Fatal(err)
		}
		if &held[0] != &cmd.enc.buf[:1][0] {
			t.Error("the buffer grew: a copy was left behind")
		}
		<-cmd.done
		_ = c.Close()
		<-c.writeEnd
		if bytes.ContainsFunc(held, func(r rune) bool { return r != 0 }) {
			t.Errorf("buffer after the login: %q", held)
		}
		if string(mine) != password {
			t.Error("the caller's password was changed")
		}
	}
	m := PlainAuth("", "user", []byte("secret-pass"))
	first, _ := m.First()
	c := openDialog(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi\nC: A1 AUTHENTICATE PLAIN "+b64("\x00user\x00secret-pass")+"\nS: A1 OK [CAPABILITY IMAP4rev1] in\n")
	cmd := c.authenticateCommand(m, first)
	held := cmd.enc.buf[:cap(cmd.enc.buf)]
	if err := c.authenticate(context.Background(), cmd); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	<-c.writeEnd
	if bytes.ContainsFunc(held, func(r rune) bool { return r != 0 }) {
		t.Errorf("buffer after AUTHENTICATE: %q", held)
	}
}

func TestCredentialsThatCannotBeSent(t *testing.T) {
	c := openDialog(t, "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\n")
	if err := c.Login(context.Background(), "u", []byte("p")); !errors.Is(err, ErrUnsupported) {
		t.Errorf("LOGINDISABLED: %v", err)
	}
	c = openDialog(t, "S: * OK [CAPABILITY IMAP4rev1] hi\n")
	if err := c.Login(context.Background(), "u", []byte("p\x00q")); !errors.Is(err, ErrBadArgument) {
		t.Errorf("NUL in a password: %v", err)
	}
	if err := c.Authenticate(context.Background(), PlainAuth("", "u\x00root", []byte("p"))); !errors.Is(err, ErrBadArgument) {
		t.Errorf("NUL in a user: %v", err)
	}
	if err := c.Authenticate(context.Background(), XOAuth2("u", []byte("a\x01b"))); !errors.Is(err, ErrBadArgument) {
		t.Errorf("separator in a token: %v", err)
	}
}
