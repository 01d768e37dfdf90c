package system

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

const (
	faultAnswer = 5 * time.Second  // a person has an answer by then, whatever is down
	faultSignIn = 15 * time.Second // a sign-in may try for longer
	faultBack   = 45 * time.Second // after the mail server is back all works again, by itself
	faultExit   = 5 * time.Second  // serve with a bad configuration has ended by then
)

// TestBadConfigurations: serve and config check name each fault with its place,
// and end at once.
func TestBadConfigurations(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1})
	for _, c := range []struct {
		name       string
		edit       func(string) string
		want       []string
		checkKnows bool // config check says it too; else only serve can find out
	}{
		{"unknown key", func(s string) string { return strings.Replace(s, "[cells]\n", "[cells]\ncels = 3\n", 1) }, []string{"cofferdam.toml:", "unknown key cells.cels"}, true},
		{"no TOML", func(s string) string { return s + "\n[web\n" }, []string{"cofferdam.toml:"}, true},
		{"unsafe without a reason", func(s string) string { return strings.Replace(s, "a test has no operator", "x", 1) }, []string{"online_operator_key"}, true},
		{"two faults at once", func(s string) string {
			return strings.Replace(strings.Replace(s, "cells = 2", "cells = 0", 1), "tls = \"implicit\"", "tls = \"maybe\"", 1)
		}, []string{"cells.cells", "main.imap.tls"}, true},
		{"certificate not there", func(s string) string { return strings.Replace(s, "web.pem", "nowhere.pem", 1) }, []string{"nowhere.pem"}, false},
		{"certificate of the mail server's CA not there", func(s string) string { return strings.Replace(s, "mail-ca.pem", "nowhere.pem", 1) }, []string{"nowhere.pem"}, false},
		{"key of another certificate", func(s string) string { return strings.Replace(s, "web.key", "mail-ca.pem", 1) }, []string{"web.key"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Prepare(t, p, Options{Edit: c.edit})
			commands := [][]string{{"serve", "--config", s.ConfigFile()}}
			if c.checkKnows {
				commands = append(commands, []string{"config", "check", s.ConfigFile()})
			}
			for _, args := range commands {
				ctx, cancel := context.WithTimeout(t.Context(), faultExit)
				began := time.Now()
				out, err := s.Run(ctx, args...)
				cancel()
				if err == nil {
					t.Errorf("%s took it:\n%s", args[0], out)
				}
				if took := time.Since(began); took > faultExit-100*time.Millisecond {
					t.Errorf("%s had not ended after %v:\n%s", args[0], took.Round(time.Millisecond), clip(out, 600))
				}
				for _, want := range c.want {
					if !strings.Contains(out, want) {
						t.Errorf("%s said nothing of %q:\n%s", args[0], want, clip(out, 600))
					}
				}
				if testing.Verbose() {
					t.Logf("%s: %s", args[0], clip(strings.ReplaceAll(out, s.Dir, "DIR"), 300))
				}
			}
		})
	}
}

// refusal is what the page shows, and what the log says of a sign-in.
func refusal(t *testing.T, s *Server, p *Person, password string) (*Failure, Record, time.Duration) {
	t.Helper()
	from := s.Log.Len()
	began := time.Now()
	err := p.SignIn(t.Context(), password)
	took := time.Since(began)
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("the sign-in ended with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), faultAnswer)
	defer cancel()
	r, ok := s.Log.Wait(ctx, from, func(r Record) bool { return r.Text("msg") == "sign-in" })
	if !ok {
		t.Fatal("no line in the log for a sign-in")
	}
	for _, line := range s.Log.From(from) {
		if strings.Contains(line, p.Login) || strings.Contains(line, password) {
			t.Errorf("the log names the person or the password: %s", line)
		}
	}
	return f, r, took
}

// doctor asks what stands in the way, and returns the finding of one check.
func doctor(t *testing.T, s *Server, check string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	out, _ := s.Run(ctx, "doctor", "--json", "--config", s.ConfigFile()) // it fails when a check does
	var list []struct{ Check, Result, Found, Advice string }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("doctor: %v\n%s", err, out)
	}
	for _, f := range list {
		if f.Check == check {
			return f.Result + ": " + f.Found + " " + f.Advice
		}
	}
	t.Fatalf("doctor has no check %s:\n%s", check, out)
	return ""
}

