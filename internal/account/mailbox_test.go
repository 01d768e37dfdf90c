package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/memup"
	"cofferdam/internal/upstream/upstreamtest"
)

// TestMailboxSet runs RFC 8621, section 2.5 over memory and over real servers. Among
// its cases are MaxMailboxName and MaxMailboxDepth, and one more of each.
func TestMailboxSet(t *testing.T) {
	forEachUpstream(t, []testCase{
		{"create", testMailboxCreate},
		{"rename keeps ids", testMailboxRename},
		{"foreign rename", testForeignRename},
		{"destroy", testMailboxDestroy},
		{"refused", testMailboxRefused},
		{"order", testMailboxOrder},
		{"subscriptions", testMailboxSubscribe},
	})
}

// set does a Mailbox/set and fails the test if the method fails.
func (r *rig) set(s jmap.MailboxSet) jmap.MailboxSetResult {
	r.Helper()
	res, err := r.a.MailboxSet(r.ctx, &s)
	r.must(err)
	return res
}

// make creates a mailbox and returns its id.
func (r *rig) make(name string, parent jmap.MailboxID) jmap.MailboxID {
	r.Helper()
	res := r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{{CreationID: "c", Name: name, ParentID: parent, IsSubscribed: true}}})
	if res.Created["c"] == nil {
		r.Fatalf("making %q: %v", name, res.NotCreated["c"])
	}
	return res.Created["c"].ID
}

func (r *rig) mailbox(id jmap.MailboxID) jmap.Mailbox {
	r.Helper()
	list, _, _, err := r.a.MailboxGet(r.ctx, []jmap.MailboxID{id})
	r.must(err)
	if len(list) != 1 {
		r.Fatalf("no mailbox %s", id)
	}
	return list[0]
}

func (r *rig) state(t jmap.Type) jmap.State {
	r.Helper()
	s, err := r.a.State(r.ctx, t)
	r.must(err)
	return s
}

func (r *rig) wantChanges(t jmap.Type, since jmap.State, created, updated, destroyed []string) {
	r.Helper()
	ch, err := r.a.Changes(r.ctx, t, since, 100)
	r.must(err)
	for _, c := range []struct {
		what      string
		got, want []string
	}{{"created", ch.Created, created}, {"updated", ch.Updated, updated}, {"destroyed", ch.Destroyed, destroyed}} {
		slices.Sort(c.got)
		slices.Sort(c.want)
		if !slices.Equal(c.got, c.want) {
			r.Errorf("%s %s: %v, want %v", t, c.what, c.got, c.want)
		}
	}
}

// serverNames are the names of the mailboxes as the other program sees them.
func (r *rig) serverNames() map[string]upstream.Box {
	r.Helper()
	list, err := r.other.Boxes(r.ctx)
	r.must(err)
	out := map[string]upstream.Box{}
	for _, b := range list {
		out[b.Name] = b
	}
	return out
}

