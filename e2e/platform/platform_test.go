package platform_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/submission"
)

// imapDialog is a bare IMAP conversation: tag, line, all answers.
type imapDialog struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
	n  int
}

func dialIMAP(t *testing.T, nc net.Conn, err error) *imapDialog {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	d := &imapDialog{t: t, nc: nc, br: bufio.NewReader(nc)}
	if line, err := d.br.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* OK") {
		t.Fatalf("greeting %q: %v", line, err)
	}
	return d
}

// run sends a command and returns everything up to the tagged reply.
func (d *imapDialog) run(format string, args ...any) string {
	d.t.Helper()
	d.n++
	tag := fmt.Sprintf("t%d ", d.n)
	if err := d.nc.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		d.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(d.nc, tag+format+"\r\n", args...); err != nil {
		d.t.Fatal(err)
	}
	var out strings.Builder
	for {
		line, err := d.br.ReadString('\n')
		if err != nil {
			d.t.Fatalf("after %q: %v", out.String(), err)
		}
		out.WriteString(line)
		if strings.HasPrefix(line, tag) {
			return out.String()
		}
	}
}

// ok is run for commands that have to succeed.
func (d *imapDialog) ok(format string, args ...any) string {
	d.t.Helper()
	out := d.run(format, args...)
	if !strings.Contains(out, fmt.Sprintf("t%d OK", d.n)) {
		d.t.Fatalf("command %q: %s", fmt.Sprintf(format, args...), out)
	}
	return out
}

func login(t *testing.T, p *platform.Platform, u platform.User) *imapDialog {
	t.Helper()
	nc, err := net.Dial("tcp", p.IMAP)
	d := dialIMAP(t, nc, err)
	d.ok("LOGIN %s %s", u.Login, u.Password)
	return d
}

func submit(t *testing.T, cfg submission.Config, u platform.User, from string, to []string, text string) (submission.Result, error) {
	t.Helper()
	c, err := submission.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Authenticate(t.Context(), submission.Credentials{User: u.Login, Secret: []byte(u.Password)}); err != nil {
		t.Fatal(err)
	}
	env := submission.Envelope{Size: int64(len(text)), EightBit: true}
	if env.MailFrom, err = submission.ParseAddress(from); err != nil {
		t.Fatal(err)
	}
	for _, s := range to {
		a, err := submission.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		env.RcptTo = append(env.RcptTo, a)
	}
	return c.Send(t.Context(), env, strings.NewReader(text))
}

// await polls until the person's INBOX has a mail with the subject.
func await(d *imapDialog, subject string) bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		d.ok("SELECT INBOX")
		out := d.ok(`SEARCH SUBJECT "%s"`, subject)
		if line, _, _ := strings.Cut(out, "\r\n"); line != "* SEARCH" {
			return true
		}
	}
	return false
}

var ada = platform.User{Login: "ada", Password: "engine-1843", Aliases: []string{"countess@cofferdam.test"}}
var grace = platform.User{Login: "grace", Password: "moth-1947"}

func TestMailSubmittedArrives(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, platform.Options{Users: []platform.User{ada, grace}, Postfix: true})
	a, g := p.Users[0], p.Users[1]
	inbox := login(t, p, g)
	for name, cfg := range map[string]submission.Config{
		"plain":               {Addr: p.Submission, Security: submission.Plain},
		"starttls":            {Addr: p.Submission, Security: submission.StartTLS, TLS: p.TLS()},
		"implicit":            {Addr: p.Submissions, Security: submission.ImplicitTLS, TLS: p.TLS()},
		"data-one-at-a-time":  {Addr: p.Submission, Security: submission.Plain, NoChunking: true, NoPipelining: true},
		"xclient-by-starttls": {Addr: p.Submission, Security: submission.StartTLS, TLS: p.TLS(), Client: netip.MustParseAddrPort("198.51.100.7:4711")},
		"xclient-ipv6-by-tls": {Addr: p.Submissions, TLS: p.TLS(), Client: netip.MustParseAddrPort("[2001:db8::7]:4711")},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			subject := "hello by " + name
			text := "From: ada@cofferdam.test\r\nTo: grace@cofferdam.test\r\nSubject: " + subject + "\r\n\r\n.dot\r\nGrüße\r\n"
			res, err := submit(t, cfg, a, "countess@cofferdam.test", []string{g.Login, "nobody@cofferdam.test"}, text)
			if err != nil {
				t.Fatal(err)
			}
			r := res.Recipients
			if !r[0].Accepted() || r[1].Reply.Code != 550 || r[1].Reply.Status.String() != "5.1.1" {
				t.Errorf("recipients: %+v", r)
			}
			if !await(inbox, subject) {
				t.Fatal("mail did not arrive within 10 s")
			}
			t.Logf("arrived after %v", time.Since(start).Round(time.Millisecond))
			if got := inbox.ok("FETCH * BODY[]"); !strings.Contains(got, "\r\n.dot\r\nGrüße\r\n") {
				t.Errorf("mail changed on its way:\n%s", got)
			} else if cfg.Client.IsValid() && !strings.Contains(got, cfg.Client.Addr().String()) {
				t.Errorf("no trace of the person's address:\n%s", got)
			}
		})
	}
}