func TestRefusedLogin(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1})
	s := Start(t, p, Options{})
	one := s.Browser(p.Users[0].Login)
	defer one.Close()
	f, r, took := refusal(t, s, one, "wrong-password-2026")
	if f.Status != 401 || f.Type != "refused" || !strings.Contains(f.Detail, "did not accept") {
		t.Errorf("the page shows %v", f)
	}
	if r.Text("outcome") != "refused" || took > faultAnswer {
		t.Errorf("the log says %v, after %v", r, took)
	}
	if err := one.SignIn(t.Context(), p.Users[0].Password); err != nil {
		t.Errorf("the right password after it: %v", err)
	}
}

// TestWrongCertificate: a mail server with a certificate that nobody vouched for
// gets no password; the person is told that it is not their fault, the operator
// what is wrong.
func TestWrongCertificate(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1})
	s := Start(t, p, Options{Edit: func(c string) string { return strings.ReplaceAll(c, "mail-ca.pem", "web.pem") }})
	one := s.Browser(p.Users[0].Login)
	defer one.Close()
	from := s.Log.Len()
	f, r, took := refusal(t, s, one, p.Users[0].Password)
	if f.Status != 503 || f.Type != "unavailable" || took > faultSignIn {
		t.Errorf("the page shows %v after %v", f, took)
	}
	said := false
	for _, line := range s.Log.Records(from) {
		said = said || strings.Contains(line.Text("err"), "certificate")
	}
	if !said || r.Text("outcome") != "unavailable" {
		t.Errorf("the log does not name the certificate (%v):\n%s", r, strings.Join(s.Log.From(from), "\n"))
	}
	if found := doctor(t, s, "imap main"); !strings.HasPrefix(found, "fail") || !strings.Contains(found, "does not trust") {
		t.Errorf("doctor says %s", found)
	}
	if log, err := os.ReadFile(p.Dir + "/dovecot.log"); err != nil || strings.Contains(string(log), "Login: user") {
		t.Errorf("the server saw a login: %v", err)
	}
}