func testMailboxCreate(r *rig) {
	before := r.state(jmap.TypeMailbox)
	res := r.set(jmap.MailboxSet{IfInState: before, Create: []jmap.MailboxCreate{
		{CreationID: "top", Name: "U\u0308ber & uns", IsSubscribed: true}, // not in NFC
		{CreationID: "kid", Name: "日本語", ParentCreation: "top"},
		{CreationID: "lost", Name: "x", ParentCreation: "bad", IsSubscribed: true},
	}})
	top, kid := res.Created["top"], res.Created["kid"]
	if top == nil || kid == nil {
		r.Fatalf("not created: %v %v", res.NotCreated["top"], res.NotCreated["kid"])
	}
	if top.Name != "\u00dcber & uns" || top.ParentID != "" || !top.IsSubscribed || top.MyRights&jmap.MayCreateChild == 0 {
		r.Errorf("top: %+v", top)
	}
	if kid.Name != "日本語" || kid.ParentID != top.ID || kid.IsSubscribed {
		r.Errorf("kid: %+v", kid)
	}
	if why := res.NotCreated["lost"]; why == nil || why.Type != jmap.SetInvalidProperties || !slices.Equal(why.Properties, []string{"parentId"}) {
		r.Errorf("below one that was not made: %v", why)
	}
	if res.OldState != before || res.NewState != r.state(jmap.TypeMailbox) || res.NewState == before {
		r.Errorf("states %q to %q, were %q", res.OldState, res.NewState, before)
	}
	r.wantChanges(jmap.TypeMailbox, before, []string{string(top.ID), string(kid.ID)}, nil, nil)
	if b, ok := r.serverNames()["\u00dcber & uns/日本語"]; !ok || !b.Selectable {
		r.Errorf("the server has %v", r.serverNames())
	}
	_, taken := r.find(jmap.RoleJunk)
	spam := r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{{CreationID: "c", Name: "Spam", Role: jmap.RoleJunk, IsSubscribed: true}}})
	if m := spam.Created["c"]; (m == nil) != taken || m != nil && m.Role != jmap.RoleJunk {
		r.Errorf("with a role: %+v %v", m, spam.NotCreated["c"])
	}
	r.deliver("\u00dcber & uns/日本語", letter)
	r.waitFor(kid.ID, 1)
	if _, err := r.a.MailboxSet(r.ctx, &jmap.MailboxSet{IfInState: before, Create: []jmap.MailboxCreate{{CreationID: "c", Name: "late"}}}); err != jmap.StateMismatch {
		r.Errorf("an old state: %v", err)
	}
}

func testMailboxRename(r *rig) {
	work := r.make("Work", "")
	year := r.make("2026", work)
	r.deliver("Work", upstreamtest.Mail("plan"))
	r.deliver("Work/2026", letter)
	plan, mail := r.waitFor(work, 1)[0], r.waitFor(year, 1)[0]
	emails, boxes := r.state(jmap.TypeEmail), r.state(jmap.TypeMailbox)
	archive, name := r.box(jmap.RoleArchive), "Projekte"
	res := r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: work, Name: &name, ParentID: &archive}}})
	if _, ok := res.Updated[work]; !ok || res.Updated[work] != nil {
		r.Fatalf("not renamed: %v %+v", res.NotUpdated[work], res.Updated)
	}
	if m := r.mailbox(work); m.Name != name || m.ParentID != archive || m.TotalEmails != 1 || !m.IsSubscribed {
		r.Errorf("after: %+v", m)
	}
	if m := r.mailbox(year); m.Name != "2026" || m.ParentID != work || m.TotalEmails != 1 || !m.IsSubscribed {
		r.Errorf("the child: %+v", m)
	}
	// What a client is told that was at the old states: one mailbox has another
	// name. No mail has changed.
	r.wantChanges(jmap.TypeMailbox, boxes, nil, []string{string(work)}, nil)
	r.wantChanges(jmap.TypeEmail, emails, nil, nil, nil)
	if res.OldState != boxes {
		r.Errorf("old state %q, want %q", res.OldState, boxes)
	}
	for id, box := range map[jmap.EmailID]jmap.MailboxID{plan: work, mail: year} {
		if e := r.get(allFields, id)[id]; e.Subject == nil || !slices.Equal(e.MailboxIDs, []jmap.MailboxID{box}) {
			r.Errorf("%s cannot be read: %+v", id, e)
		}
	}
	if _, ok := r.serverNames()["Archive/Projekte/2026"]; !ok {
		r.Errorf("the server has %v", r.serverNames())
	}
	// The old name is free for another mailbox, which is another one.
	if again := r.make("Work", ""); again == work {
		r.Error("a new mailbox has the id of a renamed one")
	}
	set, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: mail, Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}}}})
	r.must(err)
	if _, ok := set.Updated[mail]; !ok {
		r.Errorf("not flagged: %v", set.NotUpdated[mail])
	}
	r.deliver("Archive/Projekte/2026", upstreamtest.Mail("later"))
	r.waitFor(year, 2)
}

