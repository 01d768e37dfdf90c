package protocol

import (
	"slices"
	"sort"

	"github.com/google/go-cmp/cmp"
)

var coreChecks = []check{
	{"echo", coreEcho}, {"references", coreReferences}, {"unknown methods", coreUnknown}, {"creation ids", coreCreationIDs}, {"limits", coreLimits},
	{"edges", coreEdges}, {"pointers", corePointers},
}

// RFC 8620, section 4.
func coreEcho(w *world) {
	r := w.batch([]any{"Core/echo", A{"hello": true, "high": 5}, "0"})[0]
	if r.name != "Core/echo" || string(r.args) != `{"hello":true,"high":5}` {
		w.Errorf("%s %s", r.name, r.args)
	}
}

func ref(of, name, path string) A { return A{"resultOf": of, "name": name, "path": path} }

// RFC 8620, section 3.7: a conversation in one exchange.
func coreReferences(w *world) {
	box, _ := w.box()
	root, answer := fresh("root"), fresh("answer")
	ids := w.put([]string{box}, letter{name: root, header: "Subject: talk\r\n"}, letter{name: answer, parent: root, header: "Subject: Re: talk\r\n", minute: 1})
	got := w.batch(
		[]any{"Email/query", A{"filter": A{"inMailbox": box}, "collapseThreads": true}, "0"},
		[]any{"Email/get", A{"#ids": ref("0", "Email/query", "/ids"), "properties": []string{"threadId"}}, "1"},
		[]any{"Thread/get", A{"#ids": ref("1", "Email/get", "/list/*/threadId")}, "2"},
		[]any{"Email/get", A{"#ids": ref("2", "Thread/get", "/list/*/emailIds"), "properties": []string{"subject"}}, "3"})
	var last struct{ List []email }
	if got[3].name != "Email/get" {
		w.Fatalf("%s %s", got[3].name, got[3].args)
	}
	w.decode(&last, got[3].args)
	subjects := map[string]string{}
	for _, e := range last.List {
		subjects[e.ID] = e.Subject
	}
	if diff := cmp.Diff(map[string]string{ids[root]: "talk", ids[answer]: "Re: talk"}, subjects); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
}

// RFC 8620, section 3.6.2: what follows an error is done.
func coreUnknown(w *world) {
	got := w.batch([]any{"Email/fetch", A{}, "0"}, []any{"Mailbox/get", A{"nothing": 1}, "1"}, []any{"Mailbox/get", A{"ids": []string{}}, "2"})
	if got[0].name != "error" || got[1].name != "error" || got[2].name != "Mailbox/get" {
		w.Errorf("%v", got)
	}
}

// RFC 8620, section 5.3: "#id" names what the same request makes.
func coreCreationIDs(w *world) {
	got := w.batch(
		[]any{"Mailbox/set", A{"create": A{"b": A{"name": fresh("Box")}}}, "0"},
		[]any{"Email/set", A{"create": A{"e": A{"mailboxIds": A{"#b": true}, "subject": "made"}}}, "1"})
	var box, mail setResponse
	w.decode(&box, got[0].args)
	w.decode(&mail, got[1].args)
	id := mail.Created["e"].ID
	if id == "" {
		w.Fatalf("%s", got[1].args)
	}
	if e := w.email(id, nil, "mailboxIds"); !e.MailboxIDs[box.Created["b"].ID] {
		w.Errorf("it is in %v", e.MailboxIDs)
	}
}

// RFC 8620, sections 2 and 5.1: announced limits are kept.
func coreLimits(w *world) {
	var core struct{ MaxObjectsInGet int }
	w.decode(&core, w.session.Capabilities[coreCapability])
	ids := make([]string, core.MaxObjectsInGet+1)
	for i := range ids {
		ids[i] = fresh("E")
	}
	if _, refused := w.call("Email/get", A{"ids": ids}); refused != "requestTooLarge" {
		w.Errorf("%d ids: %q", len(ids), refused)
	}
	if _, refused := w.call("Email/get", A{"ids": ids[1:], "properties": []string{"id"}}); refused != "" {
		w.Errorf("%d ids: %q", len(ids)-1, refused)
	}
}

var mailboxChecks = []check{
	{"roles", mailboxRoles}, {"create, rename, destroy", mailboxLife}, {"tree", mailboxTree}, {"counts", mailboxCounts}, {"names", mailboxNames},
	{"query", mailboxQuery}, {"changes", mailboxChangesOwn}, {"mails inside", mailboxMailsInside}, {"the inbox stays", mailboxInbox}, {"subscription", mailboxSubscription}, {"edges", mailboxEdges},
}

type mailbox struct {
	ID, Name, ParentID, Role                               string
	TotalEmails, UnreadEmails, TotalThreads, UnreadThreads int
	IsSubscribed                                           bool
	MyRights                                               map[string]bool
}

