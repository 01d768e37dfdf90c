package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

func testAppend(t *testing.T, a *account) {
	raw := Mail("hello")
	out := a.append("INBOX", raw, `\Seen`, "$Forwarded")
	r, ok := a.rows(a.Store, "INBOX")["hello"]
	if !ok {
		t.Fatal("the mail is not there")
	}
	if out.UID != 0 && out.UID != r.UID {
		t.Errorf("append said uid %d, the mail has %d", out.UID, r.UID)
	}
	if r.Size != int64(len(raw)) || !r.Date.Equal(day) || len(r.Flags) < 2 {
		t.Errorf("row: size %d, date %v, flags %v", r.Size, r.Date, r.Flags)
	}
}

func testIdentity(t *testing.T, a *account) {
	a.ensure("Work", "Copy")
	a.append("INBOX", Mail("one"))
	before := a.rows(a.Store, "INBOX")["one"]
	_, err := a.Store.Copy(a.ctx, a.place("INBOX"), set(before.UID), "Copy")
	a.must(err)
	p, err := a.Store.Move(a.ctx, a.place("INBOX"), set(before.UID), "Work")
	a.must(err)
	after := a.rows(a.Store, "Work")["one"]
	if len(p.Pairs) == 1 && (p.Pairs[0].From != before.UID || p.Pairs[0].To != after.UID) {
		t.Errorf("move said %v; was %d, is %d", p.Pairs, before.UID, after.UID)
	}
	copied := a.rows(a.Store, "Copy")["one"]
	if before.ID != after.ID || copied.ID != after.ID || !before.Date.Equal(after.Date) || before.Size != after.Size {
		t.Errorf("moved %+v\n  to %+v\ncopy %+v", before, after, copied)
	}
	a.want("inbox", a.subjects(a.Store, "INBOX"), nil)
	back, err := a.Store.Move(a.ctx, a.place("Work"), set(after.UID), "INBOX")
	a.must(err)
	_ = back
	if r := a.rows(a.Store, "INBOX")["one"]; r.ID != before.ID {
		t.Errorf("moved back: id %q, was %q", r.ID, before.ID)
	}
}

// hasFlag compares as IMAP does: without regard to case.
func hasFlag(list []string, f string) bool {
	return slices.ContainsFunc(list, func(g string) bool { return strings.EqualFold(f, g) })
}

// seen is what a Sync told.
type seen struct {
	fresh    []string
	flags    map[upstream.UID][]string
	vanished upstream.UIDSet
}

func (a *account) sync(box string, m upstream.Marks, have upstream.UIDSet) (seen, upstream.Marks) {
	a.t.Helper()
	s := seen{flags: make(map[upstream.UID][]string)}
	next, err := a.Store.Sync(a.ctx, box, upstream.Known{Marks: m, UIDs: func() upstream.UIDSet { return have }}, upstream.Sink{
		Row:      func(r *upstream.Row) { s.fresh = append(s.fresh, message.ParseHeader(r.Header).Text("Subject")) },
		Flags:    func(u upstream.UID, f []string) { s.flags[u] = slices.Clone(f) },
		Vanished: func(set upstream.UIDSet) { s.vanished.AddSet(set) },
	})
	a.must(err)
	return s, next
}