// A rename by another program keeps the id where the server has one.
func testForeignRename(r *rig) {
	work := r.make("Work", "")
	r.deliver("Work", letter)
	mail := r.waitFor(work, 1)[0]
	r.must(r.other.(upstream.Boxmaker).RenameBox(r.ctx, "Work", "Arbeit"))
	have := jmap.TypeStates{}
	for {
		now, err := r.a.WaitChange(r.ctx, have)
		r.must(err)
		list, _, _, err := r.a.MailboxGet(r.ctx, nil)
		r.must(err)
		if i := slices.IndexFunc(list, func(m jmap.Mailbox) bool { return m.Name == "Arbeit" }); i >= 0 {
			if r.serverNames()["Arbeit"].ID != "" && list[i].ID != work {
				r.Errorf("it is %s, was %s", list[i].ID, work)
			}
			if ids := r.waitFor(list[i].ID, 1); ids[0] != mail {
				r.Errorf("the mail is %s, was %s", ids[0], mail)
			}
			return
		}
		have = now
	}
}

func testMailboxDestroy(r *rig) {
	work := r.make("Work", "")
	year := r.make("2026", work)
	r.deliver("Work/2026", upstreamtest.Mail("only here"))
	r.deliver("Work/2026", upstreamtest.Mail("kept"))
	ids := r.waitFor(year, 2)
	archive := r.box(jmap.RoleArchive)
	var kept, only jmap.EmailID
	for id, e := range r.get(listFields, ids...) {
		if *e.Subject == "kept" {
			kept = id
		} else {
			only = id
		}
	}
	_, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: kept, MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Add: []jmap.MailboxID{archive}}}}})
	r.must(err)
	res := r.set(jmap.MailboxSet{Destroy: []jmap.MailboxID{work, year, "nothing"}})
	for id, want := range map[jmap.MailboxID]jmap.SetErrorType{work: jmap.SetMailboxHasChild, year: jmap.SetMailboxHasEmail, "nothing": jmap.SetNotFound} {
		if why := res.NotDestroyed[id]; why == nil || why.Type != want {
			r.Errorf("destroying %s: %v, want %s", id, why, want)
		}
	}
	if len(res.Destroyed) > 0 || len(r.get(listFields, ids...)) != 2 {
		r.Fatal("something was destroyed")
	}
	emails, boxes := r.state(jmap.TypeEmail), r.state(jmap.TypeMailbox)
	res = r.set(jmap.MailboxSet{OnDestroyRemoveEmails: true, Destroy: []jmap.MailboxID{work, year}})
	if len(res.Destroyed) != 2 {
		r.Fatalf("not destroyed: %v %v", res.NotDestroyed[work], res.NotDestroyed[year])
	}
	r.wantChanges(jmap.TypeEmail, emails, nil, []string{string(kept)}, []string{string(only)})
	ch, err := r.a.Changes(r.ctx, jmap.TypeMailbox, boxes, 100)
	r.must(err)
	if len(ch.Destroyed) != 2 {
		r.Errorf("changes: %+v", ch)
	}
	if e := r.get(allFields, kept)[kept]; !slices.Equal(e.MailboxIDs, []jmap.MailboxID{archive}) || e.Subject == nil {
		r.Errorf("the copy elsewhere: %+v", e)
	}
	if b, ok := r.serverNames()["Work/2026"]; ok {
		r.Errorf("still there: %+v", b)
	}
	// A mail that another program has marked is not seen, and not ours.
	box := r.make("Marked", "")
	r.deliver("Marked", upstreamtest.Mail("marked"), `\Deleted`)
	if why := r.set(jmap.MailboxSet{Destroy: []jmap.MailboxID{box}}).NotDestroyed[box]; why == nil || why.Type != jmap.SetMailboxHasEmail {
		r.Errorf("with a mail marked as deleted: %v", why)
	}
}

