package protocol

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A is a JSON object.
type A map[string]any

// wire is an HTTP client that is signed in. An answer that is no success is an
// error.
type wire interface {
	Do(ctx context.Context, method, path, kind string, body []byte) ([]byte, error)
}

// program is another mail program of the same person, at the mail server itself.
// Mails are named by their Message-ID without its domain. Each method fails the
// test if the server refuses.
type program interface {
	append(box, raw string, flags ...string)
	flag(box, name, flag string, on bool)
	move(box, name, to string)
	remove(box, name string)
	create(box string)
	rename(from, to string)
	delete(box string)
	// flags are those of each mail, by name.
	flags(box string) map[string][]string
}

// site is one tier, with servers running.
type site struct {
	// signIn signs the n-th person in. Two calls may give the same person, if
	// release is called in between.
	signIn func(t *testing.T, n int) (w wire, address string, release func())
	// other is a program of the n-th person.
	other func(t *testing.T, n int) program
	// peer is an address that tests write to, received the mails of a subject
	// that came there.
	peer     string
	received func(t *testing.T, subject string) []string
}

// world is what a test has: a person over a tier.
type world struct {
	*testing.T
	wire    wire
	other   program
	site    *site
	address string
	session *session
}

// session is what clients need of the Session object (RFC 8620, section 2).
type session struct {
	Capabilities    map[string]json.RawMessage
	PrimaryAccounts map[string]string

	APIURL, UploadURL, DownloadURL, EventSourceURL string

	account string
}

// open reads the session and waits until the index is complete, as counts and
// changes of an earlier moment may be approximate.
func (w *world) open() {
	w.Helper()
	w.session = new(session)
	if err := json.Unmarshal(w.do("GET", "/jmap/session", "", nil), w.session); err != nil {
		w.Fatal(err)
	}
	w.session.account = w.session.PrimaryAccounts[mailCapability]
	drafts := w.role("drafts")
	w.until("the index", func() bool {
		before := w.state("Email")
		made := w.set("Email", A{"create": A{"d": A{"mailboxIds": A{drafts: true}, "subject": "first"}}}).Created["d"].ID
		w.set("Email", A{"destroy": []string{made}})
		_, err := w.call("Email/changes", A{"sinceState": before})
		return err == ""
	})
}

const (
	coreCapability       = "urn:ietf:params:jmap:core"
	mailCapability       = "urn:ietf:params:jmap:mail"
	submissionCapability = "urn:ietf:params:jmap:submission"
	blobCapability       = "urn:ietf:params:jmap:blob"
)

var using = []string{coreCapability, mailCapability, submissionCapability, blobCapability}

func (w *world) do(method, path, kind string, body []byte) []byte {
	w.Helper()
	out, err := w.wire.Do(w.Context(), method, path, kind, body)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

// path is a URL of the session without its host, with variables filled in.
func (w *world) path(template string, variables ...string) string {
	w.Helper()
	u, err := url.Parse(strings.NewReplacer(variables...).Replace(template))
	if err != nil {
		w.Fatal(err)
	}
	return u.RequestURI()
}

// response is one method response.
type response struct {
	name string
	args json.RawMessage
}

// batch sends method calls, each a name, arguments and an id, in one request.
func (w *world) batch(calls ...[]any) []response {
	w.Helper()
	for _, c := range calls {
		args := A{"accountId": w.session.account}
		for k, v := range c[1].(A) {
			args[k] = v
		}
		if c[0] == "Core/echo" {
			args = c[1].(A)
		}
		c[1] = args
	}
	body, err := json.Marshal(A{"using": using, "methodCalls": calls})
	if err != nil {
		w.Fatal(err)
	}
	text := w.do("POST", w.path(w.session.APIURL), "application/json", body)
	var got struct{ MethodResponses [][]json.RawMessage }
	if err := json.Unmarshal(text, &got); err != nil {
		w.Fatalf("%v in %s", err, text)
	}
	var out []response
	for _, r := range got.MethodResponses {
		var name string
		if len(r) != 3 || json.Unmarshal(r[0], &name) != nil {
			w.Fatalf("no method response: %s", text)
		}
		out = append(out, response{name, r[1]})
	}
	return out
}

// call calls one method, and returns its response or the type of its error.
func (w *world) call(method string, args A) (json.RawMessage, string) {
	w.Helper()
	r := w.batch([]any{method, args, "0"})[0]
	if r.name != "error" {
		return r.args, ""
	}
	var e struct{ Type string }
	if err := json.Unmarshal(r.args, &e); err != nil || e.Type == "" {
		w.Fatalf("%s: error %s", method, r.args)
	}
	return nil, e.Type
}

// ask calls a method that must succeed, and decodes the response into v.
func (w *world) ask(v any, method string, args A) {
	w.Helper()
	got, refused := w.call(method, args)
	if refused != "" {
		w.Fatalf("%s %v: %s", method, args, refused)
	}
	w.decode(v, got)
}

func (w *world) decode(v any, text json.RawMessage) {
	w.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		w.Fatalf("%v in %s", err, text)
	}
}

