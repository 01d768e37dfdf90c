package replica

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// mailText makes a message of a conversation.
func mailText(n, thread int) []byte {
	refs := ""
	if n != thread {
		refs = fmt.Sprintf("References: <m%d@x>\r\nIn-Reply-To: <m%d@x>\r\n", thread, thread)
	}
	return []byte(fmt.Sprintf("From: a@x\r\nSubject: talk %d\r\nMessage-ID: <m%d@x>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n%s\r\nbody %d\r\n", thread, n, refs, n))
}

func open(t testing.TB, a *memup.Account, snapshot []byte) *Replica {
	t.Helper()
	r, err := Open(t.Context(), Config{Store: a.Open(), Key: testKey, Snapshot: func(context.Context) []byte { return snapshot }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func opened(t testing.TB, a *memup.Account) *Replica {
	t.Helper()
	r := open(t, a, nil)
	if err := r.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// world is an account that other programs change at random.
type world struct {
	t    *testing.T
	a    *memup.Account
	st   *memup.Store
	rnd  *rand.Rand
	n    int
	gone []string // mailboxes to be deleted
}

var boxNames = []string{"INBOX", "Archive", "Trash", "Sent"}

func (w *world) deliver() {
	w.n++
	thread := w.n
	if w.n > 3 && w.rnd.IntN(2) == 0 {
		thread = 1 + w.rnd.IntN(w.n-1)
		for thread%3 != 0 && thread > 1 { // few roots, so that threads grow
			thread--
		}
	}
	var flags []string
	if w.rnd.IntN(2) == 0 {
		flags = append(flags, `\Seen`)
	}
	if w.rnd.IntN(5) == 0 {
		flags = append(flags, "$Label"+fmt.Sprint(w.rnd.IntN(4)))
	}
	date := time.Date(2026, 1, 1, 0, 0, w.rnd.IntN(100000), 0, time.UTC)
	w.a.Deliver(boxNames[w.rnd.IntN(2)], mailText(w.n, thread), date, flags...)
}

// pick chooses some mails of a mailbox.
func (w *world) pick() (upstream.Place, upstream.UIDSet) {
	name := boxNames[w.rnd.IntN(len(boxNames))]
	all, m, err := w.st.UIDs(context.Background(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	var some upstream.UIDSet
	for u := range all.All() {
		if w.rnd.IntN(4) == 0 {
			some.Add(u)
		}
	}
	return upstream.Place{Box: name, Validity: m.UIDValidity}, some
}

// step does something.
func (w *world) step() string {
	ctx := context.Background()
	at, some := w.pick()
	to := boxNames[w.rnd.IntN(len(boxNames))]
	switch k := w.rnd.IntN(10); {
	case k < 3:
		for range 1 + w.rnd.IntN(20) {
			w.deliver()
		}
		return "deliver"
	case some.Empty():
		return "nothing"
	case k < 5:
		add, remove := []string{`\Seen`, "$A"}, []string{"$Label1"}
		if w.rnd.IntN(2) == 0 {
			add, remove = remove, add
		}
		if err := w.st.SetFlags(ctx, at, some, add, remove); err != nil {
			w.t.Fatal(err)
		}
		return "flags"
	case k == 5:
		var del, un []string
		if w.rnd.IntN(2) == 0 {
			del = []string{`\Deleted`}
		} else {
			un = []string{`\Deleted`}
		}
		if err := w.st.SetFlags(ctx, at, some, del, un); err != nil {
			w.t.Fatal(err)
		}
		return "deleted flag"
	case k == 6:
		if _, err := w.st.Copy(ctx, at, some, to); err != nil {
			w.t.Fatal(err)
		}
		return "copy"
	case k < 9:
		if at.Box == to {
			return "nothing"
		}
		if _, err := w.st.Move(ctx, at, some, to); err != nil {
			w.t.Fatal(err)
		}
		return "move"
	}
	switch w.rnd.IntN(4) {
	case 0:
		w.a.Reset(at.Box)
		return "reset " + at.Box
	case 1:
		w.n++
		name := fmt.Sprint("New ", w.n)
		if err := w.st.CreateBox(ctx, name, ""); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.st.Move(ctx, at, some, name); err != nil {
			w.t.Fatal(err)
		}
		if w.rnd.IntN(2) == 0 {
			if err := w.st.RenameBox(ctx, name, name+" renamed"); err != nil {
				w.t.Fatal(err)
			}
		}
		return "new mailbox"
	case 2:
		w.n++
		name := fmt.Sprint("Gone ", w.n)
		if err := errors.Join(w.st.CreateBox(ctx, name, ""), func() error { _, err := w.st.Move(ctx, at, some, name); return err }()); err != nil {
			w.t.Fatal(err)
		}
		w.gone = append(w.gone, name)
		if w.rnd.IntN(2) == 0 {
			for _, name := range w.gone {
				if err := w.st.DeleteBox(ctx, name); err != nil {
					w.t.Fatal(err)
				}
			}
			w.gone = nil
			return "deleted mailboxes"
		}
		return "mailbox to be deleted"
	}
	if err := w.st.Remove(ctx, at, some); err != nil {
		w.t.Fatal(err)
	}
	return "remove"
}

// dump is everything that a client can see, by id.
type dump struct {
	Emails  map[jmap.EmailID]string
	Threads map[jmap.ThreadID][]jmap.EmailID
	Boxes   map[string]string
}

func dumpOf(ix *Index) dump {
	d := dump{Emails: map[jmap.EmailID]string{}, Threads: map[jmap.ThreadID][]jmap.EmailID{}, Boxes: map[string]string{}}
	names := map[jmap.MailboxID]string{}
	boxes, _ := ix.Mailboxes()
	for _, b := range boxes {
		names[b.ID] = b.Name
		d.Boxes[b.Name] = fmt.Sprint(b.TotalEmails, b.UnreadEmails, b.TotalThreads, b.UnreadThreads)
	}
	res, err := ix.Query(&jmap.EmailQuery{Window: jmap.Window{Limit: 1 << 30}}, nil)
	if err != nil {
		panic(err)
	}
	list, _, _ := ix.Emails(res.IDs)
	var threads []jmap.ThreadID
	for _, m := range list {
		var in []string
		for _, id := range m.MailboxIDs {
			in = append(in, names[id])
		}
		slices.Sort(in)
		kw := slices.Clone(m.Keywords)
		slices.Sort(kw)
		d.Emails[m.ID] = fmt.Sprint(in, kw, m.Size, m.ThreadID)
		threads = append(threads, m.ThreadID)
	}
	all, _, _ := ix.Threads(threads)
	for _, t := range all {
		d.Threads[t.ID] = t.EmailIDs
	}
	return d
}

// countNaively works the counts of RFC 8621, section 2 out from a dump.
func countNaively(t *testing.T, ix *Index) map[string]string {
	t.Helper()
	boxes, _ := ix.Mailboxes()
	res, _ := ix.Query(&jmap.EmailQuery{Window: jmap.Window{Limit: 1 << 30}}, nil)
	list, _, _ := ix.Emails(res.IDs)
	byThread := map[jmap.ThreadID][]Meta{}
	for _, m := range list {
		byThread[m.ThreadID] = append(byThread[m.ThreadID], m)
	}
	trash := ix.ByRole(jmap.RoleTrash)
	out := map[string]string{}
	for _, b := range boxes {
		var c counts
		for _, mails := range byThread {
			in, unread := false, false
			for _, m := range mails {
				u := !slices.Contains(m.Keywords, jmap.KeywordSeen) && !slices.Contains(m.Keywords, jmap.KeywordDraft)
				here := slices.Contains(m.MailboxIDs, b.ID)
				if here {
					in = true
					c.emails++
					if u {
						c.unread++
					}
				}
				onlyTrash := len(m.MailboxIDs) == 1 && m.MailboxIDs[0] == trash
				if b.ID == trash {
					unread = unread || u && slices.Contains(m.MailboxIDs, trash)
				} else {
					unread = unread || u && !onlyTrash
				}
			}
			if in {
				c.threads++
				if unread {
					c.unreadThreads++
				}
			}
		}
		out[b.Name] = fmt.Sprint(c.emails, c.unread, c.threads, c.unreadThreads)
	}
	return out
}

// TestFollows changes an account at random and compares the index that follows
// with one that is built anew, with counts worked out naively, and with what a
// client gets that asks for changes only.
func TestFollows(t *testing.T) {
	for _, opts := range []memup.Options{
		{Identity: upstream.IdentityGUID},
		{Identity: upstream.IdentityObject, Threads: true},
		{Identity: upstream.IdentityGUID, QuietExpunge: true},
		{NoModSeq: true, NoBoxIDs: true},
	} {
		seeds, rounds := uint64(6), 40
		if raceEnabled {
			seeds, rounds = 2, 20 // it is ten times slower
		}
		for seed := range seeds {
			t.Run(fmt.Sprint(opts.Identity, seed), func(t *testing.T) {
				a := memup.New(opts)
				w := &world{t: t, a: a, st: a.Open(), rnd: rand.New(rand.NewPCG(seed, 1))}
				for range 30 {
					w.deliver()
				}
				r := opened(t, a)
				c := newClient(r.Index)
				for round := range rounds {
					var did []string
					for range 1 + w.rnd.IntN(3) {
						did = append(did, w.step())
					}
					if err := r.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					got := dumpOf(r.Index)
					if anew := dumpOf(opened(t, a).Index); !reflect.DeepEqual(anew, got) {
						t.Fatalf("round %d, after %v: -built anew +followed\n%s", round, did, cmp.Diff(anew, got))
					}
					if d := cmp.Diff(countNaively(t, r.Index), got.Boxes); d != "" {
						t.Fatalf("round %d, after %v: counts -naive +index\n%s", round, did, d)
					}
					c.update(t, fmt.Sprint("round ", round, " after ", did))
				}
				checkOrders(t, r.Index)
			})
		}
	}
}

// checkOrders looks at the inner invariants.
func checkOrders(t *testing.T, ix *Index) {
	t.Helper()
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		if !slices.IsSortedFunc(b.order, ix.compare) || len(slices.Compact(slices.Clone(b.order))) != len(b.order) {
			t.Errorf("%s: order is not sorted or has twins", b.up.Name)
		}
		if !slices.IsSortedFunc(b.uids, func(x, y ref) int { return int(ix.uidOf(x)) - int(ix.uidOf(y)) }) {
			t.Errorf("%s: uids are not sorted", b.up.Name)
		}
	}
}

// client keeps a copy of everything by /changes and /queryChanges alone.
type client struct {
	ix     *Index
	email  jmap.State
	thread jmap.State
	box    jmap.State
	query  jmap.EmailQueryChanges
	list   []jmap.EmailID
	have   dump
}

func newClient(ix *Index) *client {
	s := ix.States()
	c := &client{ix: ix, email: s[jmap.TypeEmail], thread: s[jmap.TypeThread], box: s[jmap.TypeMailbox], have: dumpOf(ix)}
	var inbox jmap.MailboxID = ix.ByRole(jmap.RoleInbox)
	c.query.Query = jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: inbox}},
		Sort: []jmap.Comparator{{Property: jmap.SortReceivedAt, Descending: true}}, CollapseThreads: true, Window: jmap.Window{Limit: 1 << 30}}
	res, err := ix.Query(&c.query.Query, nil)
	if err != nil {
		panic(err)
	}
	c.list, c.query.Since = res.IDs, res.State
	return c
}

func (c *client) update(t *testing.T, when string) {
	t.Helper()
	now := dumpOf(c.ix)
	for more := true; more; {
		ch, err := c.ix.Changes(jmap.TypeEmail, c.email, 7)
		if err != nil {
			t.Fatalf("%s: Email/changes: %v", when, err)
		}
		for _, id := range ch.Created {
			if _, ok := c.have.Emails[jmap.EmailID(id)]; ok {
				t.Errorf("%s: %s created, but the client has it", when, id)
			}
		}
		for _, id := range slices.Concat(ch.Created, ch.Updated) {
			if v, ok := now.Emails[jmap.EmailID(id)]; ok {
				c.have.Emails[jmap.EmailID(id)] = v
			}
		}
		for _, id := range ch.Destroyed {
			delete(c.have.Emails, jmap.EmailID(id))
		}
		if more = ch.HasMore; more && ch.NewState == c.email {
			t.Fatalf("%s: no progress", when)
		}
		c.email = ch.NewState
	}
	if !maps.Equal(now.Emails, c.have.Emails) {
		t.Fatalf("%s: emails -server +client\n%s", when, cmp.Diff(now.Emails, c.have.Emails))
	}
	ch, err := c.ix.Changes(jmap.TypeThread, c.thread, 10000)
	if err != nil {
		t.Fatalf("%s: Thread/changes: %v", when, err)
	}
	for _, id := range slices.Concat(ch.Created, ch.Updated) {
		c.have.Threads[jmap.ThreadID(id)] = now.Threads[jmap.ThreadID(id)]
	}
	for _, id := range ch.Destroyed {
		delete(c.have.Threads, jmap.ThreadID(id))
	}
	c.thread = ch.NewState
	if !reflect.DeepEqual(now.Threads, c.have.Threads) {
		t.Fatalf("%s: threads -server +client\n%s", when, cmp.Diff(now.Threads, c.have.Threads))
	}
	c.updateQuery(t, when)
}

// updateQuery splices a result as RFC 8620, section 5.6 says.
func (c *client) updateQuery(t *testing.T, when string) {
	t.Helper()
	q, err := c.ix.QueryChanges(&c.query)
	if err != nil {
		t.Fatalf("%s: queryChanges: %v", when, err)
	}
	c.list = slices.DeleteFunc(c.list, func(id jmap.EmailID) bool { return slices.Contains(q.Removed, id) })
	for _, a := range q.Added {
		c.list = slices.Insert(c.list, min(a.Index, len(c.list)), a.ID)
	}
	c.query.Since = q.NewState
	res, err := c.ix.Query(&c.query.Query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(res.IDs, c.list) {
		t.Fatalf("%s: query -server +client\n%s", when, cmp.Diff(res.IDs, c.list))
	}
}

func TestStatesOfAnotherIndexAreUnknown(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	a.Deliver("INBOX", mailText(1, 1), time.Now())
	old := opened(t, a).States()[jmap.TypeEmail]
	r := opened(t, a)
	if _, err := r.Changes(jmap.TypeEmail, old, 10); err != jmap.CannotCalculateChanges {
		t.Errorf("changes from a lost index: %v, want cannotCalculateChanges", err)
	}
	for _, s := range []jmap.State{"", "x", jmap.State(strings.Repeat("9", 40)), r.States()[jmap.TypeEmail] + "9"} {
		if _, err := r.Changes(jmap.TypeEmail, s, 10); err != jmap.CannotCalculateChanges {
			t.Errorf("changes from %q: %v, want cannotCalculateChanges", s, err)
		}
	}
}
