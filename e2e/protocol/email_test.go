package protocol

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

var threadChecks = []check{{"over folders", threadFolders}, {"subject", threadSubject}, {"changes", threadChanges}}

type thread struct {
	ID       string
	EmailIDs []string
}

func (w *world) thread(id string) thread {
	w.Helper()
	var got struct{ List []thread }
	w.ask(&got, "Thread/get", A{"ids": []string{id}})
	if len(got.List) != 1 {
		w.Fatalf("Thread %s is not there", id)
	}
	return got.List[0]
}

// RFC 8621, section 3: one conversation wherever its mails are, oldest first.
func threadFolders(w *world) {
	one, _ := w.box()
	two, _ := w.box()
	root, second, third := fresh("t"), fresh("t"), fresh("t")
	a := w.put([]string{one}, letter{name: root, header: "Subject: talk\r\n"}, letter{name: third, parent: root, header: "Subject: Re: talk\r\n", minute: 2})
	b := w.put([]string{two}, letter{name: second, parent: root, header: "Subject: RE: talk\r\n", minute: 1})
	e := w.email(b[second], nil, "threadId")
	want := []string{a[root], b[second], a[third]}
	if got := w.thread(e.ThreadID).EmailIDs; !slices.Equal(got, want) {
		w.Errorf("Thread %v, want %v", got, want)
	}
}

// RFC 8621, section 3: another subject is another Thread, though it refers.
func threadSubject(w *world) {
	box, _ := w.box()
	root, other := fresh("t"), fresh("t")
	ids := w.put([]string{box}, letter{name: root, header: "Subject: bread\r\n"}, letter{name: other, parent: root, header: "Subject: wine\r\n", minute: 1})
	one, two := w.email(ids[root], nil, "threadId"), w.email(ids[other], nil, "threadId")
	if one.ThreadID == two.ThreadID {
		w.Skip("this server makes Threads by references alone, and its ids are passed on (RFC 8621, section 1.6)")
	}
	if got := w.thread(two.ThreadID).EmailIDs; !slices.Equal(got, []string{ids[other]}) {
		w.Errorf("Thread %v", got)
	}
}

// RFC 8621, section 3.2.
func threadChanges(w *world) {
	box, _ := w.box()
	root, alone := fresh("t"), fresh("t")
	ids := w.put([]string{box}, letter{name: root, header: "Subject: talk\r\n"})
	talk, before := w.email(ids[root], nil, "threadId").ThreadID, w.state("Thread")
	more := w.put([]string{box}, letter{name: fresh("t"), parent: root, header: "Subject: Re: talk\r\n", minute: 1}, letter{name: alone, header: "Subject: else\r\n"})
	other := w.email(more[alone], nil, "threadId").ThreadID
	c := w.changes("Thread", before)
	if !slices.Equal(c.Updated, []string{talk}) || !slices.Equal(c.Created, []string{other}) || len(c.Destroyed) > 0 {
		w.Errorf("an answer in %s, and a new %s: %+v", talk, other, c)
	}
	before = c.NewState
	w.set("Email", A{"destroy": []string{more[alone]}})
	if c = w.changes("Thread", before); !slices.Equal(c.Destroyed, []string{other}) {
		w.Errorf("the last mail of %s is destroyed: %+v", other, c)
	}
}

var getChecks = []check{{"metadata", getMetadata}, {"header fields", getHeaders}, {"bodies", getBodies}, {"attached message", getAttached}, {"big mail", getBig},
	{"truncation", getTruncated}, {"preview", getPreview}, {"not found", getNotFound}}

func getMetadata(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), keywords: []string{"$flagged", "$forwarded", "own"}, minute: 7}
	e := w.email(w.put([]string{box}, l)[l.name], nil)
	if e.Size != len(l.raw()) || e.ReceivedAt != "2026-03-01T10:07:00Z" || e.SentAt == "" || !strings.HasPrefix(e.SentAt, "2026-03-01T10:07:00") {
		w.Errorf("size %d, want %d; received %s, sent %s", e.Size, len(l.raw()), e.ReceivedAt, e.SentAt)
	}
	if diff := cmp.Diff(map[string]bool{"$flagged": true, "$forwarded": true, "own": true}, e.Keywords); diff != "" {
		w.Errorf("keywords (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{box: true}, e.MailboxIDs); diff != "" {
		w.Errorf("mailboxIds (-want +got):\n%s", diff)
	}
	if got := w.download(e.BlobID); got != l.raw() {
		w.Errorf("blob: %q", got)
	}
}

// RFC 8621, section 4.1.2: forms of header fields.
func getHeaders(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: "From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>\r\nTo: friends: Bob <bob@example.org>, carol@example.org;\r\n" +
		"Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n folded\r\nX-Own: one\r\nX-Own: two\r\nList-Post: <mailto:list@example.org>\r\n"}
	id := w.put([]string{box}, l)[l.name]
	e := w.email(id, nil, "subject", "from", "to")
	if e.Subject != "Grüße folded" || len(e.From) != 1 || e.From[0].Name != "Jürgen" || len(e.To) != 2 || e.To[1].Email != "carol@example.org" {
		w.Errorf("%+v", e)
	}
	const raw, all, urls, groups = "header:X-Own", "header:x-own:asText:all", "header:List-Post:asURLs", "header:To:asGroupedAddresses"
	var got struct{ List []map[string]any }
	w.ask(&got, "Email/get", A{"ids": []string{id}, "properties": []string{raw, all, urls, groups, "header:X-None"}})
	want := map[string]any{"id": id, raw: " two", all: []any{"one", "two"}, urls: []any{"mailto:list@example.org"}, "header:X-None": nil,
		groups: []any{map[string]any{"name": "friends", "addresses": []any{map[string]any{"name": "Bob", "email": "bob@example.org"}, map[string]any{"name": nil, "email": "carol@example.org"}}}}}
	if diff := cmp.Diff(want, got.List[0]); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
}