func testSync(t *testing.T, a *account) {
	for i := range 4 {
		a.append("INBOX", Mail(fmt.Sprint("mail ", i)))
	}
	rows := a.rows(a.Store, "INBOX")
	have, m, err := a.Store.UIDs(a.ctx, "INBOX")
	a.must(err)
	at := upstream.Place{Box: "INBOX", Validity: m.UIDValidity}
	// Another program changes, removes and adds.
	a.must(a.Other.SetFlags(a.ctx, at, set(rows["mail 1"].UID), []string{`\Flagged`}, nil))
	a.must(a.Other.Remove(a.ctx, at, set(rows["mail 2"].UID)))
	raw := Mail("mail 4")
	_, err = a.Other.Append(a.ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Date: day})
	a.must(err)
	s, m := a.sync("INBOX", m, have)
	a.want("new", s.fresh, []string{"mail 4"})
	if f := s.flags[rows["mail 1"].UID]; !hasFlag(f, `\Flagged`) {
		t.Errorf("flags told: %v", s.flags)
	}
	if !s.vanished.Contains(rows["mail 2"].UID) {
		t.Errorf("vanished told: %v", s.vanished)
	}
	if m.Messages != 4 {
		t.Errorf("marks: %+v, want 4 messages", m)
	}
	// Nothing happened since.
	have, _, err = a.Store.UIDs(a.ctx, "INBOX")
	a.must(err)
	s, m = a.sync("INBOX", m, have)
	if len(s.fresh) != 0 || !s.vanished.Empty() {
		t.Errorf("told of nothing: %+v", s)
	}
	// The caller knows of a mail that it put there after the marks were taken.
	put := a.append("INBOX", Mail("mail 5"))
	if put.UID == 0 {
		return // this server does not say which uid it gave
	}
	have.Add(put.UID)
	if s, _ := a.sync("INBOX", m, have); !s.vanished.Empty() {
		t.Errorf("mail %d that was just put there vanished: %+v", put.UID, s.vanished)
	}
	// Another program removes such a mail before anybody has looked.
	a.must(a.Other.Remove(a.ctx, at, set(put.UID)))
	if s, m = a.sync("INBOX", m, have); !s.vanished.Contains(put.UID) {
		t.Errorf("mail %d that was put there and is gone: vanished %+v", put.UID, s.vanished)
	}
	if s, _ = a.sync("INBOX", m, have); len(s.fresh) != 0 {
		t.Errorf("told of nothing: %+v", s)
	}
}

func testStale(t *testing.T, a *account) {
	a.append("INBOX", Mail("stay"))
	at := a.place("INBOX")
	uid := a.rows(a.Store, "INBOX")["stay"].UID
	at.Validity++
	checks := map[string]error{
		"remove": a.Store.Remove(a.ctx, at, set(uid)),
		"flags":  a.Store.SetFlags(a.ctx, at, set(uid), []string{`\Seen`}, nil),
		"rows":   a.Store.Rows(a.ctx, at, set(uid), func(*upstream.Row) { t.Error("a row of a stale place") }),
		"fetch": a.Store.Fetch(a.ctx, []upstream.Ask{{At: at, UIDs: set(uid), Want: upstream.Want{Body: true}}},
			func(*upstream.Content) { t.Error("content of a stale place") }),
	}
	_, checks["move"] = a.Store.Move(a.ctx, at, set(uid), "INBOX")
	for name, err := range checks {
		if !errors.Is(err, upstream.ErrStale) {
			t.Errorf("%s: %v, want ErrStale", name, err)
		}
	}
	if r := a.rows(a.Store, "INBOX")["stay"]; hasFlag(r.Flags, `\Seen`) || r.UID == 0 {
		t.Errorf("the mail was changed: %+v", r)
	}
}

// Trap 1: COPY fails in a move, also on a server without MOVE.
func testMoveNowhere(t *testing.T, a *account) {
	a.append("INBOX", Mail("keep me"))
	uid := a.rows(a.Store, "INBOX")["keep me"].UID
	if _, err := a.Store.Move(a.ctx, a.place("INBOX"), set(uid), "Nowhere"); !errors.Is(err, upstream.ErrNoBox) {
		t.Errorf("moving to nowhere: %v, want ErrNoBox", err)
	}
	a.want("inbox", a.subjects(a.Store, "INBOX"), []string{"keep me"})
}

