package account_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/upstreamtest"
)

// TestTraps are the traps of docs/conformance/traps.md that no server is free of.
func TestTraps(t *testing.T) {
	forEachUpstream(t, []testCase{
		{"copies differ", testCopiesDiffer},
		{"foreign deleted", testForeignMark},
		{"twins", testTwins},
		{"draft again", testDraftAgain},
		{"totals agree", testTotalsAgree},
	})
}

// otherPlace is where the other program finds all mails of a mailbox.
func (r *rig) otherPlace(box string) (upstream.Place, upstream.UIDSet) {
	r.Helper()
	uids, m, err := r.other.UIDs(r.ctx, box)
	r.must(err)
	return upstream.Place{Box: box, Validity: m.UIDValidity}, uids
}

// otherFlags are the flags of each mail of a mailbox, as the other program sees them.
func (r *rig) otherFlags(box string) (out [][]string) {
	r.Helper()
	at, uids := r.otherPlace(box)
	r.must(r.other.Rows(r.ctx, at, uids, func(row *upstream.Row) { out = append(out, slices.Clone(row.Flags)) }))
	return out
}

func has(flags []string, f string) bool {
	return slices.ContainsFunc(flags, func(g string) bool { return strings.EqualFold(f, g) })
}

// until waits for something that is told of later.
func (r *rig) until(what string, seen func() bool) {
	r.Helper()
	for !seen() {
		if r.ctx.Err() != nil {
			r.Fatalf("%s: not seen", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Trap 3: the copies of one mail have different flags. RFC 8621, section 4.1.1
// leaves to servers how to join them: $seen is the AND, the others are the OR, and
// what is set goes to every copy.
func testCopiesDiffer(r *rig) {
	r.deliver("INBOX", letter)
	at, uids := r.otherPlace("INBOX")
	_, err := r.other.Copy(r.ctx, at, uids, "Archive")
	r.must(err)
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	id := r.waitFor(inbox, 1)[0]
	if got := r.waitFor(archive, 1); got[0] != id {
		r.Fatalf("the copy is %s, the mail %s", got[0], id)
	}
	r.must(r.other.SetFlags(r.ctx, at, uids, []string{`\Seen`, `\Flagged`}, nil))
	there, copies := r.otherPlace("Archive")
	r.must(r.other.SetFlags(r.ctx, there, copies, []string{`\Answered`}, nil))
	r.until("the other program's flags", func() bool {
		k := r.get(listFields, id)[id].Keywords
		return len(k) == 2 && slices.Contains(k, "$flagged") && slices.Contains(k, "$answered")
	})
	for _, on := range []bool{true, false} { // off: one copy had it, the mail had not
		patch := &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$seen"}}
		if !on {
			patch = &jmap.SetPatch[jmap.Keyword]{Remove: []jmap.Keyword{"$seen"}}
		}
		_, err = r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: id, Keywords: patch}}})
		r.must(err)
		for _, box := range []string{"INBOX", "Archive"} {
			if f := r.otherFlags(box); len(f) != 1 || has(f[0], `\Seen`) != on {
				r.Errorf("seen %v: the copy in %s has %v", on, box, f)
			}
		}
	}
	if here, there := r.otherFlags("INBOX"), r.otherFlags("Archive"); !has(here[0], `\Flagged`) || has(here[0], `\Answered`) || has(there[0], `\Flagged`) {
		r.Errorf("what nobody has changed is changed: %v and %v", here, there)
	}
}

