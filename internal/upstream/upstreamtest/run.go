package upstreamtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// Subject is a store to be checked.
type Subject struct {
	// Open returns a new store of an empty account; each call another account.
	Open func(t *testing.T) Pair
}

// Pair is one account with two handles, as two programs of one person have.
type Pair struct {
	Store, Other upstream.Store
	// Restart, if not nil, ends all connections of the account's server.
	Restart func()
}

// Run checks the contract.
func Run(t *testing.T, s Subject) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, *account)
	}{
		{"boxes", testBoxes},
		{"mailboxes are made, renamed and deleted", testBoxmaker},
		{"the inbox stays", testInboxStays},
		{"append and rows", testAppend},
		{"identity survives moves", testIdentity},
		{"sync tells new, changed and vanished", testSync},
		{"stale places are refused", testStale},
		{"move to nowhere loses nothing", testMoveNowhere},
		{"foreign deleted mail survives", testForeignDeleted},
		{"flags are added and removed, never replaced", testFlags},
		{"content", testContent},
		{"new mail is visible to kept connections", testFreshness},
		{"search", testSearch},
		{"watch", testWatch},
		{"newest", testNewest},
		{"many uids", testMany},
		{"restart", testRestart},
		{"cancelled calls end", testCancel},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.Open(t)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			t.Cleanup(cancel)
			c.f(t, &account{t: t, ctx: ctx, Pair: p})
		})
	}
}

// account is a Pair with what tests need.
type account struct {
	t   *testing.T
	ctx context.Context
	Pair
}

func (a *account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// Mail makes a small message.
func Mail(subject string, more ...string) string {
	return "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: " + subject +
		"\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\n" +
		strings.Join(more, "") + "\r\nBody of " + subject + ".\r\n"
}

var day = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func (a *account) append(box, raw string, flags ...string) upstream.Appended {
	a.t.Helper()
	m := message.ParseHeader([]byte(raw))
	id := ""
	if f, ok := m.Last("Message-ID"); ok {
		id = f.MessageIDs()[0]
	}
	out, err := a.Store.Append(a.ctx, box, upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Flags: flags, Date: day, MessageID: id})
	a.must(err)
	return out
}

func (a *account) box(name string) upstream.Box {
	a.t.Helper()
	list, err := a.Store.Boxes(a.ctx)
	a.must(err)
	for _, b := range list {
		if b.Name == name {
			return b
		}
	}
	a.t.Fatalf("no mailbox %q in %v", name, list)
	return upstream.Box{}
}

func (a *account) place(name string) upstream.Place {
	return upstream.Place{Box: name, Validity: a.box(name).Marks.UIDValidity}
}

func (a *account) ensure(names ...string) {
	a.t.Helper()
	for _, n := range names {
		if err := a.Store.(upstream.Boxmaker).CreateBox(a.ctx, n, ""); err != nil && !errors.Is(err, upstream.ErrExists) && !a.has(n) {
			a.t.Fatal(err)
		}
	}
}

func (a *account) has(name string) bool {
	list, err := a.Store.Boxes(a.ctx)
	return err == nil && slices.ContainsFunc(list, func(b upstream.Box) bool { return b.Name == name })
}

func (a *account) rows(s upstream.Store, name string) map[string]upstream.Row {
	a.t.Helper()
	uids, m, err := s.UIDs(a.ctx, name)
	a.must(err)
	out := make(map[string]upstream.Row)
	a.must(s.Rows(a.ctx, upstream.Place{Box: name, Validity: m.UIDValidity}, uids, func(r *upstream.Row) {
		out[message.ParseHeader(r.Header).Text("Subject")] = keep(r)
	}))
	return out
}

func keep(r *upstream.Row) upstream.Row {
	c := *r
	c.Flags, c.Header = slices.Clone(r.Flags), slices.Clone(r.Header)
	return c
}

func set(uids ...upstream.UID) (s upstream.UIDSet) {
	slices.Sort(uids)
	for _, u := range uids {
		s.Add(u)
	}
	return s
}

func (a *account) subjects(s upstream.Store, box string) []string {
	a.t.Helper()
	var out []string
	for name := range a.rows(s, box) {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (a *account) want(what string, got, want []string) {
	a.t.Helper()
	if !slices.Equal(got, want) {
		a.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func testBoxes(t *testing.T, a *account) {
	a.ensure("Reports/2026", "Ümlaut & Co")
	b := a.box("INBOX")
	if !b.Inbox || !b.Selectable || b.Marks.UIDValidity == 0 {
		t.Errorf("inbox: %+v", b)
	}
	if u := a.box("Ümlaut & Co"); !u.Subscribed {
		t.Errorf("a mailbox that was made is not subscribed: %+v", u)
	}
	if _, _, err := a.Store.UIDs(a.ctx, "No such"); !errors.Is(err, upstream.ErrNoBox) {
		t.Errorf("a mailbox that does not exist: %v, want ErrNoBox", err)
	}
}