const bodies = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n"

const bodiesText = "--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n" +
	"--in\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe\r\n" +
	"--in\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+U2Now7ZuZTwvYj4=\r\n--in--\r\n" +
	"--out\r\nContent-Type: image/png; name=\"a.png\"\r\nContent-Disposition: attachment; filename=\"a.png\"\r\nContent-ID: <i@x>\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8gaW1hZ2U=\r\n--out--\r\n"

// RFC 8621, section 4.1.4.
func getBodies(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: bodies, body: bodiesText}
	e := w.email(w.put([]string{box}, l)[l.name], A{"fetchAllBodyValues": true}, "bodyStructure", "textBody", "htmlBody", "attachments", "bodyValues", "hasAttachment")
	if len(e.TextBody) != 1 || len(e.HTMLBody) != 1 || len(e.Attachments) != 1 || !e.HasAttachment {
		w.Fatalf("%+v", e)
	}
	if got := e.BodyValues[e.TextBody[0].PartID].Value; strings.TrimSpace(got) != "Schöne Grüße" {
		w.Errorf("text %q", got)
	}
	if got := e.BodyValues[e.HTMLBody[0].PartID].Value; strings.TrimSpace(got) != "<b>Schöne</b>" {
		w.Errorf("html %q", got)
	}
	image := e.Attachments[0]
	if image.Name != "a.png" || image.Type != "image/png" || image.Size != 11 || image.CID != "i@x" || image.Disposition != "attachment" {
		w.Errorf("attachment %+v", image)
	}
	if got := w.download(image.BlobID); got != "Hello image" {
		w.Errorf("attachment's blob %q", got)
	}
	if s := e.BodyStructure; s.Type != "multipart/mixed" || len(s.SubParts) != 2 || len(s.SubParts[0].SubParts) != 2 {
		w.Errorf("structure %+v", s)
	}
}

// RFC 8621, section 4.1.4: a message in a message, and its parts.
func getAttached(w *world) {
	box, _ := w.box()
	inner := letter{name: fresh("inner"), header: bodies, body: bodiesText}
	l := letter{name: fresh("m"), header: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n",
		body: "--o\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" + inner.raw() + "\r\n--o--\r\n"}
	e := w.email(w.put([]string{box}, l)[l.name], nil, "attachments", "bodyStructure")
	if len(e.Attachments) != 1 || e.Attachments[0].Type != "message/rfc822" {
		w.Fatalf("%+v", e)
	}
	blob := e.Attachments[0].BlobID
	if got := w.download(blob); strings.TrimSpace(got) != strings.TrimSpace(inner.raw()) {
		w.Errorf("blob %q", got)
	}
	var parsed struct{ Parsed map[string]email }
	w.ask(&parsed, "Email/parse", A{"blobIds": []string{blob}, "properties": []string{"subject", "attachments"}})
	if p := parsed.Parsed[blob]; p.Subject != inner.name || len(p.Attachments) != 1 {
		w.Errorf("parsed %+v", parsed)
	}
}

// A mail above what is fetched whole: its parts are fetched one by one.
func getBig(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: bodies,
		body: strings.Replace(bodiesText, "SGVsbG8gaW1hZ2U=", strings.Repeat(strings.Repeat("QUJD", 18)+"\r\n", 8000), 1)}
	e := w.email(w.put([]string{box}, l)[l.name], A{"fetchTextBodyValues": true}, "textBody", "attachments", "bodyValues", "preview", "size")
	if e.Size != len(l.raw()) || len(e.TextBody) != 1 || len(e.Attachments) != 1 {
		w.Fatalf("%+v, want size %d", e, len(l.raw()))
	}
	if got := e.BodyValues[e.TextBody[0].PartID].Value; strings.TrimSpace(got) != "Schöne Grüße" {
		w.Errorf("text %q", got)
	}
	if got := w.download(e.Attachments[0].BlobID); got != strings.Repeat("ABC", 8000*18) {
		w.Errorf("the attachment has %d bytes", len(got))
	}
}

// RFC 8621, section 4.2: maxBodyValueBytes.
func getTruncated(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n", body: strings.Repeat("ö", 100)}
	e := w.email(w.put([]string{box}, l)[l.name], A{"fetchTextBodyValues": true, "maxBodyValueBytes": 11}, "textBody", "bodyValues")
	if v := e.BodyValues[e.TextBody[0].PartID]; v.Value != strings.Repeat("ö", 5) || !v.IsTruncated {
		w.Errorf("%+v", v)
	}
}

func getPreview(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m"), header: bodies, body: bodiesText}
	if e := w.email(w.put([]string{box}, l)[l.name], nil, "preview"); !strings.HasPrefix(e.Preview, "Schöne Grüße") {
		w.Errorf("preview %q", e.Preview)
	}
}

func getNotFound(w *world) {
	var got struct {
		List     []email
		NotFound []string
	}
	w.ask(&got, "Email/get", A{"ids": []string{"Enothing"}})
	if len(got.List) > 0 || !slices.Equal(got.NotFound, []string{"Enothing"}) {
		w.Errorf("%+v", got)
	}
}