func TestMailElsewhereBounces(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, platform.Options{Users: []platform.User{ada}, Postfix: true})
	a := p.Users[0]
	cfg := submission.Config{Addr: p.Submission, Security: submission.Plain}
	if _, err := submit(t, cfg, a, a.Login, []string{"friend@elsewhere.test"}, "Subject: far away\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	inbox := login(t, p, a)
	if !await(inbox, "Undelivered") {
		t.Fatal("no failure notice within 10 s")
	}
	if out := inbox.ok("FETCH * BODY[]"); !strings.Contains(out, "5.4.4") || !strings.Contains(out, "friend@elsewhere.test") {
		t.Errorf("notice does not say why:\n%s", out)
	}
}

// TestServersEndWithTheTest kills a process that has started a platform.
func TestServersEndWithTheTest(t *testing.T) {
	if os.Getenv("PLATFORM_TEST_CHILD") != "" {
		p := platform.Start(t, platform.Options{})
		fmt.Println("child:", p.Dir, p.IMAP)
		select {}
	}
	t.Parallel()
	platform.Require(t, platform.Dovecot, platform.LMTP)
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersEndWithTheTest$")
	cmd.Env = append(os.Environ(), "PLATFORM_TEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir, addr string
	if _, err := fmt.Fscanf(out, "child: %s %s\n", &dir, &addr); err != nil {
		t.Errorf("child said nothing: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		nc.Close()
		if time.Now().After(deadline) {
			t.Fatal("Dovecot outlived the process that started it")
		}
	}
}

func TestPostfixRefuses(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, platform.Options{Users: []platform.User{ada, grace}, Postfix: true, RequireTLS: true})
	a, g := p.Users[0], p.Users[1]
	cfg := submission.Config{Addr: p.Submission, Security: submission.StartTLS, TLS: p.TLS()}
	for name, tt := range map[string]struct {
		from, to string
		stage    submission.Stage
	}{
		"sender of somebody else": {g.Login, g.Login, submission.StageRcpt},
		"nobody there":            {a.Login, "nobody@cofferdam.test", submission.StageRcpt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := submit(t, cfg, a, tt.from, []string{tt.to}, "Subject: x\r\n\r\n")
			e, ok := errors.AsType[*submission.Error](err)
			if !ok || e.Outcome != submission.Refused || e.Stage != tt.stage || e.Temporary {
				t.Errorf("got %v, want a permanent refusal at %s", err, tt.stage)
			}
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		c, err := submission.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		err = c.Authenticate(t.Context(), submission.Credentials{User: a.Login, Secret: []byte("wrong")})
		if e, ok := errors.AsType[*submission.Error](err); !ok || !e.BadCredentials() {
			t.Errorf("got %v, want bad credentials", err)
		}
	})
	t.Run("no login without TLS", func(t *testing.T) {
		nc, err := net.Dial("tcp", p.IMAP)
		d := dialIMAP(t, nc, err)
		if out := d.run("LOGIN %s %s", a.Login, a.Password); strings.Contains(out, "t1 OK") {
			t.Errorf("login without TLS: %s", out)
		}
		nc, err = tls.Dial("tcp", p.IMAPS, p.TLS())
		dialIMAP(t, nc, err).ok("LOGIN %s %s", a.Login, a.Password)
	})
}

func TestDovecotOptions(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, platform.Options{
		People: 3, POP3: true, Sieve: true, Quota: 4000, Capability: "IMAP4rev1 IDLE UIDPLUS",
	})
	u := p.Users[2]
	d := login(t, p, u)
	if out := d.ok("CAPABILITY"); strings.Contains(out, "CONDSTORE") || !strings.Contains(out, "UIDPLUS") {
		t.Errorf("capability is not cut down: %s", out)
	}
	if out := d.ok("STATUS INBOX (MESSAGES X-GUID)"); !strings.Contains(out, "X-GUID") {
		t.Errorf("no X-GUID: %s", out)
	}
	if out := d.ok(`LIST (SPECIAL-USE) "" "*"`); strings.Count(out, "* LIST") != 5 {
		t.Errorf("folders with a special use: %s", out)
	}
	small := []byte("Subject: small\n\n.\nfits\n")
	if err := p.Deliver("", u.Login, small); err != nil {
		t.Error(err)
	}
	if err := p.Deliver("", u.Login, bytes.Repeat([]byte("too much\n"), 1000)); err == nil {
		t.Error("quota let a big mail in")
	}
	d.ok("SELECT INBOX")
	if out := d.ok("FETCH 1 BODY[TEXT]"); !strings.Contains(out, "\r\n.\r\nfits") {
		t.Errorf("delivered text: %s", out)
	}
	greetings := map[string]string{p.POP3: "+OK", p.ManageSieve: `"IMPL`}
	for addr, want := range greetings {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if line, err := bufio.NewReader(nc).ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("greeting %q: %v, want %q", line, err, want)
		}
	}
}