func testMailboxRefused(r *rig) {
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	kid := r.make("Kid", archive)
	deep := archive
	for i := range account.MaxMailboxDepth - 1 {
		deep = r.make(fmt.Sprint("d", i), deep)
	}
	long := strings.Repeat("x", account.MaxMailboxName+1)
	r.make(long[1:], "") // as long as a name may be
	before := r.serverNames()
	state := r.state(jmap.TypeMailbox)
	name := func(s string) *string { return &s }
	for _, c := range []struct {
		what   string
		create *jmap.MailboxCreate
		update *jmap.MailboxUpdate
		want   jmap.SetErrorType
		prop   string
	}{
		{what: "same name", create: &jmap.MailboxCreate{Name: "Kid", ParentID: archive}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "delimiter", create: &jmap.MailboxCreate{Name: "a/b"}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "second inbox", create: &jmap.MailboxCreate{Name: "inbox"}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "long name", create: &jmap.MailboxCreate{Name: long}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "no character", create: &jmap.MailboxCreate{Name: "\uFDD0x"}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "no parent", create: &jmap.MailboxCreate{Name: "x", ParentID: "nothing"}, want: jmap.SetInvalidProperties, prop: "parentId"},
		{what: "too deep", create: &jmap.MailboxCreate{Name: "x", ParentID: deep}, want: jmap.SetInvalidProperties, prop: "parentId"},
		{what: "second archive", create: &jmap.MailboxCreate{Name: "x", Role: jmap.RoleArchive}, want: jmap.SetInvalidProperties, prop: "role"},
		{what: "unknown role", create: &jmap.MailboxCreate{Name: "x", Role: "snoozed"}, want: jmap.SetInvalidProperties, prop: "role"},
		{what: "renaming the inbox", update: &jmap.MailboxUpdate{ID: inbox, Name: name("x")}, want: jmap.SetForbidden},
		{what: "moving the inbox", update: &jmap.MailboxUpdate{ID: inbox, ParentID: &archive}, want: jmap.SetForbidden},
		{what: "below itself", update: &jmap.MailboxUpdate{ID: archive, ParentID: &kid}, want: jmap.SetInvalidProperties, prop: "parentId"},
		{what: "another role", update: &jmap.MailboxUpdate{ID: kid, Role: new(jmap.RoleJunk)}, want: jmap.SetInvalidProperties, prop: "role"},
		{what: "an order without settings", update: &jmap.MailboxUpdate{ID: kid, SortOrder: new(uint32(3))}, want: jmap.SetForbidden},
		{what: "name taken", update: &jmap.MailboxUpdate{ID: kid, Name: name("d0")}, want: jmap.SetInvalidProperties, prop: "name"},
		{what: "unknown", update: &jmap.MailboxUpdate{ID: "nothing", Name: name("x")}, want: jmap.SetNotFound},
	} {
		var why *jmap.SetError
		if c.create != nil {
			c.create.CreationID, c.create.IsSubscribed = "c", true
			why = r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{*c.create}}).NotCreated["c"]
		} else {
			why = r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{*c.update}}).NotUpdated[c.update.ID]
		}
		if why == nil || why.Type != c.want || c.prop != "" && !slices.Equal(why.Properties, []string{c.prop}) {
			r.Errorf("%s: %v, want %s %s", c.what, why, c.want, c.prop)
		}
	}
	if why := r.set(jmap.MailboxSet{OnDestroyRemoveEmails: true, Destroy: []jmap.MailboxID{inbox}}).NotDestroyed[inbox]; why == nil || why.Type != jmap.SetForbidden {
		r.Errorf("destroying the inbox: %v", why)
	}
	if m := r.mailbox(inbox); m.MyRights&(jmap.MayRename|jmap.MayDelete) != 0 {
		r.Errorf("rights on the inbox: %b", m.MyRights)
	}
	if after := r.serverNames(); len(after) != len(before) || state != r.state(jmap.TypeMailbox) {
		r.Errorf("something has changed: %v, was %v", after, before)
	}
	// The whole object, as it is, is no change (RFC 8620, section 5.3).
	m := r.mailbox(inbox)
	res := r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: inbox, Name: &m.Name, ParentID: &m.ParentID, Role: &m.Role, SortOrder: &m.SortOrder, IsSubscribed: &m.IsSubscribed}}})
	if _, ok := res.Updated[inbox]; !ok || res.NewState != state {
		r.Errorf("the inbox as it is: %v", res.NotUpdated[inbox])
	}
}

