package managesieve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const hello = "\"IMPLEMENTATION\" \"Test\"\r\n\"SIEVE\" \"fileinto vacation\"\r\n\"SASL\" \"PLAIN LOGIN OAUTHBEARER XOAUTH2\"\r\n\"NOTIFY\" \"mailto\"\r\n\"MaxRedirects\" \"4\"\r\n\"VERSION\" \"1.0\"\r\nOK \"hi\"\r\n"

// server plays a dialog: what it says, and what it must hear, line by line.
func server(t *testing.T, lines ...string) *Conn {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer there.Close()
		br := bufio.NewReader(there)
		for _, l := range lines {
			if want, ok := strings.CutPrefix(l, "C: "); ok {
				got, err := br.ReadString('\n')
				if got != want+"\r\n" {
					t.Errorf("heard %q, %v, want %q", got, err, want)
					return
				}
				continue
			}
			if _, err := io.WriteString(there, strings.TrimPrefix(l, "S: ")); err != nil {
				return
			}
		}
		_, _ = br.ReadString('\n') // a LOGOUT, or the end
	}()
	c, err := NewConn(t.Context(), here, Config{Addr: "sieve.example:4190", Security: Plain, CommandTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); <-done })
	return c
}

func refusal(t *testing.T, err error) *Refusal {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%v is no Refusal", err)
	}
	return r
}

func TestGreeting(t *testing.T) {
	c := server(t, "S: "+hello)
	four := uint64(4)
	want := Capabilities{Implementation: "Test", SASL: []string{"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"}, Sieve: []string{"fileinto", "vacation"},
		Notify: []string{"mailto"}, MaxRedirects: &four, Version: "1.0"}
	if d := cmp.Diff(want, c.Capabilities()); d != "" {
		t.Error(d)
	}
	if caps := c.Capabilities(); !caps.Has("vacation") || caps.Has("Vacation") {
		t.Error("extensions are case-sensitive")
	}
}

func TestScripts(t *testing.T) {
	c := server(t, "S: "+hello,
		"C: LISTSCRIPTS", "S: \"a\"\r\n{13}\r\nclever\"script\r\n\"main\" active\r\nOK\r\n",
		`C: GETSCRIPT "clever\"script"`, "S: {8}\r\nkeep;\r\n\n\r\nOK \"done\"\r\n",
		`C: PUTSCRIPT "a" {5+}`, "C: keep;", "S: OK (WARNINGS) {11}\r\nline 1: odd\r\n",
		`C: CHECKSCRIPT {3+}`, "C: bad", "S: NO \"line 1: error\r\nand more\"\r\n",
		`C: HAVESPACE "a" 70000`, "S: NO (QUOTA/MAXSIZE) \"too large\"\r\n",
		`C: SETACTIVE ""`, "S: OK\r\n",
		`C: DELETESCRIPT "a"`, "S: NO (ACTIVE)\r\n",
		`C: RENAMESCRIPT "a" "b"`, "S: OK (TAG \"a)b\") \"x\"\r\n",
		`C: SETACTIVE "b"`, "S: BYE (TRYLATER) \"closing\"\r\n")
	ctx := t.Context()
	list, err := c.List(ctx)
	if d := cmp.Diff([]Script{{"a", false}, {`clever"script`, false}, {"main", true}}, list); d != "" || err != nil {
		t.Error(d, err)
	}
	if s, err := c.Get(ctx, `clever"script`); s != "keep;\r\n\n" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	if w, err := c.Put(ctx, "a", "keep;"); w != "line 1: odd" || err != nil {
		t.Errorf("%q, %v", w, err)
	}
	_, err = c.Check(ctx, "bad")
	if r := refusal(t, err); r.Text != "line 1: error\r\nand more" || strings.Contains(err.Error(), "line") {
		t.Errorf("%+v: %v", r, err)
	}
	if r := refusal(t, c.HaveSpace(ctx, "a", 70000)); !r.Has("QUOTA") || !r.Has("QUOTA/MAXSIZE") || r.Temporary() {
		t.Errorf("%+v", r)
	}
	if err := c.SetActive(ctx, ""); err != nil {
		t.Error(err)
	}
	if r := refusal(t, c.Delete(ctx, "a")); r.Code != "ACTIVE" || r.Bye {
		t.Errorf("%+v", r)
	}
	if err := c.Rename(ctx, "a", "b"); err != nil {
		t.Error(err)
	}
	if r := refusal(t, c.SetActive(ctx, "b")); !r.Bye || !r.Temporary() || c.Usable() {
		t.Errorf("%+v, usable %v", r, c.Usable())
	}
	if err := c.SetActive(ctx, "b"); !errors.Is(err, ErrUnusable) {
		t.Error(err)
	}
}