func TestDovecotRestarts(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, platform.Options{People: 1})
	if err := p.Deliver("x@elsewhere.test", p.Users[0].Login, []byte("Subject: stays\n\nx\n")); err != nil {
		t.Fatal(err)
	}
	if err := p.StopDovecot(); err != nil {
		t.Fatal(err)
	}
	if nc, err := net.Dial("tcp", p.IMAP); err == nil {
		nc.Close()
		t.Error("Dovecot still listens after StopDovecot")
	}
	if err := p.StartDovecot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := login(t, p, p.Users[0]); !await(d, "stays") {
		t.Error("mail lost by the restart")
	}
}

func TestMaildirIsGivenAndCacheUntouched(t *testing.T) {
	t.Parallel()
	dir := platform.Maildir(t, platform.MaildirSpec{Count: 200, Folders: "INBOX=70,Archive=30"})
	before := listing(t, dir)
	p := platform.Start(t, platform.Options{Users: []platform.User{{Login: "ada", Password: "x", Maildir: dir}}})
	d := login(t, p, p.Users[0])
	total := 0
	for _, box := range []string{"INBOX", "Archive"} {
		out := d.ok("STATUS %s (MESSAGES)", box)
		var n int
		if _, err := fmt.Sscanf(out[strings.Index(out, "(MESSAGES"):], "(MESSAGES %d)", &n); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		total += n
	}
	if total != 200 {
		t.Errorf("mailboxes have %d mails, want 200", total)
	}
	d.ok("SELECT INBOX")
	d.ok(`STORE 1:* +FLAGS (\Deleted \Flagged)`)
	d.ok("EXPUNGE")
	if after := listing(t, dir); after != before {
		t.Error("the cached Maildir was changed")
	}
}

// listing is every file with its size and mode.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	for _, sub := range []string{"cur", "new", ".Archive/cur"} {
		entries, err := os.ReadDir(dir + "/" + sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			st, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, e.Name(), st.Size(), st.Mode())
		}
	}
	return out.String()
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]platform.Options{
		"twice":      {Users: []platform.User{ada, ada}},
		"colon":      {Users: []platform.User{{Login: "a", Password: "b:c"}}},
		"no secret":  {Users: []platform.User{{Login: "a"}}},
		"mdbox mail": {Users: []platform.User{{Login: "a", Password: "b", Maildir: "/x"}}, Format: "mdbox"},
	} {
		if p, err := platform.Launch(context.Background(), o); err == nil {
			t.Errorf("%s: accepted", name)
			p.Close()
		}
	}
}