// What counts is the final state (RFC 8620, section 5.3).
func testMailboxOrder(r *rig) {
	a, b := r.make("A", ""), r.make("B", "")
	r.deliver("A", upstreamtest.Mail("in a"))
	mail := r.waitFor(a, 1)[0]
	nameA, nameB := "A", "B"
	res := r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: a, Name: &nameB}, {ID: b, Name: &nameA}}})
	if len(res.Updated) != 2 || r.mailbox(a).Name != "B" || r.mailbox(b).Name != "A" {
		r.Fatalf("exchanging names: %v %v", res.NotUpdated[a], res.NotUpdated[b])
	}
	if ids := r.query(inMailbox(a)); !slices.Equal(ids, []jmap.EmailID{mail}) {
		r.Errorf("mails: %v", ids)
	}
	// A new mailbox takes the name of one that goes, and one that stays moves out
	// of its parent first.
	kid := r.make("Kid", b)
	top := jmap.MailboxID("")
	res = r.set(jmap.MailboxSet{
		Create:  []jmap.MailboxCreate{{CreationID: "c", Name: "A", IsSubscribed: true}},
		Update:  []jmap.MailboxUpdate{{ID: kid, ParentID: &top}},
		Destroy: []jmap.MailboxID{b},
	})
	if res.Created["c"] == nil || len(res.Updated) != 1 || len(res.Destroyed) != 1 {
		r.Fatalf("in one call: %v %v %v", res.NotCreated["c"], res.NotUpdated[kid], res.NotDestroyed[b])
	}
	names := r.serverNames()
	for _, n := range []string{"A", "B", "Kid"} {
		if _, ok := names[n]; !ok {
			r.Errorf("no %s in %v", n, names)
		}
	}
	for n := range names {
		if strings.HasPrefix(n, "renaming-") {
			r.Errorf("left behind: %s", n)
		}
	}
}

func testMailboxSubscribe(r *rig) {
	box := r.make("News", "")
	for _, on := range []bool{false, true} {
		state := r.state(jmap.TypeMailbox)
		res := r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: box, IsSubscribed: &on}}})
		if _, ok := res.Updated[box]; !ok || r.mailbox(box).IsSubscribed != on || r.serverNames()["News"].Subscribed != on {
			r.Errorf("subscribed %v: %v, %+v", on, res.NotUpdated[box], r.mailbox(box))
		}
		r.wantChanges(jmap.TypeMailbox, state, nil, []string{string(box)}, nil)
	}
}

// faulty is a store whose steps fail.
type faulty struct {
	*memup.Store
	fail func(step string, after bool) error
}