func (w *world) mailboxes(ids ...string) []mailbox {
	w.Helper()
	args := A{"ids": nil}
	if len(ids) > 0 {
		args["ids"] = ids
	}
	var got struct {
		List     []mailbox
		NotFound []string
	}
	w.ask(&got, "Mailbox/get", args)
	if len(got.NotFound) > 0 {
		w.Fatalf("Mailboxes %v are not there", got.NotFound)
	}
	return got.List
}

// RFC 8621, section 2: roles, on servers that announce them and on others.
func mailboxRoles(w *world) {
	have := map[string]int{}
	for _, m := range w.mailboxes() {
		have[m.Role]++
		if m.Role == "inbox" && (m.ParentID != "" || !m.MyRights["mayReadItems"] || !m.MyRights["mayAddItems"] || m.MyRights["mayDelete"]) {
			w.Errorf("the inbox: %+v", m)
		}
	}
	for _, role := range []string{"inbox", "drafts", "sent", "trash"} {
		if have[role] != 1 {
			w.Errorf("%d Mailboxes of role %s", have[role], role)
		}
	}
}

func mailboxLife(w *world) {
	id, name := w.box()
	if m := w.mailboxes(id)[0]; m.Name != name || m.ParentID != "" || m.TotalEmails != 0 {
		w.Errorf("made: %+v", m)
	}
	name = fresh("Other")
	w.set("Mailbox", A{"update": A{id: A{"name": name}}})
	if m := w.mailboxes(id)[0]; m.Name != name {
		w.Errorf("renamed: %+v", m)
	}
	var got setResponse
	w.ask(&got, "Mailbox/set", A{"create": A{"twice": A{"name": name}}})
	if got.NotCreated["twice"].Type == "" {
		w.Errorf("a second of one name: %+v", got)
	}
	w.set("Mailbox", A{"destroy": []string{id}})
	w.until("its end", func() bool {
		return !slices.ContainsFunc(w.mailboxes(), func(m mailbox) bool { return m.ID == id })
	})
}

// RFC 8621, section 2.5: a Mailbox with children stays, and moves with them.
func mailboxTree(w *world) {
	parent, _ := w.box()
	other, _ := w.box()
	child := w.set("Mailbox", A{"create": A{"c": A{"name": "inside", "parentId": parent}}}).Created["c"].ID
	mail := fresh("mail")
	w.put([]string{child}, letter{name: mail})
	var got setResponse
	w.ask(&got, "Mailbox/set", A{"destroy": []string{parent}})
	if got.NotDestroyed[parent].Type != "mailboxHasChild" {
		w.Errorf("destroying a parent: %+v", got)
	}
	w.set("Mailbox", A{"update": A{parent: A{"parentId": other}}})
	if m := w.mailboxes(parent, child); m[0].ParentID != other || m[1].ParentID != parent || m[1].TotalEmails != 1 {
		w.Errorf("moved: %+v", m)
	}
	w.ask(&got, "Mailbox/set", A{"update": A{other: A{"parentId": child}}})
	if got.NotUpdated[other].Type == "" {
		w.Errorf("a Mailbox became its own descendant: %+v", got)
	}
	if names := w.named(A{"filter": A{"inMailbox": child}}); !slices.Equal(names, []string{mail}) {
		w.Errorf("inside: %v", names)
	}
}

// RFC 8621, section 2: the four counts; a Thread counts once.
func mailboxCounts(w *world) {
	box, _ := w.box()
	root := fresh("m")
	ids := w.put([]string{box}, letter{name: root, header: "Subject: talk\r\n", keywords: []string{"$seen"}},
		letter{name: fresh("m"), parent: root, header: "Subject: Re: talk\r\n"},
		letter{name: fresh("m"), keywords: []string{"$draft"}}, letter{name: fresh("m"), keywords: []string{"$seen"}})
	count := func() [4]int {
		m := w.mailboxes(box)[0]
		return [4]int{m.TotalEmails, m.UnreadEmails, m.TotalThreads, m.UnreadThreads}
	}
	if got := count(); got != [4]int{4, 1, 3, 1} {
		w.Errorf("total, unread, threads, unread threads: %v", got)
	}
	w.set("Email", A{"update": A{ids[root]: A{"keywords/$seen": nil}}})
	if got := count(); got != [4]int{4, 2, 3, 1} {
		w.Errorf("one more unread: %v", got)
	}
}

// RFC 8621, section 2: names are Net-Unicode, whatever the server's encoding is.
func mailboxNames(w *world) {
	for _, name := range []string{"Über & uns", "日本語", "a~b'c [d]"} {
		name += fresh(" ")
		made := w.set("Mailbox", A{"create": A{"b": A{"name": name}}}).Created["b"].ID
		if m := w.mailboxes(made)[0]; m.Name != name {
			w.Errorf("%q became %q", name, m.Name)
		}
		mail := fresh("mail")
		w.put([]string{made}, letter{name: mail})
		if got := w.named(A{"filter": A{"inMailbox": made}}); !slices.Equal(got, []string{mail}) {
			w.Errorf("in %q: %v", name, got)
		}
	}
}

