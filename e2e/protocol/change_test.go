package protocol

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

var setChecks = []check{{"edges", setEdges}, {"keywords", setKeywords}, {"move", setMove}, {"two Mailboxes", setTwo}, {"destroy", setDestroy}, {"create", setCreate},
	{"many at once", setMany}, {"ifInState", setIfInState}, {"refused", setRefused}}

func (w *world) keywords(id string) map[string]bool {
	w.Helper()
	return w.email(id, nil, "keywords").Keywords
}

// RFC 8621, section 4.1.1: by patch and as a whole; the server has them as well.
func setKeywords(w *world) {
	box, boxName := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name, keywords: []string{"own"}})[name]
	w.set("Email", A{"update": A{id: A{"keywords/$seen": true, "keywords/$Forwarded": true}}})
	if diff := cmp.Diff(map[string]bool{"own": true, "$seen": true, "$forwarded": true}, w.keywords(id)); diff != "" {
		w.Errorf("after a patch (-want +got):\n%s", diff)
	}
	if f := w.other.flags(boxName)[name]; !hasFlag(f, `\Seen`) || !hasFlag(f, "$Forwarded") {
		w.Errorf("the server has %v", f)
	}
	w.set("Email", A{"update": A{id: A{"keywords": A{"$answered": true}}}})
	if diff := cmp.Diff(map[string]bool{"$answered": true}, w.keywords(id)); diff != "" {
		w.Errorf("as a whole (-want +got):\n%s", diff)
	}
	if f := w.other.flags(boxName)[name]; !hasFlag(f, `\Answered`) || hasFlag(f, `\Seen`) || hasFlag(f, "$Forwarded") {
		w.Errorf("the server has %v", f)
	}
}