func (f *faulty) step(name string, do func() error) error {
	if err := f.fail(name, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return f.fail(name, true)
}

func (f *faulty) CreateBox(ctx context.Context, name string, role jmap.Role) error {
	return f.step("create", func() error { return f.Store.CreateBox(ctx, name, role) })
}

func (f *faulty) RenameBox(ctx context.Context, from, to string) error {
	return f.step("rename", func() error { return f.Store.RenameBox(ctx, from, to) })
}

func (f *faulty) DeleteBox(ctx context.Context, name string) error {
	return f.step("delete", func() error { return f.Store.DeleteBox(ctx, name) })
}

// TestMailboxSetFailing has single steps fail, on a server whose mailboxes have
// no ids: nothing is lost, nothing has another id, and the answer is true.
func TestMailboxSetFailing(t *testing.T) {
	for _, c := range []struct {
		what  string
		err   error
		after bool // the server does the step, but the answer is lost
		times int
		works bool
	}{
		{"refused", upstream.ErrForbidden, false, 1, false},
		{"connection lost before", upstream.ErrUnavailable, false, 1, true},
		{"connection lost twice", upstream.ErrUnavailable, false, 2, false},
		{"answer lost", upstream.ErrUnavailable, true, 1, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := memup.New(memup.Options{NoModSeq: true, NoUIDPlus: true, NoBoxIDs: true})
			left := 0
			store := &faulty{Store: a.Open(), fail: func(_ string, after bool) error {
				if left > 0 && after == c.after {
					left--
					return c.err
				}
				return nil
			}}
			r := newRig(t, store, a.Open())
			work := r.make("Work", "")
			r.deliver("Work", letter)
			mail := r.waitFor(work, 1)[0]

			left = c.times
			res := r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{{CreationID: "c", Name: "New", IsSubscribed: true}}})
			if (res.Created["c"] != nil) != c.works || (res.NotCreated["c"] == nil) != c.works {
				t.Errorf("create: %+v %v", res.Created["c"], res.NotCreated["c"])
			}
			if _, ok := r.serverNames()["New"]; ok != c.works {
				t.Error("create: the answer is wrong")
			}

			left = c.times
			name := "Arbeit"
			res = r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: work, Name: &name}}})
			want := "Work"
			if c.works {
				want = name
			}
			if _, ok := res.Updated[work]; ok != c.works || r.mailbox(work).Name != want || !slices.Equal(r.query(inMailbox(work)), []jmap.EmailID{mail}) {
				t.Errorf("rename: %v, %+v, %v", res.NotUpdated[work], r.mailbox(work), r.query(inMailbox(work)))
			}
			if _, ok := r.serverNames()[want]; !ok {
				t.Error("rename: the answer is wrong")
			}

			left = c.times
			res = r.set(jmap.MailboxSet{OnDestroyRemoveEmails: true, Destroy: []jmap.MailboxID{work}})
			if (len(res.Destroyed) == 1) != c.works || (len(r.get(listFields, mail)) == 0) != c.works {
				t.Errorf("destroy: %v", res.NotDestroyed[work])
			}
			if _, ok := r.serverNames()[want]; ok == c.works {
				t.Error("destroy: the answer is wrong")
			}
		})
	}
}

// TestMailboxSetWhileBuilding changes mailboxes before the index is there.
func TestMailboxSetWhileBuilding(t *testing.T) {
	for name, opts := range map[string]memup.Options{"ids": {Identity: upstream.IdentityGUID}, "no ids": {NoBoxIDs: true, NoModSeq: true}} {
		t.Run(name, func(t *testing.T) {
			a := memup.New(opts)
			for i := range 3000 {
				a.Deliver("Work", []byte(upstreamtest.Mail(fmt.Sprint("mail ", i))), time.Unix(int64(1000000+i), 0))
			}
			acc, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: a.Open(), Key: testKey, Uploads: account.NewMemoryUploads()})
			if err != nil {
				t.Fatal(err)
			}
			list, _, _, _ := acc.MailboxGet(t.Context(), nil)
			id := list[slices.IndexFunc(list, func(m jmap.Mailbox) bool { return m.Name == "Work" })].ID
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- acc.Run(ctx) }()
			for i := range 20 {
				name := fmt.Sprint("Work ", i)
				res, err := acc.MailboxSet(ctx, &jmap.MailboxSet{
					Create: []jmap.MailboxCreate{{CreationID: "c", Name: fmt.Sprint("n", i), IsSubscribed: true}},
					Update: []jmap.MailboxUpdate{{ID: id, Name: &name}},
				})
				if err != nil || len(res.Updated) != 1 || res.Created["c"] == nil {
					t.Fatalf("changing: %v, %v, %v", err, res.NotUpdated[id], res.NotCreated["c"])
				}
			}
			if err := acc.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			list, _, _, _ = acc.MailboxGet(ctx, []jmap.MailboxID{id})
			if len(list) != 1 || list[0].Name != "Work 19" || list[0].TotalEmails != 3000 {
				t.Errorf("complete: %+v", list)
			}
			cancel()
			<-done
		})
	}
}

