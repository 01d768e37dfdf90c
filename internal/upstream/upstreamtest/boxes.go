package upstreamtest

import (
	"errors"
	"testing"

	"cofferdam/internal/upstream"
)

func testBoxmaker(t *testing.T, a *account) {
	maker := a.Store.(upstream.Boxmaker)
	a.must(maker.CreateBox(a.ctx, "Work", ""))
	a.must(maker.CreateBox(a.ctx, "Other", ""))
	if err := maker.CreateBox(a.ctx, "Work", ""); !refusedAs(err, upstream.ErrExists) {
		t.Errorf("making it twice: %v, want ErrExists", err)
	}
	if err := maker.RenameBox(a.ctx, "Other", "Work"); !refusedAs(err, upstream.ErrExists) {
		t.Errorf("renaming to a name that is taken: %v, want ErrExists", err)
	}
	if err := maker.RenameBox(a.ctx, "No such", "New"); !refusedAs(err, upstream.ErrNoBox) {
		t.Errorf("renaming nothing: %v, want ErrNoBox", err)
	}
	if err := maker.DeleteBox(a.ctx, "No such"); !refusedAs(err, upstream.ErrNoBox) {
		t.Errorf("deleting nothing: %v, want ErrNoBox", err)
	}
	a.append("Work", Mail("first"))
	id := a.box("Work").ID
	a.want("before", a.subjects(a.Store, "Work"), []string{"first"}) // it is selected now
	a.must(maker.RenameBox(a.ctx, "Work", "Arbeit"))
	a.want("renamed", a.subjects(a.Store, "Arbeit"), []string{"first"})
	if got := a.box("Arbeit").ID; got != id {
		t.Errorf("its id is %q, was %q", got, id)
	}
	// Another mailbox of the old name must not be taken for the selected one.
	a.must(maker.CreateBox(a.ctx, "Work", ""))
	a.append("Work", Mail("second"))
	a.want("made anew", a.subjects(a.Store, "Work"), []string{"second"})
	// Names are exchanged while a connection has one of them selected.
	a.must(maker.RenameBox(a.ctx, "Work", "Parked"))
	a.must(maker.RenameBox(a.ctx, "Arbeit", "Work"))
	a.must(maker.RenameBox(a.ctx, "Parked", "Arbeit"))
	a.want("exchanged", a.subjects(a.Store, "Work"), []string{"first"})
	a.want("exchanged", a.subjects(a.Store, "Arbeit"), []string{"second"})
	a.must(maker.DeleteBox(a.ctx, "Work"))
	if a.has("Work") {
		t.Error("a deleted mailbox is listed")
	}
	a.must(maker.CreateBox(a.ctx, "Work", ""))
	a.want("made again", a.subjects(a.Store, "Work"), nil)
	a.must(maker.SubscribeBox(a.ctx, "Work", false))
	if a.box("Work").Subscribed {
		t.Error("still subscribed")
	}
}

// refusedAs reports whether a change was refused for this reason, or by a server
// that gives none: Cyrus 3.6.1 says NO without a code (RFC 5530 makes them
// optional).
func refusedAs(err, want error) bool {
	return errors.Is(err, want) || errors.Is(err, upstream.ErrForbidden)
}

// RENAME INBOX would move the mail away and leave an empty inbox.
func testInboxStays(t *testing.T, a *account) {
	a.append("INBOX", Mail("stay"))
	maker := a.Store.(upstream.Boxmaker)
	for _, name := range []string{"INBOX", "inbox"} {
		if err := maker.RenameBox(a.ctx, name, "Elsewhere"); !errors.Is(err, upstream.ErrForbidden) {
			t.Errorf("renaming %s: %v, want ErrForbidden", name, err)
		}
		if err := maker.DeleteBox(a.ctx, name); !errors.Is(err, upstream.ErrForbidden) {
			t.Errorf("deleting %s: %v, want ErrForbidden", name, err)
		}
	}
	a.want("inbox", a.subjects(a.Store, "INBOX"), []string{"stay"})
}
