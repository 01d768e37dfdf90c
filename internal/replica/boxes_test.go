package replica

import (
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// What may be done is what the server says, less what cannot be done at all.
func TestMailboxRights(t *testing.T) {
	const onMails = jmap.MayAddItems | jmap.MayRemoveItems | jmap.MaySetSeen | jmap.MaySetKeywords | jmap.MaySubmit
	all := jmap.AllRights
	for name, c := range map[string]struct {
		box  upstream.Box
		want jmap.Rights
	}{
		"usual":       {upstream.Box{Delimiter: "/", Selectable: true, Rights: all}, all},
		"inbox":       {upstream.Box{Delimiter: "/", Selectable: true, Inbox: true, Rights: all}, all &^ (jmap.MayRename | jmap.MayDelete)},
		"only a name": {upstream.Box{Delimiter: "/", Rights: all}, all &^ onMails},
		"no children": {upstream.Box{Delimiter: "/", Selectable: true, NoChildren: true, Rights: all}, all &^ jmap.MayCreateChild},
		"flat":        {upstream.Box{Selectable: true, Rights: all}, all &^ jmap.MayCreateChild},
		"by the ACL":  {upstream.Box{Delimiter: "/", Selectable: true, Rights: jmap.MayReadItems | jmap.MaySetSeen}, jmap.MayReadItems | jmap.MaySetSeen},
	} {
		b := c.box
		b.Name = "x"
		ix := newIndex(upstream.IdentityGUID, testKey, "e")
		ix.renewBoxes([]upstream.Box{b})
		if list, _ := ix.Mailboxes(); list[0].MyRights != c.want {
			t.Errorf("%s: %09b, want %09b", name, list[0].MyRights, c.want)
		}
	}
}

// A namespace that keeps everything in the inbox does not show as such.
func TestNamespacePrefix(t *testing.T) {
	ix := newIndex(upstream.IdentityGUID, testKey, "e")
	ix.prefix = "INBOX."
	ix.renewBoxes([]upstream.Box{
		{Name: "INBOX", Delimiter: ".", Inbox: true, Selectable: true},
		{Name: "INBOX.Work", Delimiter: ".", Selectable: true},
		{Name: "INBOX.Work.2026", Delimiter: ".", Selectable: true},
		{Name: "INBOX.lost.child", Delimiter: ".", Selectable: true},
		{Name: "outside", Delimiter: ".", Selectable: true},
	})
	byName := map[string]jmap.Mailbox{}
	list, _ := ix.Mailboxes()
	for _, m := range list {
		byName[m.Name] = m
	}
	for name, parent := range map[string]jmap.MailboxID{"Inbox": "", "Work": "", "2026": byName["Work"].ID, "lost.child": "", "outside": ""} {
		if m, ok := byName[name]; !ok || m.ParentID != parent {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// No id is used twice: not for the name that a renamed mailbox had, nor for a
// mailbox made anew.
func TestMailboxIDsAreSpent(t *testing.T) {
	ix := newIndex(upstream.IdentityNone, testKey, "e")
	box := func(name string) upstream.Box { return upstream.Box{Name: name, Delimiter: "/", Selectable: true} }
	seen := map[jmap.MailboxID]string{}
	note := func(what, name string) {
		t.Helper()
		id := ix.byName[name].id
		if old, ok := seen[id]; ok {
			t.Errorf("%s has the id of %s", what, old)
		}
		seen[id] = what
	}
	ix.renewBoxes([]upstream.Box{box("Work"), box("Work/2026"), box("Workshop")})
	note("the first", "Work")
	work, kid, shop := ix.byName["Work"].id, ix.byName["Work/2026"].id, ix.byName["Workshop"].id
	ix.relabel("Work", "Arbeit")
	ix.renewBoxes([]upstream.Box{box("Work"), box("Arbeit"), box("Arbeit/2026"), box("Workshop")})
	if ix.byName["Arbeit"].id != work || ix.byName["Arbeit/2026"].id != kid || ix.byName["Workshop"].id != shop {
		t.Error("a rename has changed ids")
	}
	note("the second", "Work")
	ix.dropBoxes(ix.renewBoxes([]upstream.Box{box("Arbeit"), box("Arbeit/2026"), box("Workshop")}))
	ix.renewBoxes([]upstream.Box{box("Work"), box("Arbeit"), box("Arbeit/2026"), box("Workshop")})
	note("the third", "Work")
}
