package demo

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/submission"
)

func start(t *testing.T, o Options) *Platform {
	t.Helper()
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// client is a bare IMAP connection.
type client struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
	n  int
}

func connect(t *testing.T, p *Platform, person int) *client {
	t.Helper()
	nc, err := net.Dial("tcp", p.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &client{t: t, nc: nc, br: bufio.NewReader(nc)}
	c.line()
	if person >= 0 {
		c.ok("LOGIN %s %s", p.Users[person].Address, p.Users[person].Password)
	}
	return c
}

func (c *client) line() string {
	c.t.Helper()
	if err := c.nc.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.br.ReadString('\n')
	if err != nil {
		c.t.Fatalf("reading: %v (%q)", err, line)
	}
	return line
}

func (c *client) send(format string, args ...any) string {
	c.t.Helper()
	c.n++
	tag := fmt.Sprintf("t%d ", c.n)
	if _, err := fmt.Fprintf(c.nc, tag+format+"\r\n", args...); err != nil {
		c.t.Fatal(err)
	}
	return tag
}

func (c *client) until(tag string) string {
	c.t.Helper()
	var out strings.Builder
	for {
		line := c.line()
		out.WriteString(line)
		if strings.HasPrefix(line, tag) {
			return out.String()
		}
	}
}

func (c *client) run(format string, args ...any) string {
	c.t.Helper()
	return c.until(c.send(format, args...))
}

func (c *client) ok(format string, args ...any) string {
	c.t.Helper()
	out := c.run(format, args...)
	if !strings.Contains(out, fmt.Sprintf("t%d OK", c.n)) {
		c.t.Fatalf("%s: %s", fmt.Sprintf(format, args...), out)
	}
	return out
}

func (c *client) append(box, flags, text string) {
	c.t.Helper()
	c.ok("APPEND %q (%s) {%d+}\r\n%s", box, flags, len(text), text)
}

// want fails unless out has each string.
func want(t *testing.T, out string, each ...string) {
	t.Helper()
	for _, s := range each {
		if !strings.Contains(out, s) {
			t.Errorf("no %q in:\n%s", s, out)
		}
	}
}

// empty makes and opens a mailbox without mail.
func (c *client) empty() {
	c.t.Helper()
	c.ok("CREATE Bench")
	c.ok("SELECT Bench")
}

func TestMoveExpungeAndNumbers(t *testing.T) {
	p := start(t, Options{})
	c, other := connect(t, p, 0), connect(t, p, 0)
	c.empty()
	other.ok("SELECT Bench")
	for i := range 5 {
		c.append("Bench", "", fmt.Sprintf("Subject: %d\r\n\r\nx\r\n", i+1))
	}
	want(t, c.ok(`UID STORE 2,4 +FLAGS.SILENT (\deleted $Label1)`), "OK")
	want(t, other.ok("NOOP"), "* 5 EXISTS", `* 2 FETCH`, `$Label1`, `\Deleted`)
	want(t, c.ok("UID EXPUNGE 4:*"), "* 4 EXPUNGE")
	if out := c.ok("FETCH 1:* FLAGS"); strings.Count(out, "FETCH (UID") != 4 {
		t.Errorf("UID EXPUNGE took the wrong mails: %s", out)
	}
	out := c.ok("UID MOVE 3 Archive")
	want(t, out, "COPYUID", "* 3 EXPUNGE")
	if strings.Count(out, "EXPUNGE") != 1 {
		t.Errorf("one move, told as: %s", out)
	}
	// The other connection has not heard of it: its numbers still stand.
	if out := other.ok("FETCH 5 BODY.PEEK[HEADER.FIELDS (SUBJECT)]"); !strings.Contains(out, "Subject: 5") {
		t.Errorf("sequence number 5 shifted: %s", out)
	}
	want(t, other.ok("NOOP"), "* 4 EXPUNGE", "* 3 EXPUNGE")
	want(t, c.ok("UID COPY 1:* Bench"), "COPYUID")
	want(t, c.run("UID COPY 1 Nowhere"), "NO [TRYCREATE]")
	if out := c.ok("UID COPY 9999 Archive"); strings.Contains(out, "COPYUID") {
		t.Errorf("nothing copied, but: %s", out)
	}
}

func TestIdleTellsAtOnce(t *testing.T) {
	p := start(t, Options{})
	c, other := connect(t, p, 1), connect(t, p, 1)
	c.empty()
	// Between the last command and IDLE: must not be lost.
	other.append("Bench", "", "Subject: early\r\n\r\n")
	tag := c.send("IDLE")
	want(t, c.line(), "+ ")
	want(t, c.line(), "* 1 EXISTS")
	began := time.Now()
	other.append("Bench", `\Seen`, "Subject: late\r\n\r\n")
	want(t, c.line(), "* 2 EXISTS")
	if d := time.Since(began); d > 100*time.Millisecond {
		t.Errorf("told after %v", d)
	}
	other.ok("SELECT Bench")
	other.ok(`STORE 1 FLAGS (\Deleted)`)
	want(t, c.line(), `* 1 FETCH (UID 1 FLAGS (\Deleted))`)
	other.ok("EXPUNGE")
	want(t, c.line(), "* 1 EXPUNGE")
	fmt.Fprint(c.nc, "DONE\r\n")
	want(t, c.until(tag), "OK")
}

func TestSearch(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, 0)
	c.empty()
	c.append("Bench", `\Seen`, "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 02 Jan 2023 10:00:00 +0000\r\n\r\nplain\r\n")
	c.append("Bench", "", "Subject: two\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n"+
		"Content-Transfer-Encoding: base64\r\n\r\nGyRCRWxFdBsoQg0K\r\n")
	c.append("Bench", `\Flagged`, "Subject: three\r\nTo: x@y.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
		"--b\r\n\r\nNeedle\r\n--b\r\nContent-Type: image/png\r\n\r\nhidden\r\n--b--\r\n")
	for _, tt := range []struct{ query, result string }{
		{"CHARSET UTF-8 SUBJECT {7+}\r\nGRüße", "* SEARCH 1"},
		{"CHARSET UTF-8 BODY {6+}\r\n東灯", "* SEARCH 2"},
		{"TEXT needle", "* SEARCH 3"},
		{"TEXT hidden", "* SEARCH\r"},
		{"UNSEEN", "* SEARCH 2 3"},
		{"OR FLAGGED SEEN", "* SEARCH 1 3"},
		{"NOT (FLAGGED)", "* SEARCH 1 2"},
		{"HEADER To y.test", "* SEARCH 3"},
		{"SENTON 2-Jan-2023", "* SEARCH 1"},
		{"SENTSINCE 3-Jan-2023", "* SEARCH\r"},
		{"LARGER 130", "* SEARCH 3"},
		{"UID 2:*", "* SEARCH 2 3"},
		{"*", "* SEARCH 3"},
		{"RETURN (COUNT MIN MAX) ALL", "MIN 1 MAX 3 COUNT 3"},
		{"RETURN (SAVE) UNSEEN", "OK"},
		{"$ FLAGGED", "* SEARCH 3"},
	} {
		want(t, c.ok("SEARCH %s", tt.query)+c.ok("NOOP"), tt.result)
	}
}

