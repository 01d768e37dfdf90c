package protocol

import (
	"slices"
)

// otherChecks are what another program has done: all at once, since a server that
// does not tell of it is looked at now and then.
var otherChecks = []check{{"changes of another program", otherProgram}}

// othersWork is a world in which another program was busy.
type othersWork struct {
	*world
	boxes          map[string]string // ids by part
	names          map[string]string // of Mailboxes by part
	ids            map[string]string // of mails
	email, mailbox string            // states before
}

func otherProgram(w *world) {
	o := &othersWork{world: w, boxes: map[string]string{}, names: map[string]string{}}
	for _, b := range []string{"here", "there", "renamed", "deleted"} {
		o.boxes[b], o.names[b] = w.box()
	}
	names := []string{"flagged", "removed", "moved", "marked", "untouched"}
	var letters []letter
	for i, n := range names {
		letters = append(letters, letter{name: n, minute: i})
	}
	o.ids = w.put([]string{o.boxes["here"]}, letters...)
	o.ids["inside"] = w.put([]string{o.boxes["renamed"]}, letter{name: "inside"})["inside"]
	o.email, o.mailbox = w.state("Email"), w.state("Mailbox")
	o.names["new"], o.names["elsewhere"] = fresh("New"), fresh("Elsewhere")

	here := o.names["here"]
	w.other.flag(here, "flagged", `\Flagged`, true)
	w.other.flag(here, "flagged", "$Forwarded", true)
	w.other.remove(here, "removed")
	w.other.move(here, "moved", o.names["there"])
	w.other.flag(here, "marked", `\Deleted`, true)
	w.other.create(o.names["new"])
	w.other.rename(o.names["renamed"], o.names["elsewhere"])
	w.other.delete(o.names["deleted"])
	w.other.append(o.names["new"], letter{name: "arrived"}.raw(), `\Seen`)
	w.other.append(o.names["new"], "X-Poor: yes\r\n\r\nnothing\r\n")
	o.awaitAll()

	o.checkEmails()
	o.checkMailboxes()
	// RFC 8621, section 4.1.1: unmarked, it is there again.
	o.other.flag(o.names["here"], "marked", `\Deleted`, false)
	o.until("the mail that is not marked any more", func() bool { return o.world.ids(o.boxes["here"])["marked"] == o.ids["marked"] })
}

// awaitAll waits until the last of it shows.
func (o *othersWork) awaitAll() {
	o.Helper()
	var here map[string]string
	defer func() {
		if o.Failed() {
			o.Logf("Mailboxes %+v of %v; mails %v of %v", o.mailboxes(), o.names, here, o.ids)
		}
	}()
	o.until("the other program's work", func() bool {
		here = o.world.ids(o.boxes["here"])
		for _, m := range o.mailboxes() {
			if m.Name == o.names["new"] && m.TotalEmails == 2 {
				o.boxes["new"] = m.ID
			}
		}
		return o.boxes["new"] != "" && len(here) == 2 && o.keywords(o.ids["flagged"])["$forwarded"]
	})
}

func (o *othersWork) checkEmails() {
	o.Helper()
	c := o.changes("Email", o.email)
	arrived := o.world.ids(o.boxes["new"])
	want := []string{arrived["arrived"], arrived[""]}
	slices.Sort(want)
	if !slices.Equal(c.Created, want) {
		o.Errorf("created %v, want %v", c.Created, want)
	}
	// A mail without Date, Subject and From has what every mail must have.
	e := o.world.email(arrived[""], A{"fetchTextBodyValues": true})
	if e.BlobID == "" || e.ThreadID == "" || e.ReceivedAt == "" || e.Size == 0 || e.Subject != "" || e.From != nil || len(e.TextBody) != 1 {
		o.Errorf("a poor mail: %+v", e)
	}
	want = []string{o.ids["flagged"], o.ids["moved"]}
	// The one in the renamed mailbox may be told: without ids of mailboxes that is
	// another one now, and without LIST-STATUS it is gone for a moment.
	c.Updated = slices.DeleteFunc(c.Updated, func(id string) bool { return id == o.ids["inside"] })
	slices.Sort(want)
	if !slices.Equal(c.Updated, want) {
		o.Errorf("updated %v, want %v: the flagged one and the moved one of %v", c.Updated, want, o.ids)
	}
	want = []string{o.ids["removed"], o.ids["marked"]} // RFC 8621, section 4.1.1: \Deleted is not visible
	slices.Sort(want)
	if !slices.Equal(c.Destroyed, want) {
		o.Errorf("destroyed %v, want %v: the removed one and the one marked \\Deleted", c.Destroyed, want)
	}
	if e := o.world.email(o.ids["moved"], nil, "mailboxIds"); len(e.MailboxIDs) != 1 || !e.MailboxIDs[o.boxes["there"]] {
		o.Errorf("the moved one is in %v", e.MailboxIDs)
	}
	if k := o.keywords(o.ids["flagged"]); !k["$flagged"] || !k["$forwarded"] {
		o.Errorf("keywords %v", k)
	}
}

func (o *othersWork) checkMailboxes() {
	o.Helper()
	byName := map[string]mailbox{}
	for _, m := range o.mailboxes() {
		byName[m.Name] = m
	}
	moved := byName[o.names["elsewhere"]]
	if _, ok := byName[o.names["deleted"]]; ok || moved.ID == "" || byName[o.names["renamed"]].ID != "" {
		o.Errorf("deleted or renamed Mailboxes: %v", byName)
	}
	if got := o.named(A{"filter": A{"inMailbox": moved.ID}}); !slices.Equal(got, []string{"inside"}) {
		o.Errorf("in the renamed one: %v", got)
	}
	c := o.changes("Mailbox", o.mailbox)
	if !slices.Contains(c.Created, o.boxes["new"]) || !slices.Contains(c.Destroyed, o.boxes["deleted"]) || !slices.Contains(c.Updated, o.boxes["here"]) {
		o.Errorf("changes %+v of %v", c, o.boxes)
	}
	if m := byName[o.names["here"]]; m.TotalEmails != 2 {
		o.Errorf("the mailbox counts %+v", m)
	}
}
