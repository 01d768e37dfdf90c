package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

func TestMain(m *testing.M) { os.Exit(system.Main(m)) }

// long says whether the whole table is wanted.
func long() bool { return os.Getenv("COFFERDAM_BENCH") != "" }

// words are looked for in subjects: frequent ones and such as nobody wrote.
var words = []string{"meeting", "invoice", "report", "hello", "news", "order", "question", "test", "release", "patch", "zyxw"}

// TestBench makes the table of issue "must show" 7.
func TestBench(t *testing.T) {
	sizes, samples := []int{1000}, 20
	if long() {
		sizes, samples = []int{1000, 100_000}, 200
	}
	var users []platform.User
	for _, n := range sizes {
		users = append(users, platform.User{Login: fmt.Sprintf("mails%d", n), Password: "password-bench",
			Maildir: platform.Maildir(t, platform.MaildirSpec{Count: n})})
	}
	p := platform.Start(t, platform.Options{Users: users})
	s := system.Start(t, p, system.Options{LogLevel: "warn"})
	plain := system.Start(t, p, system.Options{LogLevel: "warn", Cells: 1, Renders: 1, Edit: withoutHeaderMemory})
	doc := &report{}
	doc.head(repository())
	for i, u := range p.Users {
		b := &bench{t: t, server: s, plain: plain, platform: p, user: u, samples: samples}
		b.measure(doc, sizes[i])
	}
	memory(t, doc)
	t.Logf("\n%s", doc)
	if err := doc.write(repository()); err != nil {
		t.Fatal(err)
	}
}

func repository() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		return "../.."
	}
	return dir
}

// bench is one person with one mailbox.
type bench struct {
	t        *testing.T
	server   *system.Server
	plain    *system.Server // remembers no headers
	platform *platform.Platform
	user     platform.User
	samples  int

	person     *system.Person
	inbox      string
	forgetful  *system.Person // of plain
	plainInbox string
	raw        *system.RawIMAP
	total      int      // mails in the inbox
	rows       int      // conversations in the inbox
	ids        []string // of newest small mails, for us
	seqs       []int    // of the same, for the floor
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", b.user.Login, err)
	}
}

func (b *bench) measure(doc *report, size int) {
	ctx := b.t.Context()
	cold := b.cold(ctx)
	defer b.person.Close()
	b.awaitIndex(ctx)
	defer b.raw.Close()
	saved := b.again(ctx)
	b.signInPlain(ctx)
	defer b.forgetful.Close()
	b.pick(ctx)
	b.allConnections(ctx)
	before := b.settledLogins(ctx)
	var rows []row
	actions := 0
	for _, a := range b.actions(ctx) {
		r := b.compare(a)
		actions += len(r.ours) + warmup
		rows = append(rows, r)
	}
	more := b.logins(ctx) - before
	doc.table(fmt.Sprintf("A mailbox of %d mails", size), rows)
	doc.printf("The inbox holds %d mails in %d conversations. Floor of a list: `FETCH` of 50 mails with `FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE PREVIEW`; it knows beforehand which, and reads no other members of their conversations.\n", b.total, b.rows)
	doc.printf("Floor of an open: the same of one mail, and `BODY.PEEK[]` in the same write. Ours gives the document for the frame, made harmless by the render.\n\n")
	doc.printf("| after a cold sign-in | median of %d |\n|---|--:|\n", len(cold.signIn))
	for _, line := range []struct {
		what string
		took time.Duration
	}{
		{"sign-in itself (its key derivation costs 64 MiB and three passes on purpose)", cold.signIn.at(.5)},
		{"first page after it, without an index", cold.page.at(.5)},
		{"first page after it, with the index of the last time", saved.page.at(.5)},
		{"floor: connect, LOGIN, SELECT, FETCH of that page", cold.floor.at(.5)},
		{"the same and X-GUID of these mails, which is what their ids are made of", cold.guid.at(.5)},
	} {
		doc.printf("| %s | %s ms |\n", line.what, ms(line.took))
	}
	doc.printf("\n")
	doc.printf("Logins at the IMAP server during these %d actions: %d.\n\n", actions, more)
	if more != 0 {
		b.t.Errorf("%d logins at the IMAP server during %d actions, want 0", more, actions)
	}
}