func TestFolders(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, 0)
	want(t, c.ok("NAMESPACE"), `(("" "/")) NIL NIL`)
	want(t, c.ok("CREATE Deep/er/est"), "OK")
	want(t, c.ok(`LIST "" Deep* RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY) CHILDREN)`),
		`(\HasChildren) "/" "Deep"`, `(\HasNoChildren) "/" "Deep/er/est"`, "MESSAGES 0 UIDNEXT 1")
	want(t, c.run("DELETE Deep"), "NO")
	want(t, c.run("CREATE inbox"), "NO")
	want(t, c.run("DELETE INBOX"), "NO")
	want(t, c.run("RENAME Deep Deep/er/x"), "NO")
	c.ok("SUBSCRIBE Deep/er")
	c.ok("RENAME Deep Flat")
	want(t, c.ok(`LIST (SUBSCRIBED) "" *`), `"Flat/er"`)
	c.ok("SELECT Flat/er/est")
	before := c.ok("STATUS Flat/er/est (UIDVALIDITY)")
	other := connect(t, p, 0)
	other.ok("DELETE Flat/er/est")
	want(t, c.run("STORE 1 +FLAGS (x)"), "NO")
	other.ok("CREATE Flat/er/est")
	if after := other.ok("STATUS Flat/er/est (UIDVALIDITY)"); strings.Contains(before, strings.SplitN(after, "\r\n", 2)[0]) {
		t.Errorf("UIDVALIDITY came back: %s", after)
	}
	want(t, c.run("CREATE %s", strings.Repeat("x", maxNameBytes+1)), "NO [CANNOT]")
}

