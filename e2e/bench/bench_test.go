package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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
	doc := &report{}
	doc.head(repository())
	for i, u := range p.Users {
		b := &bench{t: t, server: s, platform: p, user: u, samples: samples}
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
	platform *platform.Platform
	user     platform.User
	samples  int

	person *system.Person
	inbox  string
	raw    *system.RawIMAP
	total  int      // mails in the inbox
	rows   int      // conversations in the inbox
	ids    []string // of newest small mails, for us
	seqs   []int    // of the same, for the floor
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
	ready := b.awaitIndex(ctx)
	defer b.raw.Close()
	b.pick(ctx)
	before := b.logins(ctx)
	var rows []row
	actions := 0
	for _, a := range b.actions() {
		r := b.compare(a)
		actions += len(r.ours) + warmup
		rows = append(rows, r)
	}
	more := b.logins(ctx) - before
	doc.table(fmt.Sprintf("A mailbox of %d mails", size), rows)
	doc.printf("The inbox holds %d mails in %d conversations. Floor of a list: `FETCH` of 50 mails with `FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE PREVIEW`; it knows beforehand which, and reads no other members of their conversations.\n", b.total, b.rows)
	doc.printf("Floor of an open: the same of one mail, and `BODY.PEEK[]` in the same write. Ours gives the document for the frame, made harmless by the render.\n\n")
	doc.printf("| after a cold sign-in | median of %d |\n|---|--:|\n| sign-in itself (its key derivation costs 64 MiB and three passes on purpose) | %s ms |\n| first page after it | %s ms |\n| whole index | %s ms |\n\n",
		len(cold.signIn), ms(cold.signIn.at(.5)), ms(cold.page.at(.5)), ms(ready))
	doc.printf("Logins at the IMAP server during these %d actions: %d.\n\n", actions, more)
	if more != 0 {
		b.t.Errorf("%d logins at the IMAP server during %d actions, want 0", more, actions)
	}
}

type coldTimes struct{ signIn, page Samples }

// cold signs in and asks for the first page, several times; the last session
// stays.
func (b *bench) cold(ctx context.Context) coldTimes {
	b.t.Helper()
	var out coldTimes
	times := 3
	if long() {
		times = 10
	}
	for i := range times {
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
		if i < times-1 {
			b.must(b.person.SignOut(ctx))
			b.person.Close()
		}
	}
	return out
}

// awaitIndex waits until the index has all mails, and returns how long after the
// sign-in that took.
func (b *bench) awaitIndex(ctx context.Context) time.Duration {
	b.t.Helper()
	began := time.Now()
	raw, err := system.DialIMAP(ctx, b.platform, b.user)
	b.must(err)
	b.raw = raw
	said, err := raw.Do("SELECT INBOX")
	b.must(err)
	m := regexp.MustCompile(`\* (\d+) EXISTS`).FindSubmatch(said)
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
	return time.Since(began)
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

// action is what is measured: ours, and the floor's. What ours returns is read
// after the time was taken: the floor's answer is not decoded either.
type action struct {
	what  string
	ours  func(context.Context) (check func() error, err error)
	floor func(context.Context) error
}

// unread is the check of an action whose answer says no more than that it came.
func unread() error { return nil }

const listItems = "(FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE PREVIEW)"

func (b *bench) actions() []action {
	list := func(position int, collapse bool) func(context.Context) (func() error, error) {
		return func(ctx context.Context) (func() error, error) {
			return b.list(ctx, system.Args{"inMailbox": b.inbox}, position, collapse)
		}
	}
	fetch := func(position int) func(context.Context) error {
		return func(context.Context) error {
			_, err := b.raw.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, b.total-position-pageSize+1), b.total-position, listItems))
			return err
		}
	}
	far, collapse := deep, true
	if far > b.rows-pageSize {
		far, collapse = min(deep, b.total-pageSize), false
	}
	name := fmt.Sprintf("page at offset %d", far)
	if !collapse {
		name += ", without conversations"
	}
	return []action{
		{"list page, newest 50", list(0, false), fetch(0)},
		{"list page of conversations, newest 50", list(0, true), fetch(0)},
		{name, list(far, collapse), fetch(far)},
		{"open message", b.open(), b.openRaw},
		{"set flag", b.flag(), b.flagRaw},
		{"search in subject, newest 50 found", b.search, b.searchRaw},
	}
}

func (b *bench) list(ctx context.Context, filter system.Args, position int, collapse bool) (func() error, error) {
	text, err := b.person.Exchange(ctx, system.ListCalls(filter, position, pageSize, collapse)...)
	return func() error {
		page, err := system.ReadPage(text)
		if err == nil && len(page.Emails) != min(pageSize, page.Total-position) {
			err = fmt.Errorf("a page of %d rows", len(page.Emails))
		}
		return err
	}, err
}

// open is what our client does: the ticket was fetched ahead; details and
// document come at the same time.
func (b *bench) open() func(context.Context) (func() error, error) {
	tickets := map[string]string{}
	return func(ctx context.Context) (func() error, error) {
		id := b.ids[rand.IntN(len(b.ids))]
		if tickets[id] == "" {
			path, err := b.person.Ticket(ctx, id)
			if err != nil {
				return nil, err
			}
			tickets[id] = path
			return nil, errAhead
		}
		done := make(chan error, 1)
		go func() {
			_, err := b.person.Get(ctx, tickets[id])
			done <- err
		}()
		text, err := b.person.Exchange(ctx, system.DetailCall(id))
		if other := <-done; err == nil {
			err = other
		}
		return func() error {
			_, err := system.ReadDetail(text, id)
			return err
		}, err
	}
}

func (b *bench) openRaw(context.Context) error {
	seq := b.seqs[rand.IntN(len(b.seqs))]
	said, err := b.raw.Do(fmt.Sprintf("FETCH %d %s", seq, listItems), fmt.Sprintf("FETCH %d BODY.PEEK[]", seq))
	if err == nil && !bytes.Contains(said, []byte("BODY[]")) {
		err = fmt.Errorf("mail %d has no body", seq)
	}
	return err
}

func (b *bench) flag() func(context.Context) (func() error, error) {
	on := map[string]bool{}
	return func(ctx context.Context) (func() error, error) {
		id := b.ids[rand.IntN(len(b.ids))]
		on[id] = !on[id]
		return unread, b.person.SetKeyword(ctx, id, "$flagged", on[id])
	}
}

func (b *bench) flagRaw(context.Context) error {
	sign := "+-"[rand.IntN(2)]
	_, err := b.raw.Do(fmt.Sprintf(`STORE %d %cFLAGS (\Flagged)`, b.seqs[rand.IntN(len(b.seqs))], sign))
	return err
}

func (b *bench) search(ctx context.Context) (func() error, error) {
	return b.list(ctx, system.Args{"inMailbox": b.inbox, "subject": words[rand.IntN(len(words))]}, 0, false)
}

func (b *bench) searchRaw(context.Context) error {
	said, err := b.raw.Do(fmt.Sprintf("SEARCH SUBJECT %q", words[rand.IntN(len(words))]))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(said)) {
		found, ok := strings.CutPrefix(strings.TrimSpace(line), "* SEARCH ")
		if !ok {
			continue
		}
		seqs := strings.Fields(found)
		_, err = b.raw.Do("FETCH " + strings.Join(seqs[max(0, len(seqs)-pageSize):], ",") + " " + listItems)
	}
	return err
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