// Trap 2: a mail that another program has marked \Deleted is not to be seen, and
// nothing that a client does with its neighbours removes it. Without UIDPLUS a
// removal may be refused meanwhile.
func testForeignMark(r *rig) {
	for _, s := range []string{"theirs", "destroyed", "moved", "flagged"} {
		r.deliver("INBOX", upstreamtest.Mail(s))
	}
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	named := map[string]jmap.EmailID{}
	for id, e := range r.get(listFields, r.waitFor(inbox, 4)...) {
		named[*e.Subject] = id
	}
	at, uids := r.otherPlace("INBOX")
	var theirs upstream.UIDSet
	theirs.Add(slices.Collect(uids.All())[0])
	r.must(r.other.SetFlags(r.ctx, at, theirs, []string{`\Deleted`}, nil))
	r.until("the mark", func() bool { return len(r.query(inMailbox(inbox))) == 3 })
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{
		Update: []jmap.EmailUpdate{
			{ID: named["moved"], MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Replace: true, Values: []jmap.MailboxID{archive}}},
			{ID: named["flagged"], Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}},
			{ID: named["theirs"], Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}},
		},
		Destroy: []jmap.EmailID{named["destroyed"], named["theirs"]},
	})
	r.must(err)
	for _, why := range []*jmap.SetError{res.NotUpdated[named["theirs"]], res.NotDestroyed[named["theirs"]]} {
		if why == nil || why.Type != jmap.SetNotFound {
			r.Errorf("what cannot be seen is changed: %v", why)
		}
	}
	for _, why := range []*jmap.SetError{res.NotUpdated[named["moved"]], res.NotDestroyed[named["destroyed"]]} {
		if why != nil && why.Type != jmap.SetForbidden {
			r.Errorf("a neighbour: %v", why)
		}
	}
	if _, ok := res.Updated[named["flagged"]]; !ok {
		r.Errorf("a flag: %v", res.NotUpdated[named["flagged"]])
	}
	_, left := r.otherPlace("INBOX")
	if !left.Contains(slices.Collect(theirs.All())[0]) {
		r.Fatal("the mark of another program has cost a mail")
	}
	r.must(r.other.SetFlags(r.ctx, at, theirs, nil, []string{`\Deleted`}))
	r.until("the mail without the mark", func() bool { return slices.Contains(r.query(inMailbox(inbox)), named["theirs"]) })
}

// Trap 9: mails of equal bytes. However many Emails a server takes them for (one,
// where ids are made of content), none is destroyed with another.
func testTwins(r *rig) {
	for range 2 {
		r.deliver("INBOX", upstreamtest.Mail("twin"))
	}
	r.deliver("Archive", upstreamtest.Mail("twin"))
	r.deliver("INBOX", "X-Poor: yes\r\n\r\nno Message-ID, no Date\r\n")
	inbox := r.box(jmap.RoleInbox)
	r.until("the mails", func() bool {
		n := 0
		list, _, _, err := r.a.MailboxGet(r.ctx, nil)
		r.must(err)
		for _, m := range list {
			n += int(m.TotalEmails)
		}
		return n >= 3 && len(r.otherFlags("INBOX")) == 3
	})
	ids := r.query(nil)
	twins := slices.DeleteFunc(slices.Clone(ids), func(id jmap.EmailID) bool { return r.get(listFields, id)[id].Subject == nil })
	if len(ids)-len(twins) != 1 {
		r.Fatalf("%d mails, %d twins", len(ids), len(twins))
	}
	r.Logf("three copies are %d Emails", len(twins))
	places := 0
	for _, id := range twins {
		e := r.get(allFields, id)[id]
		places += len(e.MailboxIDs)
		r.wantBlob(e.BlobID, upstreamtest.Mail("twin"))
	}
	if places < 2 {
		r.Errorf("they are in %d Mailboxes", places)
	}
	// One is destroyed: all copies of this Email, and of no other.
	copies := len(r.otherFlags("INBOX")) + len(r.otherFlags("Archive"))
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Destroy: twins[:1]})
	r.must(err)
	if len(res.Destroyed) != 1 {
		r.Fatalf("%v", res.NotDestroyed[twins[0]])
	}
	left := len(r.otherFlags("INBOX")) + len(r.otherFlags("Archive"))
	if gone := copies - left; gone < 1 || left < len(twins)-1+1 {
		r.Errorf("%d copies before, %d after one Email of %d", copies, left, len(twins))
	}
	for _, id := range twins[1:] {
		if e := r.get(allFields, id)[id]; e.Subject == nil {
			r.Errorf("another twin cannot be read any more: %+v", e)
		}
	}
	if got := r.query(inMailbox(inbox)); !slices.Contains(got, slices.DeleteFunc(ids, func(id jmap.EmailID) bool { return slices.Contains(twins, id) })[0]) {
		r.Error("the poor mail is gone")
	}
}