func hasFlag(flags []string, flag string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

// RFC 8621, section 2: the id does not change if the Email changes Mailboxes.
func setMove(w *world) {
	from, fromName := w.box()
	to, toName := w.box()
	name := fresh("m")
	l := letter{name: name, keywords: []string{"$flagged", "own"}, minute: 3}
	id := w.put([]string{from}, l)[name]
	before := w.email(id, nil, "threadId", "blobId", "receivedAt", "keywords")
	state := w.state("Email")
	w.set("Email", A{"update": A{id: A{"mailboxIds/" + from: nil, "mailboxIds/" + to: true}}})
	after := w.email(id, nil, "threadId", "blobId", "receivedAt", "keywords")
	if diff := cmp.Diff(before, after); diff != "" {
		w.Errorf("(-before +after):\n%s", diff)
	}
	if c := w.changes("Email", state); !slices.Equal(c.Updated, []string{id}) || len(c.Created)+len(c.Destroyed) > 0 {
		w.Errorf("a move is told as %+v", c)
	}
	if got := w.download(after.BlobID); got != l.raw() {
		w.Errorf("blob: %q", got)
	}
	if here, there := w.other.flags(fromName), w.other.flags(toName); len(here) > 0 || !hasFlag(there[name], `\Flagged`) {
		w.Errorf("the server has %v and %v", here, there)
	}
}

func setTwo(w *world) {
	one, oneName := w.box()
	two, twoName := w.box()
	name := fresh("m")
	id := w.put([]string{one}, letter{name: name})[name]
	w.set("Email", A{"update": A{id: A{"mailboxIds/" + two: true}}})
	if diff := cmp.Diff(map[string]bool{one: true, two: true}, w.email(id, nil, "mailboxIds").MailboxIDs); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
	w.set("Email", A{"update": A{id: A{"keywords/$seen": true}}})
	if a, b := w.other.flags(oneName)[name], w.other.flags(twoName)[name]; !hasFlag(a, `\Seen`) || !hasFlag(b, `\Seen`) {
		w.Errorf("the copies have %v and %v", a, b)
	}
	w.set("Email", A{"update": A{id: A{"mailboxIds/" + one: nil}}})
	if _, ok := w.other.flags(oneName)[name]; ok || len(w.email(id, nil, "mailboxIds").MailboxIDs) != 1 {
		w.Error("it is still in both")
	}
}

func setDestroy(w *world) {
	box, boxName := w.box()
	goes, stays := fresh("goes"), fresh("stays")
	ids := w.put([]string{box}, letter{name: goes}, letter{name: stays})
	state := w.state("Email")
	w.set("Email", A{"destroy": []string{ids[goes]}})
	if c := w.changes("Email", state); !slices.Equal(c.Destroyed, []string{ids[goes]}) || len(c.Created)+len(c.Updated) > 0 {
		w.Errorf("%+v", c)
	}
	left := w.other.flags(boxName)
	if _, ok := left[stays]; !ok || len(left) != 1 {
		w.Errorf("the server has %v", left)
	}
}

// RFC 8621, section 4.6: a draft with text, HTML and an attachment.
func setCreate(w *world) {
	box, boxName := w.box()
	name, blob := fresh("draft"), w.upload("attached bytes")
	made := w.set("Email", A{"create": A{"d": A{"mailboxIds": A{box: true}, "keywords": A{"$draft": true, "$seen": true},
		"from": []A{{"name": "Ann Ünal", "email": w.address}}, "to": []A{{"email": "bob@example.org"}}, "subject": "Grüße", "messageId": []string{name + "@x"},
		"bodyValues": A{"t": A{"value": "Hallo Bob\n"}, "h": A{"value": "<p>Hallo <b>Bob</b></p>"}},
		"textBody":   []A{{"partId": "t", "type": "text/plain"}}, "htmlBody": []A{{"partId": "h", "type": "text/html"}},
		"attachments": []A{{"blobId": blob, "type": "application/pdf", "name": "ä.pdf", "disposition": "attachment"}}}}}).Created["d"]
	e := w.email(made.ID, A{"fetchAllBodyValues": true})
	if made.BlobID != e.BlobID || made.ThreadID != e.ThreadID || e.Subject != "Grüße" || len(e.From) != 1 || e.From[0].Name != "Ann Ünal" || !e.Keywords["$draft"] {
		w.Errorf("made %+v, is %+v", made, e)
	}
	if len(e.TextBody) == 0 || strings.TrimSpace(e.BodyValues[e.TextBody[0].PartID].Value) != "Hallo Bob" {
		w.Errorf("text %+v", e.BodyValues)
	}
	if len(e.Attachments) != 1 || e.Attachments[0].Name != "ä.pdf" || w.download(e.Attachments[0].BlobID) != "attached bytes" {
		w.Errorf("attachments %+v", e.Attachments)
	}
	if f := w.other.flags(boxName)[name]; !hasFlag(f, `\Draft`) {
		w.Errorf("the server has %v", f)
	}
}

func setMany(w *world) {
	box, boxName := w.box()
	to, toName := w.box()
	var letters []letter
	for i := range 25 {
		letters = append(letters, letter{name: fresh("m"), minute: i})
	}
	ids := w.put([]string{box}, letters...)
	update := A{}
	for i, l := range letters {
		if i%2 == 0 {
			update[ids[l.name]] = A{"keywords/$seen": true, "mailboxIds": A{to: true}}
		}
	}
	w.set("Email", A{"update": update})
	here, there := w.other.flags(boxName), w.other.flags(toName)
	if len(here) != 12 || len(there) != 13 || len(w.ids(box)) != 12 || len(w.ids(to)) != 13 {
		w.Errorf("the server has %d and %d, we have %d and %d", len(here), len(there), len(w.ids(box)), len(w.ids(to)))
	}
	for name, f := range there {
		if !hasFlag(f, `\Seen`) {
			w.Errorf("%s has %v", name, f)
		}
	}
}

func setIfInState(w *world) {
	box, _ := w.box()
	name := fresh("m")
	before := w.state("Email")
	id := w.put([]string{box}, letter{name: name})[name]
	if _, refused := w.call("Email/set", A{"ifInState": before, "destroy": []string{id}}); refused != "stateMismatch" {
		w.Errorf("in an old state: %q", refused)
	}
	w.set("Email", A{"ifInState": w.state("Email"), "destroy": []string{id}})
}

func setRefused(w *world) {
	box, _ := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name})[name]
	state := w.state("Email")
	var got setResponse
	w.ask(&got, "Email/set", A{"update": A{"Enobody": A{"keywords/$seen": true}, id: A{"mailboxIds/" + box: nil}}, "destroy": []string{"Enothing"}})
	if got.NotUpdated["Enobody"].Type != "notFound" || got.NotDestroyed["Enothing"].Type != "notFound" || got.NotUpdated[id].Type != "invalidProperties" {
		w.Errorf("%+v", got)
	}
	w.ask(&got, "Email/set", A{"update": A{id: A{"subject": "else"}}, "create": A{"d": A{"mailboxIds": A{"Mnone": true}, "subject": "x"}}})
	if got.NotUpdated[id].Type != "invalidProperties" || got.NotCreated["d"].Type != "invalidProperties" || w.state("Email") != state {
		w.Errorf("%+v", got)
	}
}