// setResponse is the response to a /set (RFC 8620, section 5.3).
type setResponse struct {
	OldState, NewState                   string
	Created                              map[string]struct{ ID, BlobID, ThreadID string }
	Updated                              map[string]any
	Destroyed                            []string
	NotCreated, NotUpdated, NotDestroyed map[string]setError
}

type setError struct {
	Type, ExistingID string
	Properties       []string
}

// set changes what must be changeable.
func (w *world) set(kind string, args A) setResponse {
	w.Helper()
	var got setResponse
	w.ask(&got, kind+"/set", args)
	if len(got.NotCreated)+len(got.NotUpdated)+len(got.NotDestroyed) > 0 {
		w.Fatalf("%s/set %v: not created %v, updated %v, destroyed %v", kind, args, got.NotCreated, got.NotUpdated, got.NotDestroyed)
	}
	return got
}

func (w *world) state(kind string) string {
	w.Helper()
	var got struct{ State string }
	w.ask(&got, kind+"/get", A{"ids": []string{}})
	return got.State
}

// patience is how long a foreign change may take to show: above the pause
// between two looks at mailboxes that a server without NOTIFY does not watch.
const patience = 75 * time.Second

func (w *world) until(what string, seen func() bool) {
	w.Helper()
	for deadline := time.Now().Add(patience); !seen(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not seen in %v", what, patience)
		}
	}
}

// mailboxes counts those that tests have made, to name each differently.
var mailboxes atomic.Int64

func fresh(word string) string { return fmt.Sprintf("%s%d", word, mailboxes.Add(1)) }

// box makes a Mailbox.
func (w *world) box() (id, name string) {
	w.Helper()
	name = fresh("Box")
	return w.set("Mailbox", A{"create": A{"b": A{"name": name}}}).Created["b"].ID, name
}

func (w *world) role(role string) string {
	w.Helper()
	var got struct{ IDs []string }
	w.ask(&got, "Mailbox/query", A{"filter": A{"role": role}})
	if len(got.IDs) != 1 {
		w.Fatalf("Mailboxes of role %s: %v", role, got.IDs)
	}
	return got.IDs[0]
}

// letter is a mail to be made.
type letter struct {
	name, parent string // Message-ID without domain, and that of the mail it answers
	header       string // further lines, each with its CRLF
	body         string // "": some words
	minute       int    // when it was received
	keywords     []string
}

var day = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// raw is the mail's source.
func (l letter) raw() string {
	more := l.header
	if l.parent != "" {
		more += "In-Reply-To: <" + l.parent + "@x>\r\nReferences: <" + l.parent + "@x>\r\n"
	}
	if !strings.Contains(more, "Subject: ") {
		more += "Subject: " + l.name + "\r\n"
	}
	if !strings.Contains(more, "From: ") {
		more += "From: Ann <ann@example.org>\r\n"
	}
	body := l.body
	if body == "" {
		body = "Hello from " + l.name + ".\r\n"
	}
	return "Message-ID: <" + l.name + "@x>\r\nDate: " + day.Add(time.Duration(l.minute)*time.Minute).Format(time.RFC1123Z) + "\r\n" + more + "\r\n" + body
}