// TestMailboxSetOverSnapshot: on a server whose mailboxes have no ids, a renamed
// one keeps its id over a restart.
func TestMailboxSetOverSnapshot(t *testing.T) {
	a := memup.New(memup.Options{NoBoxIDs: true})
	r := newRig(t, a.Open(), a.Open())
	work := r.make("Work", "")
	name := "Arbeit"
	r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: work, Name: &name}}})
	again, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: a.Open(), Key: testKey,
		Uploads: account.NewMemoryUploads(), Snapshot: func(context.Context) []byte { return r.a.Snapshot() }})
	r.must(err)
	defer again.Close()
	list, _, _, err := again.MailboxGet(t.Context(), []jmap.MailboxID{work})
	r.must(err)
	if len(list) != 1 || list[0].Name != name {
		t.Errorf("after the restart: %+v", list)
	}
}

// TestMailboxSetHangUp: a client that hangs up in the middle of a rename does not
// cost the mailbox its id.
func TestMailboxSetHangUp(t *testing.T) {
	a := memup.New(memup.Options{NoBoxIDs: true})
	hangUp := func() {}
	store := &faulty{Store: a.Open(), fail: func(step string, after bool) error {
		if step == "rename" && !after {
			hangUp()
		}
		return nil
	}}
	r := newRig(t, store, a.Open())
	work, other := r.make("Work", ""), r.make("Other", "")
	ctx, cancel := context.WithCancel(r.ctx)
	hangUp = cancel
	one, two := "One", "Two"
	res, err := r.a.MailboxSet(ctx, &jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: work, Name: &one}, {ID: other, Name: &two}}})
	r.must(err)
	if _, ok := res.Updated[work]; !ok || r.mailbox(work).Name != one {
		t.Errorf("the step under way: %v, %+v", res.NotUpdated[work], r.mailbox(work))
	}
	if why := res.NotUpdated[other]; why == nil || r.mailbox(other).Name != "Other" {
		t.Errorf("the step after it: %v, %+v", why, r.mailbox(other))
	}
}

// TestMailboxSetInNamespace is trap 7 of notes/jmap.md: a server that keeps all
// mailboxes in the inbox, with a dot.
func TestMailboxSetInNamespace(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{Extra: "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}\n"})
	cfg := imapup.Config{PollEvery: 300 * time.Millisecond,
		Dial: upstreamtest.SignedIn(s.Addr, fmt.Sprintf("u%d", people.Add(1)), imaptest.Password)}
	r := newRig(t, imapup.New(cfg), imapup.New(cfg))
	work := r.make("Work", "")
	kid := r.make("2026", work)
	if m := r.mailbox(work); m.ParentID != "" || m.Name != "Work" {
		t.Errorf("at the top: %+v", m)
	}
	if m := r.mailbox(kid); m.ParentID != work || m.Name != "2026" {
		t.Errorf("below: %+v", m)
	}
	if _, ok := r.serverNames()["INBOX.Work.2026"]; !ok {
		t.Errorf("the server has %v", r.serverNames())
	}
	for _, name := range []string{"a.b", "a/b"} { // the delimiter, and what Dovecot's files cannot be called
		res := r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{{CreationID: "c", Name: name}}})
		if why := res.NotCreated["c"]; why == nil || why.Type != jmap.SetInvalidProperties || !slices.Equal(why.Properties, []string{"name"}) {
			t.Errorf("%s: %v", name, why)
		}
	}
	top, name := jmap.MailboxID(""), "Oben"
	if res := r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: kid, ParentID: &top, Name: &name}}}); len(res.Updated) != 1 {
		t.Fatalf("to the top: %v", res.NotUpdated[kid])
	}
	if b, ok := r.serverNames()["INBOX.Oben"]; !ok || !b.Subscribed {
		t.Errorf("the server has %v", r.serverNames())
	}
	if m := r.mailbox(kid); m.ParentID != "" || m.Name != name {
		t.Errorf("at the top: %+v", m)
	}
}