type coldTimes struct{ signIn, page, floor, guid Samples }

func times() int {
	if long() {
		return 10
	}
	return 3
}

// cold signs in and asks for the first page, several times, and never waits for the
// index; the last session stays.
func (b *bench) cold(ctx context.Context) (out coldTimes) {
	b.t.Helper()
	for i := range times() {
		if i > 0 {
			b.leave(ctx)
		}
		time.Sleep(pause) // what the last person left behind
		out.floor = append(out.floor, b.coldRaw(ctx, listItems))
		out.guid = append(out.guid, b.coldRaw(ctx, "X-GUID", listItems))
		b.enter(ctx, &out)
	}
	return out
}

// coldRaw connects and fetches the first page.
func (b *bench) coldRaw(ctx context.Context, items ...string) time.Duration {
	b.t.Helper()
	began := time.Now()
	raw, err := system.DialIMAP(ctx, b.platform, b.user)
	b.must(err)
	defer raw.Close()
	b.selectRaw(raw)
	for _, what := range items {
		_, err = raw.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, b.total-pageSize+1), b.total, what))
		b.must(err)
	}
	return time.Since(began)
}

// again is cold for somebody whose index lies there from the last time.
func (b *bench) again(ctx context.Context) (out coldTimes) {
	b.t.Helper()
	for range times() {
		b.leave(ctx)
		time.Sleep(pause)
		b.enter(ctx, &out)
	}
	return out
}

var existsLine = regexp.MustCompile(`\* (\d+) EXISTS`)

// enter signs in and asks for the first page.
func (b *bench) enter(ctx context.Context, out *coldTimes) {
	b.t.Helper()
	b.person = b.server.Browser(b.user.Login)
	began := time.Now()
	b.must(b.person.SignIn(ctx, b.user.Password))
	out.signIn = append(out.signIn, time.Since(began))
	began = time.Now()
	inbox, err := b.person.ByRole(ctx, "inbox")
	b.must(err)
	page, err := b.person.List(ctx, system.Args{"inMailbox": inbox}, 0, pageSize, true)
	b.must(err)
	out.page = append(out.page, time.Since(began))
	if len(page.Emails) == 0 {
		b.t.Fatal("the first page is empty")
	}
	b.inbox = inbox
}

func (b *bench) leave(ctx context.Context) {
	b.t.Helper()
	b.must(b.person.SignOut(ctx))
	b.person.Close()
}

// signInPlain signs in where nothing is remembered of mails beside the index.
func (b *bench) signInPlain(ctx context.Context) {
	b.t.Helper()
	b.forgetful = b.plain.Browser(b.user.Login)
	b.must(b.forgetful.SignIn(ctx, b.user.Password))
	inbox, err := b.forgetful.ByRole(ctx, "inbox")
	b.must(err)
	b.plainInbox = inbox
	for until := time.Now().Add(indexTime); ; time.Sleep(50 * time.Millisecond) {
		page, err := b.forgetful.List(ctx, system.Args{"inMailbox": inbox}, max(0, b.total-1), 1, false)
		b.must(err)
		if page.Total == b.total && len(page.IDs) == 1 {
			return
		}
		if time.Now().After(until) {
			b.t.Fatal("the index of the second server is not complete")
		}
	}
}

// allConnections has the person ask for several things at once, so that the connections
// that they work with are there: a second one is made when it is needed first, and kept.
func (b *bench) allConnections(ctx context.Context) {
	b.t.Helper()
	for range warmup {
		var wg sync.WaitGroup
		for _, id := range b.ids[:min(len(b.ids), warmup)] {
			wg.Go(func() {
				if _, _, err := b.person.OpenMail(ctx, id); err != nil {
					b.t.Errorf("opening %s: %v", id, err)
				}
			})
		}
		wg.Wait()
	}
}

// settledLogins is logins once no connection is being made any more: one that a page
// before asked for in the background counts with those.
func (b *bench) settledLogins(ctx context.Context) int {
	b.t.Helper()
	n := b.logins(ctx)
	for quiet := time.Now(); time.Since(quiet) < time.Second; time.Sleep(50 * time.Millisecond) {
		if now := b.logins(ctx); now != n {
			n, quiet = now, time.Now()
		}
	}
	return n
}