var changesChecks = []check{{"own", changesOwn}, {"in steps", changesSteps}, {"unknown state", changesUnknown}, {"quiet", changesQuiet}}

// RFC 8620, section 5.2.
func changesOwn(w *world) {
	box, _ := w.box()
	gone, read := fresh("m"), fresh("m")
	ids := w.put([]string{box}, letter{name: gone}, letter{name: read})
	before := w.state("Email")
	stays, goes := fresh("m"), fresh("m")
	made := w.put([]string{box}, letter{name: stays}, letter{name: goes})
	w.set("Email", A{"update": A{made[stays]: A{"keywords/$seen": true}, ids[gone]: A{"keywords/$seen": true}, ids[read]: A{"keywords/$seen": true}}})
	w.set("Email", A{"destroy": []string{made[goes], ids[gone]}})
	c := w.changes("Email", before)
	if !slices.Equal(c.Created, []string{made[stays]}) || !slices.Equal(c.Updated, []string{ids[read]}) || !slices.Equal(c.Destroyed, []string{ids[gone]}) || c.HasMoreChanges {
		w.Errorf("created, updated, destroyed want %s, %s, %s: %+v", made[stays], ids[read], ids[gone], c)
	}
}

func changesSteps(w *world) {
	box, _ := w.box()
	before := w.state("Email")
	ids := w.put([]string{box}, letter{name: fresh("m")}, letter{name: fresh("m")}, letter{name: fresh("m")})
	for _, id := range ids {
		w.set("Email", A{"update": A{id: A{"keywords/$seen": true}}})
	}
	told, steps := map[string]bool{}, 0
	for more := true; more; steps++ {
		var c changes
		w.ask(&c, "Email/changes", A{"sinceState": before, "maxChanges": 2})
		if len(c.Created)+len(c.Updated)+len(c.Destroyed) > 2 || c.HasMoreChanges && c.NewState == before {
			w.Fatalf("step %d: %+v", steps, c)
		}
		for _, id := range append(c.Created, c.Updated...) {
			told[id] = true
		}
		before, more = c.NewState, c.HasMoreChanges
	}
	if len(told) != 3 || steps < 2 {
		w.Errorf("%d ids in %d steps", len(told), steps)
	}
}

func changesUnknown(w *world) {
	for _, kind := range []string{"Email", "Thread", "Mailbox"} {
		if _, refused := w.call(kind+"/changes", A{"sinceState": "nothing"}); refused != "cannotCalculateChanges" {
			w.Errorf("%s: %q", kind, refused)
		}
	}
}

func changesQuiet(w *world) {
	for _, kind := range []string{"Email", "Thread", "Mailbox"} {
		before := w.state(kind)
		if c := w.changes(kind, before); c.NewState != before || len(c.Created)+len(c.Updated)+len(c.Destroyed) > 0 {
			w.Errorf("%s: %+v", kind, c)
		}
	}
}

var importChecks = []check{{"import", importPlain}, {"import refused", importRefused}, {"parse", importParse}, {"copy", importCopy}, {"edges", importEdges}}

// RFC 8621, section 4.8.
func importPlain(w *world) {
	one, _ := w.box()
	two, _ := w.box()
	l := letter{name: fresh("m"), keywords: []string{"$seen", "own"}, minute: 4}
	before := w.state("Email")
	id := w.put([]string{one, two}, l)[l.name]
	e := w.email(id, nil, "mailboxIds", "keywords", "receivedAt", "size", "messageId")
	if len(e.MailboxIDs) != 2 || !e.Keywords["own"] || e.ReceivedAt != "2026-03-01T10:04:00Z" || e.Size != len(l.raw()) || !slices.Equal(e.MessageID, []string{l.name + "@x"}) {
		w.Errorf("%+v", e)
	}
	if c := w.changes("Email", before); !slices.Equal(c.Created, []string{id}) || len(c.Updated) > 0 {
		w.Errorf("%+v", c)
	}
}

func importRefused(w *world) {
	box, _ := w.box()
	var got setResponse
	w.ask(&got, "Email/import", A{"emails": A{"b": A{"blobId": "Bnothing", "mailboxIds": A{box: true}}, "m": A{"blobId": w.upload(letter{name: fresh("m")}.raw()), "mailboxIds": A{"Mnothing": true}}}})
	if got.NotCreated["b"].Type == "" || got.NotCreated["m"].Type != "invalidProperties" || len(got.Created) > 0 {
		w.Errorf("%+v", got)
	}
}

