package porter

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
)

// post is a mail platform that takes one password, and remembers what it was shown.
type post struct {
	addr string

	mu       sync.Mutex // guards the rest
	password string
	shown    []string
}

func newPost(t *testing.T, serve func(*post, net.Conn)) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{addr: l.Addr().String(), password: "new"}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); serve(p, c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return p
}

// takes notes a password and says whether it is the right one.
func (p *post) takes(password string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = append(p.shown, password)
	return password == p.password
}

func (p *post) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// imapPost speaks as much IMAP as a sign-in by LOGIN needs.
func imapPost(p *post, c net.Conn) {
	fmt.Fprint(c, "* OK [CAPABILITY IMAP4rev1] hello\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) > 3 && f[1] == "LOGIN" && p.takes(strings.Trim(f[3], `"`)):
			fmt.Fprintf(c, "%s OK [CAPABILITY IMAP4rev1] in\r\n", f[0])
		case f[1] == "LOGIN":
			fmt.Fprintf(c, "%s NO [AUTHENTICATIONFAILED] no\r\n", f[0])
		default:
			fmt.Fprintf(c, "%s OK done\r\n", f[0])
		}
	}
}

// smtpPost speaks as much SMTP as AUTH PLAIN needs, and refuses it.
func smtpPost(p *post, c net.Conn) {
	fmt.Fprint(c, "220 hello\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		switch verb, _, _ := strings.Cut(lines.Text(), " "); verb {
		case "EHLO":
			fmt.Fprint(c, "250-hello\r\n250 AUTH PLAIN\r\n")
		case "AUTH":
			p.takes("")
			fmt.Fprint(c, "535 5.7.8 no\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// testPorter is a porter in front of one platform on loopback.
func testPorter(t *testing.T, imap, smtp string) *Porter {
	t.Helper()
	key, err := seal.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p := &Porter{log: log, credential: key, registry: newRegistry(), refs: newRefs(), refusals: newRefusals(), unsent: newRefusals(), unsieved: newRefusals(), outcomes: newOutcomes(),
		throttle: newThrottle(20), quota: limit.NewQuota(), counts: newCounts(), outages: newOutages(log)}
	at := func(addr string) Server { return Server{Address: addr, TLS: "none", Auth: "login", Login: "address"} }
	smtpAt := at(smtp)
	smtpAt.Auth = "plain"
	if err := p.setPlatforms([]Platform{{Name: "p", Domains: []string{"x.test"}, Default: true, IMAP: at(imap), Submission: smtpAt, MaxPipes: 10, Recipients: 10}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// begin registers a session as keeper does, with its own box of a password.
func (p *Porter) begin(t *testing.T, name, password string) (ipc.LiveRequest, *grant) {
	t.Helper()
	box, err := seal.SealCredential(p.credential.Public(), seal.Credential{Kind: seal.KindPassword, Login: "ann@x.test", Secret: seal.NewSecret([]byte(password))})
	if err != nil {
		t.Fatal(err)
	}
	req := request("capability of "+name, name, "ann", "cell/0", 1)
	req.Credential = box
	if _, err := p.live(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	g, err := p.registry.find(show("capability of "+name), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	return req, g
}

// connectAs dials for a session and says how that went.
func (p *Porter) connectAs(t *testing.T, g *grant) ipc.Code {
	t.Helper()
	c, err := p.connect(t.Context(), g, p.table.Load().byName["p"])
	if err == nil {
		c.Close()
	}
	return ipc.CodeOf(err)
}

// later lets the pause after a no be over.
func (r *refusals) later(id [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.of[id]; e != nil {
		e.last, e.tried = e.last.Add(-refusedPause), e.tried.Add(-refusedPause)
	}
}

// Two sessions from before and after a change of the password sign in with what
// each of them knows; the old one does not spoil the new one, nor end it.
func TestASessionSignsInWithItsOwnPassword(t *testing.T) {
	platform := newPost(t, imapPost)
	p := testPorter(t, platform.addr, platform.addr)
	_, fresh := p.begin(t, "fresh", "new")
	_, stale := p.begin(t, "stale", "old") // keeper tells it again, later
	if got := p.connectAs(t, fresh); got != "" {
		t.Errorf("the new password: %s", got)
	}
	if got := p.connectAs(t, stale); got != ipc.CodeUnavailable {
		t.Errorf("the old password: %s", got)
	}
	if got := p.connectAs(t, fresh); got != "" {
		t.Errorf("the new password after the old one was refused: %s", got)
	}
	if got, want := platform.seen(), []string{"new", "old", "new"}; !slices.Equal(got, want) {
		t.Errorf("the platform was shown %q, want %q", got, want)
	}
}

// A password that the platform refuses is shown to it three times, with pauses;
// then the session is over, for cells and for keeper, while others live on.
func TestSessionWhosePasswordIsRefusedEnds(t *testing.T) {
	platform := newPost(t, imapPost)
	p := testPorter(t, platform.addr, platform.addr)
	req, stale := p.begin(t, "stale", "old")
	for n := range refusedTimes {
		want := ipc.CodeUnavailable
		if n == refusedTimes-1 {
			want = ipc.CodeExpired
		}
		if got := p.connectAs(t, stale); got != want {
			t.Fatalf("no number %d: %s, want %s", n+1, got, want)
		}
		if got := p.connectAs(t, stale); got != want { // at once again: nobody is asked
			t.Fatalf("after no number %d: %s, want %s", n+1, got, want)
		}
		p.refusals.later(stale.box)
	}
	if n := len(platform.seen()); n != refusedTimes {
		t.Errorf("the platform was shown the password %d times", n)
	}
	if _, err := p.live(t.Context(), req); ipc.CodeOf(err) != ipc.CodeExpired {
		t.Errorf("keeper is told: %v", err)
	}
	_, twin := p.begin(t, "twin", "old") // another session's box is judged by itself
	if got := p.connectAs(t, twin); got != ipc.CodeUnavailable {
		t.Errorf("another session with that password: %s", got)
	}
	_, fresh := p.begin(t, "fresh", "new")
	if got := p.connectAs(t, fresh); got != "" {
		t.Errorf("a session with the new password: %s", got)
	}
}

// A no of a moment is forgotten by a yes.
func TestRefusalOfAMoment(t *testing.T) {
	platform := newPost(t, imapPost)
	p := testPorter(t, platform.addr, platform.addr)
	_, g := p.begin(t, "one", "new")
	for range 3 * refusedTimes {
		platform.mu.Lock()
		platform.password = "trouble"
		platform.mu.Unlock()
		if got := p.connectAs(t, g); got != ipc.CodeUnavailable {
			t.Fatalf("a no: %s", got)
		}
		p.refusals.later(g.box)
		platform.mu.Lock()
		platform.password = "new"
		platform.mu.Unlock()
		if got := p.connectAs(t, g); got != "" {
			t.Fatalf("a yes: %s", got)
		}
	}
}

// A submission server that does not take the password is not asked at each try,
// and the session lives on: imap takes it.
func TestSubmissionRefusesPassword(t *testing.T) {
	imap, smtp := newPost(t, imapPost), newPost(t, smtpPost)
	p := testPorter(t, imap.addr, smtp.addr)
	_, g := p.begin(t, "one", "new")
	for range 5 {
		_, err := p.dialSubmission(t.Context(), g, p.table.Load().byName["p"])
		wantCode(t, submitError(err), ipc.CodeUnavailable)
	}
	if n := len(smtp.seen()); n != 1 {
		t.Errorf("the server was asked %d times at once", n)
	}
	if got := p.connectAs(t, g); got != "" {
		t.Errorf("imap: %s", got)
	}
}

// scramlessPost offers SCRAM-SHA-256, cannot do it and takes PLAIN; it remembers
// which mechanisms were asked for.
func scramlessPost(p *post, c net.Conn) {
	fmt.Fprint(c, "220 hello\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		f := strings.Fields(lines.Text() + " - -")
		switch {
		case f[0] == "EHLO":
			fmt.Fprint(c, "250-hello\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n")
		case f[0] == "AUTH":
			p.takes(f[1])
			fmt.Fprint(c, map[bool]string{true: "235 2.7.0 yes\r\n", false: "535 5.7.8 no\r\n"}[f[1] == "PLAIN"])
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// A server that offers SCRAM and cannot do it is asked for it once, not with each
// mail: it may count a guess each time. Where the operator wants nothing else, the
// password is not sent.
func TestSubmissionWithoutScram(t *testing.T) {
	smtp := newPost(t, scramlessPost)
	p := testPorter(t, newPost(t, imapPost).addr, smtp.addr)
	_, g := p.begin(t, "one", "new")
	plat := p.table.Load().byName["p"]
	dial := func() error {
		c, err := p.dialSubmission(t.Context(), g, plat)
		if err == nil {
			c.Close()
		}
		return err
	}
	for range 3 {
		if err := dial(); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(smtp.seen(), " "); got != "SCRAM-SHA-256 PLAIN PLAIN PLAIN" {
		t.Errorf("asked for %s", got)
	}
	if s := plat.submission; s.scramless(time.Now().Add(scramPause)) {
		t.Error("SCRAM is never tried again")
	}
	plat.submission.noScram.Store(0)
	plat.submission.Auth = "scram-sha-256"
	wantCode(t, submitError(dial()), ipc.CodeUnavailable)
	if got := smtp.seen(); len(got) != 5 || got[4] != "SCRAM-SHA-256" {
		t.Errorf("asked for %s", got)
	}
}

// The session's end cuts a mail off that has not begun, and no longer one that has.
func TestFirstRead(t *testing.T) {
	calls := 0
	f := &first{r: strings.NewReader("mail"), once: func() { calls++ }}
	if calls != 0 {
		t.Error("called before it was read")
	}
	got, err := io.ReadAll(f)
	if err != nil || string(got) != "mail" || calls != 1 {
		t.Errorf("%q, %d calls, %v", got, calls, err)
	}
}

// The log has one line when a server goes away and one when it is back.
func TestOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		o := newOutages(slog.New(slog.NewTextHandler(&text, nil)))
		lines := func() int { return strings.Count(text.String(), "\n") }
		imap := endpoint{"p", "imap"}
		o.note(imap, nil)
		if lines() != 0 {
			t.Fatalf("a server that is well: %s", &text)
		}
		for range 50 {
			o.note(imap, context.DeadlineExceeded)
			o.note(imap, nil) // one of two addresses answers
			time.Sleep(time.Second)
		}
		if lines() != 1 {
			t.Fatalf("%d lines of one outage", lines())
		}
		o.note(endpoint{"p", "submission"}, io.EOF)
		if lines() != 2 {
			t.Fatal("another service is not told apart")
		}
		time.Sleep(calmTime)
		o.note(imap, nil)
		o.note(imap, nil)
		if lines() != 3 || !strings.Contains(text.String(), "failures=50") || !strings.Contains(text.String(), "lasted=49s") {
			t.Errorf("the end of the outage: %s", &text)
		}
	})
}