func TestReadOnly(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, 0)
	c.empty()
	c.append("Bench", `\Deleted`, "Subject: stays\r\n\r\n")
	want(t, c.ok("EXAMINE Bench"), "READ-ONLY")
	want(t, c.run(`STORE 1 FLAGS (\Seen)`), "NO")
	want(t, c.run("MOVE 1 Archive"), "NO")
	c.ok("FETCH 1 BODY[]")
	c.ok("CLOSE")
	want(t, c.ok("STATUS Bench (MESSAGES UNSEEN DELETED)"), "MESSAGES 1", "UNSEEN 1", "DELETED 1")
}

func TestDamagedMailCanBeFetched(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, 0)
	c.empty()
	for _, text := range []string{
		"", "x", "\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts\r\n", "Content-Type: multipart/mixed\r\n\r\nx",
		"Content-Type: ;;;\r\n\r\nx", "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/x; boundary=q\r\n\r\n",
		"\x00\xff: \xfe\r\n\r\n", "Content-Type: text\r\n\r\nx",
	} {
		c.append("Bench", "", text)
	}
	c.ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[1] RFC822.SIZE INTERNALDATE)")
	c.ok("SEARCH TEXT x BODY y")
}

func TestIDIsAnswered(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, -1)
	want(t, c.ok("CAPABILITY"), "CAPABILITY ID ")
	want(t, c.ok(`ID ("name" "test")`), `* ID ("name" "Cofferdam`)
	out := c.ok("LOGIN %s %s", p.Users[0].Address, p.Users[0].Password)
	want(t, out, "[CAPABILITY ID ", "APPENDLIMIT=", "IDLE", "MOVE", "LIST-STATUS", "ESEARCH")
	want(t, c.ok("ID NIL"), "* ID (")
	// Text of a mail is no command and no answer.
	text := "Subject: x\r\n\r\nt1 ID NIL\r\n* CAPABILITY x\r\n" + strings.Repeat("* CAPABILITY y\r\n", 2000)
	c.empty()
	c.append("Bench", "", text)
	want(t, c.ok("FETCH 1 BODY[]"), fmt.Sprintf("{%d}\r\n%s", len(text), text))
}

// submit sends a mail from one person as a client would.
func submit(t *testing.T, p *Platform, person int, to ...string) (submission.Result, error) {
	t.Helper()
	c, err := submission.Dial(t.Context(), submission.Config{Addr: p.SMTP, Security: submission.Plain})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u := p.Users[person]
	if err := c.Authenticate(t.Context(), submission.Credentials{User: u.Address, Secret: []byte(u.Password)}); err != nil {
		t.Fatal(err)
	}
	env := submission.Envelope{}
	for i, s := range append([]string{u.Address}, to...) {
		a, err := submission.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			env.MailFrom = a
		} else {
			env.RcptTo = append(env.RcptTo, a)
		}
	}
	return c.Send(t.Context(), env, strings.NewReader("From: "+u.Address+"\r\nSubject: fresh\r\n\r\nHello\r\n"))
}