// awaitIndex waits until the index has all mails.
func (b *bench) awaitIndex(ctx context.Context) {
	b.t.Helper()
	began := time.Now()
	raw, err := system.DialIMAP(ctx, b.platform, b.user)
	b.must(err)
	b.raw = raw
	said, err := raw.Do("SELECT INBOX")
	b.must(err)
	m := existsLine.FindSubmatch(said)
	b.total, err = strconv.Atoi(string(m[1]))
	b.must(err)
	for {
		page, err := b.person.List(ctx, system.Args{"inMailbox": b.inbox}, max(0, b.total-1), 1, false)
		b.must(err)
		if page.Total == b.total && len(page.IDs) == 1 {
			break
		}
		if time.Since(began) > indexTime {
			b.t.Fatalf("the index has %d of %d mails after %v", page.Total, b.total, indexTime)
		}
		time.Sleep(50 * time.Millisecond)
	}
	page, err := b.person.List(ctx, system.Args{"inMailbox": b.inbox}, 0, 1, true)
	b.must(err)
	b.rows = page.Total
}

var sizeLine = regexp.MustCompile(`\* (\d+) FETCH \(RFC822.SIZE (\d+)\)`)

// pick chooses the mails to open and flag: small ones among the newest.
func (b *bench) pick(ctx context.Context) {
	b.t.Helper()
	n := min(newest, b.total)
	a, err := b.person.Call(ctx,
		system.Call{Name: "Email/query", Args: system.Args{"filter": system.Args{"inMailbox": b.inbox}, "sort": []system.Args{{"property": "receivedAt", "isAscending": false}}, "position": 0, "limit": n}},
		system.Call{Name: "Email/get", Args: system.Args{"#ids": system.Ref("0", "Email/query", "/ids"), "properties": []string{"id", "size"}}})
	b.must(err)
	var got struct{ List []system.Email }
	b.must(a.Into(1, &got))
	for _, e := range got.List {
		if e.Size <= openable {
			b.ids = append(b.ids, e.ID)
		}
	}
	said, err := b.raw.Do(fmt.Sprintf("FETCH %d:%d RFC822.SIZE", b.total-n+1, b.total))
	b.must(err)
	for _, m := range sizeLine.FindAllSubmatch(said, -1) {
		if size, _ := strconv.Atoi(string(m[2])); size <= openable {
			seq, _ := strconv.Atoi(string(m[1])) // digits, by the pattern
			b.seqs = append(b.seqs, seq)
		}
	}
	if len(b.ids) == 0 || len(b.seqs) == 0 {
		b.t.Fatal("no mail to open")
	}
}

// errAhead is a sample that does not count: it fetched ahead what the action
// needs.
var errAhead = fmt.Errorf("fetched ahead")

// compare measures an action and its floor by turns.
func (b *bench) compare(a action) row {
	b.t.Helper()
	r := row{what: a.what}
	for len(r.ours) < b.samples+warmup {
		began := time.Now()
		check, err := a.ours(b.t.Context())
		took := time.Since(began)
		if err == errAhead {
			continue
		}
		if err == nil {
			err = check()
		}
		if err != nil {
			b.t.Fatalf("%s: %v", a.what, err)
		}
		r.ours = append(r.ours, took)
		began = time.Now()
		if err := a.floor(b.t.Context()); err != nil {
			b.t.Fatalf("%s, floor: %v", a.what, err)
		}
		r.floor = append(r.floor, time.Since(began))
	}
	r.ours, r.floor = r.ours[warmup:], r.floor[warmup:]
	return r
}

var loginFigure = regexp.MustCompile(`(?m)^cofferdam_platform_logins_total\{[^}]*service="imap"[^}]*\} (\S+)$`)

// logins is porter's count of authentications at the IMAP server.
func (b *bench) logins(ctx context.Context) int {
	b.t.Helper()
	text, err := b.server.AdminGet(ctx, "/metrics")
	b.must(err)
	n := 0
	for _, m := range loginFigure.FindAllStringSubmatch(text, -1) {
		f, err := strconv.ParseFloat(m[1], 64)
		b.must(err)
		n += int(f)
	}
	if n == 0 {
		b.t.Fatal("porter counts no login: the figure proves nothing")
	}
	return n
}