func mailboxQuery(w *world) {
	parent, _ := w.box()
	made := w.set("Mailbox", A{"create": A{"z": A{"name": "Zebra", "parentId": parent}, "a": A{"name": "antelope", "parentId": parent}, "m": A{"name": "Mule", "parentId": parent}}}).Created
	var got struct {
		IDs        []string
		Total      int
		QueryState string
	}
	w.ask(&got, "Mailbox/query", A{"filter": A{"parentId": parent}, "sort": []A{{"property": "name"}}, "calculateTotal": true})
	if diff := cmp.Diff([]string{made["a"].ID, made["m"].ID, made["z"].ID}, got.IDs); diff != "" || got.Total != 3 || got.QueryState == "" {
		w.Errorf("by name (-want +got), total %d:\n%s", got.Total, diff)
	}
	w.ask(&got, "Mailbox/query", A{"filter": A{"operator": "AND", "conditions": []A{{"parentId": parent}, {"name": "EB"}}}})
	if !slices.Equal(got.IDs, []string{made["z"].ID}) {
		w.Errorf("by part of the name: %v", got.IDs)
	}
	w.ask(&got, "Mailbox/query", A{"filter": A{"hasAnyRole": false, "parentId": parent}, "limit": 2})
	if len(got.IDs) != 2 {
		w.Errorf("without role: %v", got.IDs)
	}
}

type changes struct {
	OldState, NewState          string
	HasMoreChanges              bool
	Created, Updated, Destroyed []string
	UpdatedProperties           []string
}

func (w *world) changes(kind, since string) changes {
	w.Helper()
	var c changes
	w.ask(&c, kind+"/changes", A{"sinceState": since})
	for _, s := range [][]string{c.Created, c.Updated, c.Destroyed} {
		sort.Strings(s)
	}
	return c
}

// RFC 8621, section 2.2.
func mailboxChangesOwn(w *world) {
	gone, _ := w.box()
	named, _ := w.box()
	counted, _ := w.box()
	before := w.state("Mailbox")
	made, _ := w.box()
	w.set("Mailbox", A{"update": A{named: A{"name": fresh("Other")}}, "destroy": []string{gone}})
	c := w.changes("Mailbox", before)
	if !slices.Equal(c.Created, []string{made}) || !slices.Equal(c.Updated, []string{named}) || !slices.Equal(c.Destroyed, []string{gone}) || c.UpdatedProperties != nil {
		w.Errorf("made %s, renamed %s, destroyed %s: %+v", made, named, gone, c)
	}
	before = w.state("Mailbox")
	w.put([]string{counted}, letter{name: fresh("m")})
	if c = w.changes("Mailbox", before); !slices.Equal(c.Updated, []string{counted}) || len(c.UpdatedProperties) == 0 || len(c.Created)+len(c.Destroyed) > 0 {
		w.Errorf("a mail came into %s: %+v", counted, c)
	}
}

// RFC 8621, section 2.5: onDestroyRemoveEmails.
func mailboxMailsInside(w *world) {
	box, _ := w.box()
	stays, _ := w.box()
	both, alone := fresh("both"), fresh("alone")
	ids := w.put([]string{box}, letter{name: alone}, letter{name: both})
	w.set("Email", A{"update": A{ids[both]: A{"mailboxIds/" + stays: true}}})
	var got setResponse
	w.ask(&got, "Mailbox/set", A{"destroy": []string{box}})
	if got.NotDestroyed[box].Type != "mailboxHasEmail" {
		w.Errorf("with mails in it: %+v", got)
	}
	w.set("Mailbox", A{"destroy": []string{box}, "onDestroyRemoveEmails": true})
	var left struct {
		List     []email
		NotFound []string
	}
	w.ask(&left, "Email/get", A{"ids": []string{ids[both], ids[alone]}, "properties": []string{"mailboxIds"}})
	if len(left.List) != 1 || left.List[0].ID != ids[both] || len(left.List[0].MailboxIDs) != 1 || !slices.Equal(left.NotFound, []string{ids[alone]}) {
		w.Errorf("left: %+v", left)
	}
}

func mailboxInbox(w *world) {
	inbox := w.role("inbox")
	var got setResponse
	w.ask(&got, "Mailbox/set", A{"destroy": []string{inbox}, "onDestroyRemoveEmails": true})
	if got.NotDestroyed[inbox].Type != "forbidden" || w.role("inbox") != inbox {
		w.Errorf("%+v", got)
	}
}

func mailboxSubscription(w *world) {
	box, _ := w.box()
	for _, on := range []bool{false, true} {
		w.set("Mailbox", A{"update": A{box: A{"isSubscribed": on}}})
		if m := w.mailboxes(box)[0]; m.IsSubscribed != on {
			w.Errorf("%+v, want subscribed: %v", m, on)
		}
	}
}