// RFC 8621, section 4.9.
func importParse(w *world) {
	l := letter{name: fresh("m"), header: "Subject: in a blob\r\n" + bodies, body: bodiesText}
	blob, none := w.upload(l.raw()), "Bnothing"
	var got struct {
		Parsed   map[string]email
		NotFound []string
	}
	w.ask(&got, "Email/parse", A{"blobIds": []string{blob, none}, "fetchTextBodyValues": true, "properties": []string{"subject", "textBody", "bodyValues", "attachments", "messageId"}})
	p := got.Parsed[blob]
	if p.Subject != "in a blob" || len(p.TextBody) != 1 || len(p.Attachments) != 1 || !slices.Equal(got.NotFound, []string{none}) {
		w.Fatalf("%+v", got)
	}
	if w.download(p.Attachments[0].BlobID) != "Hello image" {
		w.Errorf("attachment %+v", p.Attachments)
	}
}

// RFC 8621, section 4.7: there is no other account here to copy from.
func importCopy(w *world) {
	box, _ := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name})[name]
	_, refused := w.call("Email/copy", A{"fromAccountId": w.session.account, "create": A{"k": A{"id": id, "mailboxIds": A{box: true}}}})
	if refused != "invalidArguments" {
		w.Errorf("within one account: %q", refused)
	}
	if _, refused = w.call("Email/copy", A{"fromAccountId": "anobody", "create": A{}}); refused != "fromAccountNotFound" {
		w.Errorf("from an unknown account: %q", refused)
	}
}

var blobChecks = []check{{"upload, download", blobUpload}, {"of a moved mail", blobMoved}, {"Blob/get", blobGet}, {"Blob/lookup", blobLookup}, {"unknown", blobUnknown}}

// RFC 8620, section 6.
func blobUpload(w *world) {
	data := strings.Repeat("\x00\xff\r\nbytes", 50_000)
	if got := w.download(w.upload(data)); got != data {
		w.Errorf("%d bytes became %d", len(data), len(got))
	}
}

func blobMoved(w *world) {
	from, _ := w.box()
	to, _ := w.box()
	l := letter{name: fresh("m"), header: bodies, body: bodiesText}
	id := w.put([]string{from}, l)[l.name]
	e := w.email(id, nil, "blobId", "attachments")
	w.set("Email", A{"update": A{id: A{"mailboxIds": A{to: true}}}})
	if w.download(e.BlobID) != l.raw() || w.download(e.Attachments[0].BlobID) != "Hello image" {
		w.Error("a blob has changed")
	}
}

// RFC 9404, section 4.2.
func blobGet(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: bodies, body: bodiesText}
	e := w.email(w.put([]string{box}, l)[l.name], nil, "attachments")
	blob := e.Attachments[0].BlobID
	var got struct {
		List []struct {
			ID     string
			Text   string `json:"data:asText"`
			Digest string `json:"digest:sha-256"`
			Size   int
		}
		NotFound []string
	}
	w.ask(&got, "Blob/get", A{"ids": []string{blob, "Bnothing"}, "properties": []string{"data:asText", "digest:sha-256", "size"}, "offset": 6, "length": 5})
	if len(got.List) != 1 || got.List[0].Text != "image" || got.List[0].Size != 11 || got.List[0].Digest == "" || len(got.NotFound) != 1 {
		w.Errorf("%+v", got)
	}
}

// RFC 9404, section 4.3.
func blobLookup(w *world) {
	box, _ := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name})[name]
	e := w.email(id, nil, "blobId", "threadId")
	var got struct {
		List []struct{ MatchedIDs map[string][]string }
	}
	w.ask(&got, "Blob/lookup", A{"typeNames": []string{"Email", "Thread", "Mailbox"}, "ids": []string{e.BlobID}})
	want := map[string][]string{"Email": {id}, "Thread": {e.ThreadID}, "Mailbox": {box}}
	if len(got.List) != 1 || cmp.Diff(want, got.List[0].MatchedIDs) != "" {
		w.Errorf("%+v, want %v", got, want)
	}
}

func blobUnknown(w *world) {
	path := w.path(w.session.DownloadURL, "{accountId}", w.session.account, "{blobId}", "Bnothing", "{type}", "text/plain", "{name}", "x")
	if _, err := w.wire.Do(w.Context(), "GET", path, "", nil); err == nil || !strings.Contains(err.Error(), "404") {
		w.Errorf("%v", err)
	}
}