// Trap 2: what another program has marked \Deleted is not ours to expunge.
func testForeignDeleted(t *testing.T, a *account) {
	a.ensure("Work")
	for _, s := range []string{"theirs", "ours", "moved"} {
		a.append("INBOX", Mail(s))
	}
	rows := a.rows(a.Store, "INBOX")
	at := a.place("INBOX")
	a.must(a.Other.SetFlags(a.ctx, at, set(rows["theirs"].UID), []string{`\Deleted`}, nil))
	errRemove := a.Store.Remove(a.ctx, at, set(rows["ours"].UID))
	_, errMove := a.Store.Move(a.ctx, at, set(rows["moved"].UID), "Work")
	left := a.subjects(a.Other, "INBOX")
	if !slices.Contains(left, "theirs") {
		t.Fatalf("a foreign mail was expunged; left: %v", left)
	}
	for name, err := range map[string]error{"ours": errRemove, "moved": errMove} {
		if err != nil && !errors.Is(err, upstream.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
		if (err == nil) == slices.Contains(left, name) {
			t.Errorf("%s: err %v, but left are %v", name, err, left)
		}
	}
}

func testFlags(t *testing.T, a *account) {
	a.append("INBOX", Mail("m"), `\Answered`)
	at := a.place("INBOX")
	uid := a.rows(a.Store, "INBOX")["m"].UID
	a.must(a.Other.SetFlags(a.ctx, at, set(uid), []string{`\Flagged`}, nil))
	a.must(a.Store.SetFlags(a.ctx, at, set(uid), []string{`\Seen`}, []string{`\Answered`}))
	f := a.rows(a.Store, "INBOX")["m"].Flags
	if !hasFlag(f, `\Seen`) || !hasFlag(f, `\Flagged`) || hasFlag(f, `\Answered`) {
		t.Errorf("flags are %v", f)
	}
}

const multipart = "From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello w\xc3\xb6rld.\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--b--\r\n"

func testContent(t *testing.T, a *account) {
	a.append("INBOX", multipart)
	at := a.place("INBOX")
	uid := a.rows(a.Store, "INBOX")["parts"].UID
	var c *upstream.Content
	ask := upstream.Ask{At: at, UIDs: set(uid), Want: upstream.Want{Header: true, Structure: true, Body: true, Preview: true,
		Sections: []upstream.Section{{ID: "1"}, {ID: "2", Limit: 4}}}}
	a.must(a.Store.Fetch(a.ctx, []upstream.Ask{ask}, func(got *upstream.Content) { c = got }))
	if c == nil {
		t.Fatal("no content")
	}
	if string(c.Body) != multipart {
		t.Errorf("body: %q", c.Body)
	}
	if got := message.ParseHeader(c.Header).Text("Subject"); got != "parts" {
		t.Errorf("header: %q", c.Header)
	}
	if string(c.Sections["1"]) != "Hello w\xc3\xb6rld." || string(c.Sections["2"]) != "SGVs" {
		t.Errorf("sections: %q", c.Sections)
	}
	if c.Structure == nil || len(c.Structure.SubParts) != 2 {
		t.Fatalf("structure: %+v", c.Structure)
	}
	if p := c.Structure.SubParts[1]; p.PartID != "2" || p.Name != "a.pdf" || p.Type != "application/pdf" || p.Disposition != "attachment" {
		t.Errorf("attachment: %+v", p)
	}
	if c.HasPreview && !strings.HasPrefix(c.Preview, "Hello w") {
		t.Errorf("preview: %q", c.Preview)
	}
	piece, err := a.Store.Chunk(a.ctx, at, uid, "1", 6, 100)
	if err != nil || string(piece) != "w\xc3\xb6rld." {
		t.Errorf("chunk: %q, %v", piece, err)
	}
	if end, err := a.Store.Chunk(a.ctx, at, uid, "1", 100, 100); err != nil || len(end) != 0 {
		t.Errorf("chunk behind the end: %q, %v", end, err)
	}
	if _, err := a.Store.Chunk(a.ctx, at, uid+1000, "1", 0, 100); !errors.Is(err, upstream.ErrGone) {
		t.Errorf("chunk of no mail: %v, want ErrGone", err)
	}
}

// A kept connection has selected the mailbox before the mail came.
func testFreshness(t *testing.T, a *account) {
	a.append("INBOX", Mail("first"))
	at := a.place("INBOX")
	first := a.rows(a.Store, "INBOX")["first"].UID
	raw := Mail("second")
	_, err := a.Other.Append(a.ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Date: day})
	a.must(err)
	uid := a.rows(a.Other, "INBOX")["second"].UID
	var got []string
	ask := upstream.Ask{At: at, UIDs: set(first, uid), Want: upstream.Want{Fields: []string{"Subject"}}}
	a.must(a.Store.Fetch(a.ctx, []upstream.Ask{ask}, func(c *upstream.Content) {
		got = append(got, message.ParseHeader(c.Header).Text("Subject"))
	}))
	slices.Sort(got)
	a.want("fetched", got, []string{"first", "second"})
	a.must(a.Store.SetFlags(a.ctx, at, set(uid), []string{`\Flagged`}, nil))
	if f := a.rows(a.Other, "INBOX")["second"].Flags; !hasFlag(f, `\Flagged`) {
		t.Errorf("flags of the new mail: %v", f)
	}
}