// put imports mails into Mailboxes and returns their ids.
func (w *world) put(boxes []string, letters ...letter) map[string]string {
	w.Helper()
	in, emails := A{}, A{}
	for _, b := range boxes {
		in[b] = true
	}
	for _, l := range letters {
		keywords := A{}
		for _, k := range l.keywords {
			keywords[k] = true
		}
		emails[l.name] = A{"blobId": w.upload(l.raw()), "mailboxIds": in, "keywords": keywords,
			"receivedAt": day.Add(time.Duration(l.minute) * time.Minute).Format("2006-01-02T15:04:05Z")}
	}
	var got setResponse
	w.ask(&got, "Email/import", A{"emails": emails})
	out := map[string]string{}
	for _, l := range letters {
		if out[l.name] = got.Created[l.name].ID; out[l.name] == "" {
			w.Fatalf("import of %s: %+v", l.name, got.NotCreated)
		}
	}
	return out
}

// upload stores a blob and returns its id.
func (w *world) upload(text string) string {
	w.Helper()
	var got struct{ BlobID string }
	w.decode(&got, w.do("POST", w.path(w.session.UploadURL, "{accountId}", w.session.account), "application/octet-stream", []byte(text)))
	return got.BlobID
}

func (w *world) download(blob string) string {
	w.Helper()
	return string(w.do("GET", w.path(w.session.DownloadURL, "{accountId}", w.session.account, "{blobId}", blob,
		"{type}", url.QueryEscape("application/octet-stream"), "{name}", "file"), "", nil))
}

// email is what tests read of an Email.
type email struct {
	ID, BlobID, ThreadID string
	MailboxIDs, Keywords map[string]bool
	Size                 int
	ReceivedAt, SentAt   string
	MessageID            []string
	Subject, Preview     string
	From, To, Bcc        []struct{ Name, Email string }
	HasAttachment        bool
	BodyStructure        part
	BodyValues           map[string]struct {
		Value       string
		IsTruncated bool
	}
	TextBody, HTMLBody, Attachments []part
}

type part struct {
	PartID, BlobID, Type, Name, Charset, Disposition, CID string
	Size                                                  int
	SubParts                                              []part
}

// email reads one Email.
func (w *world) email(id string, args A, properties ...string) email {
	w.Helper()
	all := A{"ids": []string{id}}
	for k, v := range args {
		all[k] = v
	}
	if properties != nil {
		all["properties"] = properties
	}
	var got struct{ List []email }
	w.ask(&got, "Email/get", all)
	if len(got.List) != 1 {
		w.Fatalf("Email %s is not there", id)
	}
	return got.List[0]
}

// named are the names of the Emails that a query finds, in its order.
func (w *world) named(args A) []string {
	w.Helper()
	var found struct{ IDs []string }
	w.ask(&found, "Email/query", args)
	var got struct{ List []email }
	w.ask(&got, "Email/get", A{"ids": found.IDs, "properties": []string{"messageId"}})
	names := map[string]string{}
	for _, e := range got.List {
		names[e.ID] = strings.TrimSuffix(strings.Join(e.MessageID, ""), "@x")
	}
	out := []string{}
	for _, id := range found.IDs {
		out = append(out, names[id])
	}
	return out
}

// ids are those of a Mailbox, by name.
func (w *world) ids(box string) map[string]string {
	w.Helper()
	var found struct{ IDs []string }
	w.ask(&found, "Email/query", A{"filter": A{"inMailbox": box}})
	var got struct{ List []email }
	w.ask(&got, "Email/get", A{"ids": found.IDs, "properties": []string{"messageId"}})
	out := map[string]string{}
	for _, e := range got.List {
		out[strings.TrimSuffix(strings.Join(e.MessageID, ""), "@x")] = e.ID
	}
	return out
}