// RFC 5804, section 2.11: a server from before it is asked to copy and delete.
func TestRenameByCopy(t *testing.T) {
	c := server(t, "S: \"SIEVE\" \"fileinto\"\r\nOK\r\n",
		"C: LISTSCRIPTS", "S: \"a\" ACTIVE\r\nOK\r\n",
		`C: GETSCRIPT "a"`, "S: \"keep;\"\r\nOK\r\n",
		`C: PUTSCRIPT "b" {5+}`, "C: keep;", "S: OK\r\n",
		`C: SETACTIVE "b"`, "S: OK\r\n", `C: DELETESCRIPT "a"`, "S: OK\r\n",
		"C: LISTSCRIPTS", "S: \"b\" ACTIVE\r\n\"c\"\r\nOK\r\n")
	if err := c.Rename(t.Context(), "a", "b"); err != nil {
		t.Error(err)
	}
	if r := refusal(t, c.Rename(t.Context(), "b", "c")); r.Code != "ALREADYEXISTS" {
		t.Errorf("%+v", r)
	}
	if _, err := c.Check(t.Context(), "keep;"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestAuthenticate(t *testing.T) {
	for _, c := range []struct {
		name   string
		cred   Credentials
		dialog []string
		code   string
		ok     bool
	}{
		{"plain", Credentials{User: "ann", Secret: []byte("pw")}, []string{`C: AUTHENTICATE "PLAIN" "AGFubgBwdw=="`, "S: OK\r\n"}, "", true},
		{"wrong", Credentials{User: "ann", Secret: []byte("pw")}, []string{`C: AUTHENTICATE "PLAIN" "AGFubgBwdw=="`, "S: NO (AUTH-TOO-WEAK) \"x\"\r\n"}, "AUTH-TOO-WEAK", false},
		{"login", Credentials{User: "ann", Secret: []byte("pw"), Mechanism: MechLogin},
			[]string{`C: AUTHENTICATE "LOGIN"`, "S: \"VXNlcm5hbWU6\"\r\n", `C: "YW5u"`, "S: {12}\r\nUGFzc3dvcmQ6\r\n", `C: "cHc="`, "S: OK\r\n"}, "", true},
		{"bearer", Credentials{User: "a,b", Secret: []byte("tok"), Token: true},
			[]string{`C: AUTHENTICATE "OAUTHBEARER" "bixhPWE9MkNiLAFob3N0PXNpZXZlLmV4YW1wbGUBcG9ydD00MTkwAWF1dGg9QmVhcmVyIHRvawEB"`,
				"S: \"eyJzdGF0dXMiOiI0MDAifQ==\"\r\n", `C: "AQ=="`, "S: NO \"bad token\"\r\n"}, "", false},
		{"xoauth2", Credentials{User: "ann", Secret: []byte("tok"), Token: true, Mechanism: MechXOAuth2},
			[]string{`C: AUTHENTICATE "XOAUTH2" "dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rAQE="`, "S: \"e30=\"\r\n", `C: ""`, "S: NO\r\n"}, "", false},
		{"plain that goes on", Credentials{User: "ann", Secret: []byte("pw")},
			[]string{`C: AUTHENTICATE "PLAIN" "AGFubgBwdw=="`, "S: \"\"\r\n", `C: "*"`, "S: NO\r\n"}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := server(t, append([]string{"S: " + hello}, c.dialog...)...).Authenticate(t.Context(), c.cred)
			if c.ok {
				if err != nil {
					t.Error(err)
				}
			} else if r := refusal(t, err); r.Code != c.code {
				t.Errorf("%+v", r)
			}
		})
	}
	long := server(t, "S: "+hello, `C: AUTHENTICATE "PLAIN" {2672+}`)
	if err := long.Authenticate(t.Context(), Credentials{User: "ann", Secret: []byte(strings.Repeat("x", 1998))}); err == nil {
		t.Error("signed in to a server that went away")
	}
	c := server(t, "S: "+hello)
	for name, cred := range map[string]Credentials{
		"no user": {Secret: []byte("x")}, "no secret": {User: "a"}, "NUL": {User: "a", Secret: []byte("x\x00y")},
		"line": {User: "a\r\n", Secret: []byte("x")}, "long": {User: "a", Secret: make([]byte, MaxSecret+1)},
	} {
		if err := c.Authenticate(t.Context(), cred); !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Authenticate(t.Context(), Credentials{User: "a", Secret: []byte("x"), Mechanism: "GSSAPI"}); !errors.Is(err, ErrNoMechanism) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "": false, "a\r\nb": false, "a\u2028b": false, "\u00e9\u00fc": true, "a\x7f": false,
		strings.Repeat("\u00e9", 128): true, strings.Repeat("a", 129): false} {
		if ValidName(name) != ok {
			t.Errorf("%q: valid %v", name, !ok)
		}
	}
	c := server(t, "S: "+hello, "C: GETSCRIPT {4+}", "C: a", "C: b", "S: NO (NONEXISTENT)\r\n")
	if _, err := c.Get(t.Context(), "a\r\nb"); refusal(t, err).Code != "NONEXISTENT" {
		t.Error(err) // what a server named is asked for as it is, and breaks no line
	}
	if _, err := c.Get(t.Context(), ""); !errors.Is(err, ErrName) {
		t.Error(err)
	}
}

// A person who has gone away frees the connection at once.
func TestContextEndsCommand(t *testing.T) {
	c := server(t, "S: "+hello, "C: LISTSCRIPTS")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.List(ctx); !errors.Is(err, context.DeadlineExceeded) || c.Usable() {
		t.Errorf("%v, usable %v", err, c.Usable())
	}
}

func TestSecurityNeverFallsBack(t *testing.T) {
	here, there := net.Pipe()
	go func() { fmt.Fprint(there, hello); _, _ = io.Copy(io.Discard, there) }()
	_, err := NewConn(t.Context(), here, Config{Addr: "sieve.example:4190"})
	if !errors.Is(err, ErrNoStartTLS) {
		t.Errorf("%v, want ErrNoStartTLS", err)
	}
	mine, other := net.Pipe()
	go func() {
		fmt.Fprint(other, "\"STARTTLS\"\r\nOK\r\n")
		_, _ = bufio.NewReader(other).ReadString('\n')
		fmt.Fprint(other, "OK\r\nOK \"injected before TLS\"\r\n")
		_, _ = io.Copy(io.Discard, other)
	}()
	if _, err := NewConn(t.Context(), mine, Config{Addr: "sieve.example:4190"}); !errors.Is(err, ErrProtocol) {
		t.Errorf("%v, want ErrProtocol", err)
	}
}

func TestHostileResponses(t *testing.T) {
	for name, s := range map[string]string{
		"endless quoted":  `"` + strings.Repeat("x", MaxString+1),
		"large literal":   fmt.Sprintf("{%d}\r\n", MaxString+1),
		"huge literal":    "{99999999999999999999}\r\n",
		"negative":        "{-1}\r\n",
		"too much in all": strings.Repeat(fmt.Sprintf("{%d}\r\n%s\r\n", MaxString-10, strings.Repeat("x", MaxString-10)), 3),
		"many lines":      strings.Repeat("\"a\"\r\n", MaxLines+2),
		"many items":      strings.Repeat("\"a\" ", maxItems+2),
		"long atom":       strings.Repeat("A", maxAtom+2),
		"long code":       "OK (" + strings.Repeat("A", maxCode+2),
		"no status":       "HELLO\r\n",
		"binary":          "\x00\x01\x02",
		"line end":        "OK\rOK",
		"cut":             "OK (",
	} {
		r := reader{br: bufio.NewReader(strings.NewReader(s))}
		if res, err := r.response(false); err == nil {
			t.Errorf("%s: read as %+v", name, res)
		}
	}
}

// FuzzResponse: whatever a server sends, reading it ends and keeps to the limits.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{hello, "NO (QUOTA/MAXSIZE) {3}\r\nabc\r\n", "\"a\" ACTIVE\r\nOK\r\n", "BYE (REFERRAL \"sieve://x\") \"y\"\r\n", "OK (X (Y {1}\r\nz))\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := reader{br: bufio.NewReader(strings.NewReader(s))}
		res, err := r.response(false)
		if err != nil {
			return
		}
		if len(res.lines) > MaxLines || res.status.word == "" {
			t.Fatalf("%+v", res)
		}
		capabilities(res)
	})
}