func testWatch(t *testing.T, a *account) {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	ready, events := make(chan struct{}), make(chan upstream.Event, 100)
	done := make(chan error, 1)
	go func() {
		done <- a.Store.Watch(ctx, func() { close(ready) }, func(e upstream.Event) {
			select {
			case events <- e:
			default:
			}
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	case <-a.ctx.Done():
		t.Fatal("not ready")
	}
	raw := Mail("news")
	_, err := a.Other.Append(a.ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Date: day})
	a.must(err)
	for found := false; !found; {
		select {
		case e := <-events:
			found = e.Box == "INBOX" || e.Box == "" && !e.Boxes
		case <-time.After(5 * time.Second):
			t.Fatal("nobody told of the new mail")
		}
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("watch ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("watch did not end")
	}
}

func testNewest(t *testing.T, a *account) {
	for i := range 5 {
		a.append("INBOX", Mail(fmt.Sprint("n", i)))
	}
	var got []string
	m, err := a.Store.Newest(a.ctx, "INBOX", 0, 3, func(r *upstream.Row) {
		got = append(got, message.ParseHeader(r.Header).Text("Subject"))
	})
	a.must(err)
	slices.Sort(got)
	if m.Messages != 5 || len(got) != 3 {
		t.Errorf("newest: %v of %d", got, m.Messages)
	}
}

// Trap 10: sets of 30,000 scattered uids do not fit one command line.
func testMany(t *testing.T, a *account) {
	a.append("INBOX", Mail("last"))
	uid := a.rows(a.Store, "INBOX")["last"].UID
	var many upstream.UIDSet
	for u := upstream.UID(1); u < 60_000; u += 2 {
		many.Add(u)
	}
	many.Add(uid)
	n := 0
	a.must(a.Store.Rows(a.ctx, a.place("INBOX"), many, func(*upstream.Row) { n++ }))
	if n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	a.must(a.Store.SetFlags(a.ctx, a.place("INBOX"), many, []string{`\Seen`}, nil))
}

func testRestart(t *testing.T, a *account) {
	if a.Restart == nil {
		t.Skip("this account's server cannot be restarted")
	}
	a.append("INBOX", Mail("before"))
	a.Restart()
	a.want("after the restart", a.subjects(a.Store, "INBOX"), []string{"before"})
}

func testCancel(t *testing.T, a *account) {
	ctx, cancel := context.WithCancel(a.ctx)
	cancel()
	if _, _, err := a.Store.UIDs(ctx, "INBOX"); err == nil {
		t.Error("a cancelled call succeeded")
	}
	a.append("INBOX", Mail("works"))
	a.must(a.Store.Close())
	if _, err := a.Store.Boxes(a.ctx); !errors.Is(err, upstream.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	a.must(a.Store.Close())
}