// Trap 12: the content of a mail cannot change (RFC 8621, section 4.1.2), so that
// writing on in a draft makes a new Email and destroys the old one, in one call.
// Both are of one Thread, and a client that looks on is told.
func testDraftAgain(r *rig) {
	drafts := r.box(jmap.RoleDrafts)
	draft := func(text string) jmap.EmailCreate {
		header := func(name string, form jmap.HeaderForm, v jmap.HeaderValue) jmap.HeaderSet {
			return jmap.HeaderSet{HeaderProp: jmap.HeaderProp{Property: strings.ToLower(name), Name: name, Form: form}, Value: v}
		}
		return jmap.EmailCreate{CreationID: "d", MailboxIDs: []jmap.MailboxID{drafts}, Keywords: []jmap.Keyword{"$draft", "$seen"},
			Headers: []jmap.HeaderSet{
				header("Message-ID", jmap.FormMessageIDs, jmap.HeaderValue{{Strings: []string{"draft@example.org"}}}),
				header("Subject", jmap.FormText, jmap.HeaderValue{{Text: "Offer"}}),
			},
			Body: &jmap.NewPart{Type: "text/plain", Text: &text}}
	}
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Create: []jmap.EmailCreate{draft("one\n")}})
	r.must(err)
	old := res.Created["d"]
	if old == nil {
		r.Fatalf("%v", res.NotCreated["d"])
	}
	before := r.state(jmap.TypeEmail)
	res, err = r.a.EmailSet(r.ctx, &jmap.EmailSet{Create: []jmap.EmailCreate{draft("one and two\n")}, Destroy: []jmap.EmailID{old.ID}})
	r.must(err)
	made := res.Created["d"]
	if made == nil || len(res.Destroyed) != 1 {
		r.Fatalf("%v, %v", res.NotCreated["d"], res.NotDestroyed[old.ID])
	}
	if made.ID == old.ID || made.BlobID == old.BlobID || made.ThreadID != old.ThreadID {
		r.Errorf("was %+v, is %+v", old, made)
	}
	if e := r.get(allFields, made.ID)[made.ID]; len(e.BodyValues) != 1 || e.BodyValues[0].Value != "one and two\n" {
		r.Errorf("%+v", e.BodyValues)
	}
	ch, err := r.a.Changes(r.ctx, jmap.TypeEmail, before, 100)
	r.must(err)
	if !slices.Equal(ch.Created, []string{string(made.ID)}) || !slices.Equal(ch.Destroyed, []string{string(old.ID)}) || len(ch.Updated) > 0 {
		r.Errorf("told as %+v", ch)
	}
	if n := len(r.otherFlags("Drafts")); n != 1 {
		r.Errorf("the server has %d drafts", n)
	}
	if _, err := r.a.BlobOpen(r.ctx, old.BlobID, jmap.ByteRange{}); err == nil || errors.Is(err, upstream.ErrUnavailable) {
		r.Errorf("the old draft's blob: %v", err)
	}
}

// Trap 13: the total of a query is the Mailbox's totalEmails at one state, whatever
// other programs mark. The control is the number that is at hand: the server's own
// count, which passes over no mail that is marked \Deleted.
func testTotalsAgree(r *rig) {
	for _, s := range []string{"one", "two", "three"} {
		r.deliver("INBOX", upstreamtest.Mail(s))
	}
	inbox := r.box(jmap.RoleInbox)
	r.waitFor(inbox, 3)
	at, uids := r.otherPlace("INBOX")
	var first upstream.UIDSet
	first.Add(slices.Collect(uids.All())[0])
	r.must(r.other.SetFlags(r.ctx, at, first, []string{`\Deleted`}, nil))
	r.until("the mark", func() bool { return len(r.query(inMailbox(inbox))) == 2 })
	for i := range 20 { // while mails come
		r.deliver("INBOX", upstreamtest.Mail(fmt.Sprint("more ", i)))
		boxes, _, state, err := r.a.MailboxGet(r.ctx, []jmap.MailboxID{inbox})
		r.must(err)
		res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: inMailbox(inbox), Window: jmap.Window{Limit: 100}, CalculateTotal: true})
		r.must(err)
		_, _, after, err := r.a.MailboxGet(r.ctx, []jmap.MailboxID{inbox})
		r.must(err)
		if state == after && (int(boxes[0].TotalEmails) != res.Total || len(res.IDs) != res.Total) {
			r.Fatalf("at one state totalEmails is %d, total %d, and there are %d ids", boxes[0].TotalEmails, res.Total, len(res.IDs))
		}
	}
	r.until("all mails", func() bool { return len(r.query(inMailbox(inbox))) == 22 })
	_, m, err := r.other.UIDs(r.ctx, "INBOX")
	r.must(err)
	boxes, _, _, err := r.a.MailboxGet(r.ctx, []jmap.MailboxID{inbox})
	r.must(err)
	if m.Messages != 23 || boxes[0].TotalEmails != 22 {
		r.Errorf("the server counts %d mails, the Mailbox %d; want 23 and 22", m.Messages, boxes[0].TotalEmails)
	}
}