// TestMailServerDown: down at sign-in, and during a session. What is shown is
// short and true, comes in time, and all works again by itself.
func TestMailServerDown(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2})
	u := p.Users[0]
	for i := range 3 {
		if err := p.Deliver("x@elsewhere.test", u.Login, fmt.Appendf(nil, "Subject: mail %d\r\nFrom: x@elsewhere.test\r\n\r\nHello\r\n", i)); err != nil {
			t.Fatal(err)
		}
	}
	s := Start(t, p, Options{})
	ctx := t.Context()
	one := s.Browser(u.Login)
	defer one.Close()
	if err := one.SignIn(ctx, u.Password); err != nil {
		t.Fatal(err)
	}
	page, err := one.List(ctx, Args{}, 0, 50, true)
	if err != nil || len(page.IDs) == 0 {
		t.Fatalf("a page of %d rows: %v", len(page.IDs), err)
	}
	streams := make(chan Event, 100)
	stream, endStream := context.WithCancel(ctx)
	defer endStream()
	go one.Events(stream, func(e Event) bool { streams <- e; return true })

	cutOff(t, p)
	other := s.Browser(p.Users[1].Login)
	defer other.Close()
	f, r, took := refusal(t, s, other, p.Users[1].Password)
	if f.Status != 503 || f.Type != "unavailable" || !strings.Contains(f.Detail, "cannot be reached") || took > faultSignIn {
		t.Errorf("at sign-in the page shows %v after %v", f, took)
	}
	if r.Text("outcome") != "unavailable" {
		t.Errorf("the log says %v", r)
	}
	if found := doctor(t, s, "imap main"); !strings.HasPrefix(found, "fail") || !strings.Contains(found, "refused") {
		t.Errorf("doctor says %s", found)
	}
	downDuring(t, one, page.IDs[0])

	if err := p.StartDovecot(ctx); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	for {
		_, _, err := one.OpenMail(ctx, page.IDs[0])
		if err == nil {
			break
		}
		if time.Since(back) > faultBack {
			t.Fatalf("%v after the mail server is back: %v", faultBack, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("a mail opens again %v after the mail server is back", time.Since(back).Round(time.Millisecond))
	if err := other.SignIn(ctx, p.Users[1].Password); err != nil {
		t.Errorf("a sign-in after it is back: %v", err)
	}
	awaitLive(t, p, one, u.Login, back, streams)
}

// cutOff stops Dovecot and the connections that it would let run on for a while,
// as a machine that goes away does.
func cutOff(t *testing.T, p *platform.Platform) {
	t.Helper()
	if err := p.StopDovecot(); err != nil {
		t.Fatal(err)
	}
	name := []byte("dovecot-" + filepath.Base(p.Dir) + "/imap") // the instance's own name is in the title of each process
	dirs, _ := filepath.Glob("/proc/[0-9]*")                    // the pattern is good
	for _, dir := range dirs {
		title, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.HasPrefix(title, name) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}

// downDuring is what a signed-in person sees while the mail server is away.
func downDuring(t *testing.T, one *Person, id string) {
	t.Helper()
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"list", func() error { _, err := one.List(t.Context(), Args{}, 0, 50, true); return err }},
		{"open", func() error { _, _, err := one.OpenMail(t.Context(), id); return err }},
		{"flag", func() error { return one.SetKeyword(t.Context(), id, "$flagged", true) }},
		{"search", func() error { _, err := one.List(t.Context(), Args{"text": "hello"}, 0, 50, true); return err }},
	} {
		began := time.Now()
		err := c.do()
		took := time.Since(began)
		var m *MethodError
		switch {
		case err == nil: // from the index or a cache: that is as good
		case errors.As(err, &m) && (m.Type == "serverUnavailable" || m.Type == "serverFail"):
		case StatusOf(err) == 503:
		default:
			t.Errorf("%s while the mail server is down: %v", c.what, err)
		}
		t.Logf("%s while the mail server is down: %v after %v", c.what, err, took.Round(time.Millisecond))
		if took > 2*faultAnswer { // an open is two requests
			t.Errorf("%s while the mail server is down took %v", c.what, took)
		}
	}
}

// awaitLive delivers a mail and waits until the stream, which was never closed,
// tells of it.
func awaitLive(t *testing.T, p *platform.Platform, one *Person, login string, back time.Time, events <-chan Event) {
	t.Helper()
	if err := p.Deliver("x@elsewhere.test", login, []byte("Subject: after the fault\r\nFrom: x@elsewhere.test\r\n\r\nHello\r\n")); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(faultBack)
	for {
		page, err := one.List(t.Context(), Args{}, 0, 50, true)
		if err == nil && slices.ContainsFunc(page.Emails, func(e Email) bool { return e.Subject == "after the fault" }) {
			t.Logf("new mail is seen live again %v after the mail server is back", time.Since(back).Round(time.Millisecond))
			return
		}
		select {
		case <-events:
		case <-deadline:
			t.Fatalf("new mail is not told of %v after the mail server is back: %v", time.Since(back), err)
		}
	}
}

// TestSubmissionServerDown: the person is told that nothing was sent, and the mail
// is still theirs.
func TestSubmissionServerDown(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1}) // without Postfix nobody listens
	s := Start(t, p, Options{})
	one := s.Browser(p.Users[0].Login)
	defer one.Close()
	ctx := t.Context()
	if err := one.SignIn(ctx, p.Users[0].Password); err != nil {
		t.Fatal(err)
	}
	out, err := one.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out.To, out.Subject, out.MessageID = p.Users[0].Login, "kill-00-0001", "x@cofferdam.test"
	began := time.Now()
	err = one.Send(ctx, out)
	var no *MethodError
	if !errors.As(err, &no) || !strings.Contains(no.Description, "Nothing was sent") {
		t.Errorf("the person is told %v", err)
	}
	t.Logf("sending without a server: %v after %v", err, time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took > 2*faultAnswer {
		t.Errorf("it took %v", took)
	}
	raw, err := DialIMAP(ctx, p, p.Users[0])
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if said, err := raw.Subjects("Drafts"); err != nil || !strings.Contains(string(said), out.Subject) {
		t.Errorf("the mail is not in Drafts: %v", err)
	}
	if found := doctor(t, s, "submission main"); !strings.HasPrefix(found, "fail") {
		t.Errorf("doctor says %s", found)
	}
}