func TestMailArrivesAtTheOther(t *testing.T) {
	p := start(t, Options{})
	grace := connect(t, p, 1)
	grace.ok("SELECT INBOX")
	tag := grace.send("IDLE")
	grace.line()
	began := time.Now()
	res, err := submit(t, p, 0, "Grace@"+Domain, "grace+plus@"+Domain, "nobody@"+Domain)
	if err != nil {
		t.Fatal(err)
	}
	want(t, grace.line(), "EXISTS")
	t.Logf("watcher told %v after connecting to submission", time.Since(began).Round(time.Millisecond))
	if r := res.Recipients[2].Reply; r.Code != 550 || r.Status.String() != "5.1.1" {
		t.Errorf("unknown person: %+v", r)
	}
	fmt.Fprint(grace.nc, "DONE\r\n")
	grace.until(tag)
	out := grace.ok("FETCH * BODY[]")
	want(t, out, "Return-Path: <ada@", "Received: ", "auth=pass", "Subject: fresh\r\n\r\nHello\r\n")
	if out := grace.ok("SEARCH SUBJECT fresh"); strings.Count(out, " ") != 5 {
		t.Errorf("mail to two names of one person came more than once: %s", out)
	}
}

func TestMailElsewhereComesBack(t *testing.T) {
	p := start(t, Options{})
	if _, err := submit(t, p, 0, "friend@example.org"); err != nil {
		t.Fatal(err)
	}
	ada := connect(t, p, 0)
	ada.ok("SELECT INBOX")
	want(t, ada.ok("FETCH * (BODYSTRUCTURE BODY[])"), `"delivery-status"`, "Final-Recipient: rfc822; friend@example.org", "Subject: fresh")
}

func TestSubmissionRefuses(t *testing.T) {
	p := start(t, Options{})
	_, err := submit(t, p, 0, "nobody@"+Domain)
	if e, ok := errors.AsType[*submission.Error](err); !ok || e.Outcome != submission.Refused || e.Stage != submission.StageRcpt {
		t.Errorf("unknown person: %v", err)
	}
	nc, err := submission.Dial(t.Context(), submission.Config{Addr: p.SMTP, Security: submission.Plain})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ada := p.Users[0]
	for _, bad := range []submission.Credentials{
		{User: ada.Address, Secret: []byte("wrong")}, {User: p.Users[1].Address, Secret: []byte(ada.Password)},
	} {
		if e, ok := errors.AsType[*submission.Error](nc.Authenticate(t.Context(), bad)); !ok || !e.BadCredentials() {
			t.Errorf("%s signed in: %v", bad.User, e)
		}
	}
	if err := nc.Authenticate(t.Context(), submission.Credentials{User: ada.Address, Secret: []byte(ada.Password)}); err != nil {
		t.Fatal(err)
	}
	other, err := submission.ParseAddress(p.Users[1].Address)
	if err != nil {
		t.Fatal(err)
	}
	_, err = nc.Send(t.Context(), submission.Envelope{MailFrom: other, RcptTo: []submission.Address{other}}, strings.NewReader("x"))
	if e, ok := errors.AsType[*submission.Error](err); !ok || e.Stage != submission.StageMail || e.Reply.Code != 553 {
		t.Errorf("mail as somebody else: %v", err)
	}
	if _, err := nc.Send(t.Context(), submission.Envelope{RcptTo: []submission.Address{other}}, strings.NewReader("x")); err != nil {
		t.Errorf("mail from the null path: %v", err)
	}
	c := connect(t, p, -1)
	want(t, c.run("LOGIN %s wrong", p.Users[0].Address), "NO [AUTHENTICATIONFAILED]")
}

func TestStateSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, Options{Dir: dir})
	c := connect(t, p, 0)
	c.empty()
	for range 3 {
		c.append("Bench", "", "Subject: x\r\n\r\nkept\r\n")
	}
	c.ok(`STORE 1 +FLAGS (\Flagged hello)`)
	c.ok(`STORE 3 +FLAGS (\Deleted)`)
	c.ok("EXPUNGE")
	c.ok("CREATE Gone")
	c.ok("DELETE Gone")
	figures := c.ok("STATUS Bench (MESSAGES UIDNEXT UIDVALIDITY)")
	inboxes := c.ok("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)")
	users := p.Users
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	// A crash in the middle of a write leaves a torn record.
	name := p.logFile(users[0])
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"op":"mail","box":1,"uid":4000,"size":10,"sum":1}` + "\nhalf"); err != nil {
		t.Fatal(err)
	}
	f.Close()

	p = start(t, Options{Dir: dir})
	if p.Users[0] != users[0] || p.Users[1] != users[1] {
		t.Errorf("people changed: %v", p.Users)
	}
	c = connect(t, p, 0)
	tags := regexp.MustCompile(`(?m)^t\d+ `)
	for box, before := range map[string]string{"Bench": figures, "INBOX": inboxes} {
		after := c.ok("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)", box)
		if tags.ReplaceAllString(after, "") != tags.ReplaceAllString(before, "") {
			t.Errorf("%s: got %s, want %s", box, after, before)
		}
	}
	c.ok("SELECT Bench")
	want(t, c.ok("FETCH 1:* (FLAGS BODY.PEEK[TEXT])"), `FLAGS (\Flagged hello)`, "kept")
	c.append("INBOX", "", "Subject: after the crash\r\n\r\n")
}

func TestDamagedLogIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, Options{Dir: dir})
	name := p.logFile(p.Users[0])
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	copy(b, "{nonsense")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := Start(t.Context(), Options{Dir: dir}); err == nil {
		p.Close()
		t.Error("a damaged log was taken for an empty one")
	}
}

func TestLogIsCompacted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, Options{Dir: dir})
	c := connect(t, p, 0)
	c.empty()
	text := "Subject: big\r\n\r\n" + strings.Repeat("x", 2<<20) + "\r\n"
	for range 4 {
		c.append("Bench", "", text)
	}
	c.append("Bench", `\Flagged`, "Subject: small\r\n\r\nstays\r\n")
	c.ok(`STORE 1:4 +FLAGS (\Deleted)`)
	c.ok("EXPUNGE")
	c.ok("CREATE Gone")
	gone := c.ok("STATUS Gone (UIDVALIDITY)")
	c.ok("DELETE Gone")
	name := p.logFile(p.Users[0])
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = start(t, Options{Dir: dir})
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > before.Size()-(8<<20) {
		t.Errorf("log went from %d to %d bytes", before.Size(), after.Size())
	}
	c = connect(t, p, 0)
	want(t, c.ok("SELECT Bench"), "* 1 EXISTS", "[UIDNEXT 6]")
	want(t, c.ok("FETCH 1 (FLAGS BODY.PEEK[])"), "UID 5", `\Flagged`, "stays")
	c.append("Bench", "", "Subject: next\r\n\r\n")
	want(t, c.ok("FETCH * UID"), "UID 6")
	c.ok("CREATE Gone")
	validity := regexp.MustCompile(`UIDVALIDITY \d+`)
	if again := c.ok("STATUS Gone (UIDVALIDITY)"); validity.FindString(again) <= validity.FindString(gone) {
		t.Errorf("UIDVALIDITY came back: %s after %s", again, gone)
	}
}

func TestTemporaryFolderGoes(t *testing.T) {
	p := start(t, Options{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Dir); !os.IsNotExist(err) {
		t.Errorf("folder is still there: %v", err)
	}
}
