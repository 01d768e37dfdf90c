package jmapserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/outbox"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestWholeAccount shows sentences of the RFCs that no room keeps alone: it asks
// an account as people have it, above a mail platform in memory. The rows of
// docs/conformance name its subtests.
func TestWholeAccount(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*whole)
	}{
		{"state", wholeState},
		{"changes", wholeChanges},
		{"stable", wholeStable},
		{"threads", wholeThreads},
		{"upToId", wholeUpToID},
		{"limits", wholeLimits},
		{"deleted", wholeDeleted},
		{"text", wholeText},
		{"snippets", wholeSnippets},
		{"sort", wholeSort},
		{"collation", wholeCollation},
		{"ids", wholeIDs},
		{"uploads", wholeUploads},
		{"updatedProperties", wholeUpdatedProperties},
		{"blobs", wholeBlobs},
		{"submission", wholeSubmission},
		{"set", wholeSet},
		{"delivery", wholeDelivery},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(&whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}) })
	}
}

// whole is a mail platform and the account of a person on it.
type whole struct {
	*testing.T
	mem      *memup.Account
	w        *world
	a        *account.Account
	n        int                // mails delivered
	out      *outbox.Outbox     // nil: the person cannot send
	settings *settings.Settings // nil: nothing is kept
}

var wholeDay = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// deliver puts a mail into the inbox. Its Message-ID is name; it answers the mail
// called parent, if there is one. Each mail comes a minute after the one before.
func (w *whole) deliver(name, parent, more string, flags ...string) upstream.UID {
	w.n++
	return w.deliverAt(wholeDay.Add(time.Duration(w.n)*time.Minute), name, parent, more, flags...)
}

func (w *whole) deliverAt(at time.Time, name, parent, more string, flags ...string) upstream.UID {
	if parent != "" {
		more += "In-Reply-To: <" + parent + "@x>\r\nReferences: <" + parent + "@x>\r\n"
	}
	raw := "Message-ID: <" + name + "@x>\r\n" + more + "\r\nHello.\r\n"
	return w.mem.Deliver("INBOX", []byte(raw), at, flags...)
}

// open opens the account. A second call opens another one on the same platform.
func (w *whole) open() {
	w.Helper()
	a, err := account.New(w.Context(), account.Config{ID: "a1", Addresses: []string{"anna@example.org"}, Store: w.mem.Open(),
		Key: []byte("0123456789abcdef0123456789abcdef"), Uploads: account.NewMemoryUploads(), Outbox: w.out, Settings: w.settings})
	if err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	w.Cleanup(func() {
		stop()
		<-done
		a.Close()
	})
	if err := a.Ready(ctx); err != nil {
		w.Fatal(err)
	}
	w.a, w.w = a, newWorld(w.T, jmapserver.Limits{})
	w.w.person.Accounts = []jmapserver.Account{a}
}

// ask calls a method, whose arguments but the account are given as JSON, and
// decodes the response into v.
func (w *whole) ask(v any, method, args string) {
	w.Helper()
	if args != "" {
		args = "," + args
	}
	using := []string{jmap.CapabilityCore, jmap.CapabilityMail}
	if w.out != nil {
		using = append(using, jmap.CapabilitySubmission)
	}
	code, body := w.w.post(`{"using":` + quoted(using) + `,"methodCalls":[["` + method + `",{"accountId":"a1"` + args + `},"0"]]}`)
	var out struct{ MethodResponses [][]json.RawMessage }
	if err := json.Unmarshal(body, &out); code != http.StatusOK || err != nil || len(out.MethodResponses) != 1 {
		w.Fatalf("%s: %d %s", method, code, body)
	}
	r := out.MethodResponses[0]
	if string(r[0]) != `"`+method+`"` {
		w.Fatalf("%s %s: %s", method, args, r[1])
	}
	if err := json.Unmarshal(r[1], v); err != nil {
		w.Fatalf("%s: %v in %s", method, err, r[1])
	}
}

// ids maps the names of all mails to their ids.
func (w *whole) ids() map[string]string {
	w.Helper()
	var got struct {
		List []struct {
			ID        string
			MessageID []string
		}
	}
	w.ask(&got, "Email/get", `"ids":`+quoted(w.query(`"limit":500`))+`,"properties":["messageId"]`)
	out := map[string]string{}
	for _, e := range got.List {
		out[strings.TrimSuffix(strings.Join(e.MessageID, ""), "@x")] = e.ID
	}
	return out
}

func (w *whole) query(args string) []string {
	w.Helper()
	var got struct{ IDs []string }
	w.ask(&got, "Email/query", args)
	return got.IDs
}

// named is query, by names.
func (w *whole) named(args string) []string {
	w.Helper()
	name := map[string]string{}
	for n, id := range w.ids() {
		name[id] = n
	}
	out := []string{}
	for _, id := range w.query(args) {
		out = append(out, name[id])
	}
	return out
}

// emailState is the state of Emails.
func (w *whole) emailState() string {
	w.Helper()
	var got struct{ State string }
	w.ask(&got, "Email/get", `"ids":[]`)
	return got.State
}

// set changes Emails, and returns the ids of those that are made.
func (w *whole) set(args string) map[string]string {
	w.Helper()
	var got struct {
		Created                              map[string]struct{ ID string }
		NotCreated, NotUpdated, NotDestroyed map[string]any
	}
	w.ask(&got, "Email/set", args)
	if len(got.NotCreated)+len(got.NotUpdated)+len(got.NotDestroyed) > 0 {
		w.Fatalf("Email/set %s: %+v", args, got)
	}
	out := map[string]string{}
	for k, c := range got.Created {
		out[k] = c.ID
	}
	return out
}

func (w *whole) mailbox(role string) string {
	w.Helper()
	var got struct{ IDs []string }
	w.ask(&got, "Mailbox/query", `"filter":{"role":"`+role+`"}`)
	if len(got.IDs) != 1 {
		w.Fatalf("Mailboxes of role %s: %v", role, got.IDs)
	}
	return got.IDs[0]
}

// until waits for the platform's word of what another program did.
func (w *whole) until(seen func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); !seen(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatal("it was not told in 20 s")
		}
	}
}

func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// RFC 8620, section 5.1: unchanged data keep their state.
func wholeState(w *whole) {
	w.deliver("m", "", "")
	w.open()
	for _, method := range []string{"Email/get", "Thread/get", "Mailbox/get"} {
		var one, two struct{ State string }
		w.ask(&one, method, `"ids":[]`)
		w.ask(&two, method, `"ids":[]`)
		if one != two || one.State == "" {
			w.Errorf("%s: %q, and then %q", method, one.State, two.State)
		}
	}
}

type changes struct {
	NewState                    string
	HasMoreChanges              bool
	Created, Updated, Destroyed []string
}

func (c *changes) sorted() [3][]string {
	for _, s := range [][]string{c.Created, c.Updated, c.Destroyed} {
		slices.Sort(s)
	}
	return [3][]string{c.Created, c.Updated, c.Destroyed}
}

// RFC 8620, section 5.2: where an id is told that was changed more than once, and
// the way through intermediate states.
func wholeChanges(w *whole) {
	for _, n := range []string{"gone", "read", "starred"} {
		w.deliver(n, "", "")
	}
	w.open()
	id, before := w.ids(), w.emailState()
	draft := `{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"subject":"x"}`
	made := w.set(`"create":{"stays":` + draft + `,"goes":` + draft + `}`)
	w.set(`"update":{"` + made["stays"] + `":{"keywords/$flagged":true},"` + id["gone"] + `":{"keywords/$seen":true},"` + id["read"] + `":{"keywords/$seen":true}}`)
	w.set(`"destroy":["` + made["goes"] + `","` + id["gone"] + `"],"update":{"` + id["starred"] + `":{"keywords/$flagged":true}}`)

	var all changes
	w.ask(&all, "Email/changes", `"sinceState":"`+before+`"`)
	updated := []string{id["read"], id["starred"]}
	slices.Sort(updated)
	want := [3][]string{{made["stays"]}, updated, {id["gone"]}}
	if diff := cmp.Diff(want, all.sorted()); diff != "" || all.HasMoreChanges {
		w.Errorf("created, updated, destroyed (-want +got):\n%s", diff)
	}

	told := map[string]string{}
	steps, state := 0, before
	for more := true; more; steps++ {
		var c changes
		w.ask(&c, "Email/changes", `"sinceState":"`+state+`","maxChanges":2`)
		if n := len(c.Created) + len(c.Updated) + len(c.Destroyed); n > 2 || c.HasMoreChanges && c.NewState == state {
			w.Fatalf("step %d: %d ids, %+v", steps, n, c)
		}
		for what, ids := range map[string][]string{"created": c.Created, "updated": c.Updated, "destroyed": c.Destroyed} {
			for _, id := range ids {
				told[id] = what
			}
		}
		state, more = c.NewState, c.HasMoreChanges
	}
	if steps < 2 || state != all.NewState || told[id["gone"]] != "destroyed" || told[made["stays"]] == "" || told[id["read"]] == "" || told[id["starred"]] == "" {
		w.Errorf("%d steps to %s, want %s; told %v", steps, state, all.NewState, told)
	}
}

// RFC 8620, section 5.5: what a sort does not decide stays in its order.
func wholeStable(w *whole) {
	for i := range 8 {
		w.deliverAt(wholeDay, fmt.Sprint("m", i), "", "")
	}
	w.open()
	id := w.ids()["m3"]
	for _, args := range []string{`"limit":99`, `"sort":[],"limit":99`, `"sort":[{"property":"receivedAt"}],"limit":99`,
		`"sort":[{"property":"hasKeyword","keyword":"$draft"}],"limit":99`} {
		first := w.query(args)
		w.set(`"update":{"` + id + `":{"keywords/$flagged":true}}`) // what was remembered is of no use now
		second := w.query(args)
		w.set(`"update":{"` + id + `":{"keywords/$flagged":null}}`)
		if diff := cmp.Diff(first, second); diff != "" || len(first) != 8 {
			w.Errorf("%s (-first +second):\n%s", args, diff)
		}
	}
}

// RFC 8621, section 3: every Email has its Thread, whose order is stable.
func wholeThreads(w *whole) {
	w.deliverAt(wholeDay, "root", "", "Subject: talk\r\n")
	for i := range 5 {
		w.deliverAt(wholeDay, fmt.Sprint("answer", i), "root", "Subject: Re: talk\r\n")
	}
	w.deliver("alone", "", "Subject: other\r\n")
	threads := func() map[string][]string {
		w.open()
		var emails struct {
			List []struct{ ID, ThreadID string }
		}
		w.ask(&emails, "Email/get", `"ids":null,"properties":["threadId"]`)
		out := map[string][]string{}
		for _, e := range emails.List {
			var got struct {
				List []struct{ EmailIDs []string }
			}
			w.ask(&got, "Thread/get", `"ids":["`+e.ThreadID+`"]`)
			if len(got.List) != 1 || !slices.Contains(got.List[0].EmailIDs, e.ID) {
				w.Fatalf("Email %s is not in its Thread %q: %v", e.ID, e.ThreadID, got.List)
			}
			out[e.ThreadID] = got.List[0].EmailIDs
		}
		return out
	}
	first := threads()
	if diff := cmp.Diff(first, threads()); diff != "" || len(first) != 2 {
		w.Errorf("%d Threads (-first +second):\n%s", len(first), diff)
	}
}

// RFC 8620, section 5.6: an upToId that nobody can know of is ignored.
func wholeUpToID(w *whole) {
	for i := range 5 {
		w.deliver(fmt.Sprint("m", i), "", "")
	}
	w.open()
	var before struct{ QueryState string }
	w.ask(&before, "Email/query", `"limit":99`)
	w.set(`"update":{"` + w.ids()["m1"] + `":{"keywords/$flagged":true}}`)
	var without, with map[string]any
	w.ask(&without, "Email/queryChanges", `"sinceQueryState":"`+before.QueryState+`"`)
	w.ask(&with, "Email/queryChanges", `"sinceQueryState":"`+before.QueryState+`","upToId":"nothing"`)
	if diff := cmp.Diff(without, with); diff != "" || fmt.Sprint(without["added"]) == "[]" {
		w.Errorf("(-without +with):\n%s", diff)
	}
}

// RFC 8620, section 6, and RFC 8621, section 1.3.1: what limits must be at least.
func wholeLimits(w *whole) {
	w.open()
	var s struct {
		Accounts map[string]struct {
			AccountCapabilities map[string]struct{ MaxSizeMailboxName, MaxSizeAttachmentsPerEmail int64 }
		}
	}
	if err := json.Unmarshal(w.w.do("GET", "/jmap/session", "").Body.Bytes(), &s); err != nil {
		w.Fatal(err)
	}
	mail := s.Accounts["a1"].AccountCapabilities[jmap.CapabilityMail]
	if mail.MaxSizeMailboxName < 100 {
		w.Errorf("maxSizeMailboxName is %d, and at least 100 octets must fit", mail.MaxSizeMailboxName)
	}
	if mail.MaxSizeAttachmentsPerEmail < 1 || mail.MaxSizeAttachmentsPerEmail > account.MaxUploadsBytes {
		w.Errorf("attachments of %d octets fit into an Email, uploads of %d", mail.MaxSizeAttachmentsPerEmail, account.MaxUploadsBytes)
	}
}

// RFC 8621, section 4.1.1: what is marked \Deleted is not there.
func wholeDeleted(w *whole) {
	w.deliver("stays", "", "")
	uid := w.deliver("goes", "", "")
	w.open()
	goes := w.ids()["goes"]
	type counts struct{ TotalEmails, UnreadEmails, TotalThreads, UnreadThreads int }
	inbox := func() counts {
		var got struct{ List []counts }
		w.ask(&got, "Mailbox/get", `"ids":["`+w.mailbox("inbox")+`"],"properties":["totalEmails","unreadEmails","totalThreads","unreadThreads"]`)
		return got.List[0]
	}
	if got := inbox(); got != (counts{2, 2, 2, 2}) {
		w.Fatalf("before: %+v", got)
	}
	other := w.mem.Open()
	defer other.Close()
	_, marks, err := other.UIDs(w.Context(), "INBOX")
	if err != nil {
		w.Fatal(err)
	}
	var one upstream.UIDSet
	one.Add(uid)
	if err := other.SetFlags(w.Context(), upstream.Place{Box: "INBOX", Validity: marks.UIDValidity}, one, []string{`\Deleted`}, nil); err != nil {
		w.Fatal(err)
	}
	w.until(func() bool { return inbox().TotalEmails == 1 })
	if got := inbox(); got != (counts{1, 1, 1, 1}) {
		w.Errorf("the inbox counts %+v", got)
	}
	if got := w.named(`"limit":99`); !slices.Equal(got, []string{"stays"}) {
		w.Errorf("a query finds %v", got)
	}
	var got struct{ NotFound []string }
	w.ask(&got, "Email/get", `"ids":["`+goes+`"]`)
	if !slices.Equal(got.NotFound, []string{goes}) {
		w.Errorf("Email/get has it: not found are %v", got.NotFound)
	}
}

// RFC 8621, section 4.4.1: where the condition text looks, and how.
func wholeText(w *whole) {
	fields := []string{"From", "To", "Cc", "Bcc", "Subject"}
	for _, f := range fields {
		w.deliver(f, "", f+": word"+strings.ToLower(f)+" <x@example.org>\r\n")
	}
	w.deliver("body", "", "\r\nThis is wordbody here.\r\n")
	w.open()
	for _, f := range append(fields, "body") {
		for _, word := range []string{"word" + strings.ToLower(f), "WORD" + strings.ToUpper(f)} {
			if got := w.named(`"filter":{"text":"` + word + `"},"limit":99`); !slices.Equal(got, []string{f}) {
				w.Errorf("%s in %s: found %v", word, f, got)
			}
		}
	}
}

// RFC 8621, section 5: what is escaped, how long a preview may be, and null for
// what cannot be told.
func wholeSnippets(w *whole) {
	long := strings.Repeat("<&> many words ", 100)
	w.deliver("plain", "", "Subject: A <boat> & a ship\r\n\r\n"+long+"a boat <here> & there "+long)
	w.deliver("subject", "", "Subject: boats\r\n\r\nnothing of it here")
	w.deliver("html", "", "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<style>boat</style><p class=boat>1 &lt; 2 <b>bo</b>at")
	w.deliver("huge", "", "Subject: boat\r\n\r\nboat "+strings.Repeat("word word word word word word word word word word\r\n", 8000))
	w.open()
	ids := w.ids()
	var got struct {
		List []struct {
			EmailID          string
			Subject, Preview *string
		}
		NotFound []string
	}
	w.ask(&got, "SearchSnippet/get", `"filter":{"text":"boat"},"emailIds":`+quoted([]string{ids["plain"], ids["subject"], ids["html"], ids["huge"], "nosuch"}))
	show := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	if len(got.List) != 4 || !slices.Equal(got.NotFound, []string{"nosuch"}) {
		w.Fatalf("got %+v", got)
	}
	for i, want := range []struct{ name, subject, preview string }{
		{"plain", "A &lt;<mark>boat</mark>&gt; &amp; a ship", ""},
		{"subject", "<mark>boat</mark>s", "null"},
		{"html", "null", "1 &lt; 2 <mark>boat</mark> Hello."},
		{"huge", "null", "null"},
	} {
		s := got.List[i]
		if s.EmailID != ids[want.name] || show(s.Subject) != want.subject || want.preview != "" && show(s.Preview) != want.preview {
			w.Errorf("%s: subject %s, preview %s", want.name, show(s.Subject), show(s.Preview))
		}
	}
	preview := show(got.List[0].Preview)
	if len(preview) > 255 || !strings.Contains(preview, "&gt; many words a <mark>boat</mark> &lt;here&gt; &amp; there &lt;&amp;&gt; many") {
		w.Errorf("%d octets: %s", len(preview), preview)
	}
}

// RFC 8621, section 4.4.2: by date, and by keywords of a mail and of its Thread.
func wholeSort(w *whole) {
	w.deliver("a1", "", "Subject: a\r\n", "$x")
	w.deliver("a2", "a1", "Subject: Re: a\r\n")
	w.deliver("b1", "", "Subject: b\r\n", "$x")
	w.deliver("c1", "", "Subject: c\r\n")
	w.open()
	const then = `,"keyword":"$x"},{"property":"receivedAt"}`
	for sort, want := range map[string][]string{
		`{"property":"receivedAt"}`:                     {"a1", "a2", "b1", "c1"},
		`{"property":"receivedAt","isAscending":false}`: {"c1", "b1", "a2", "a1"},
		`{"property":"hasKeyword"` + then:               {"a2", "c1", "a1", "b1"},
		`{"property":"allInThreadHaveKeyword"` + then:   {"a1", "a2", "c1", "b1"},
		`{"property":"someInThreadHaveKeyword"` + then:  {"c1", "a1", "a2", "b1"},
	} {
		if got := w.named(`"sort":[` + sort + `],"limit":99`); !slices.Equal(got, want) {
			w.Errorf("by %s: %v, want %v", sort, got, want)
		}
	}
}

// RFC 8620, section 5.5: without a collation it is i;unicode-casemap, which that
// section names as one that fulfils what it asks of the default. As RFC 8264 section
// 5.2.3 advises, case is mapped by no language's own rules and letters are not folded
// into others: I is i also for those who write Turkish, and ß is not ss.
func wholeCollation(w *whole) {
	for _, s := range []string{"straße", "iz", "STRASSEZ", "Ia", "Öl", "öd"} {
		w.deliver(s, "", "Subject: "+s+"\r\n")
	}
	w.open()
	for _, sort := range []string{`{"property":"subject"}`, `{"property":"subject","collation":"i;unicode-casemap"}`} {
		got := w.named(`"sort":[` + sort + `],"limit":99`)
		if want := []string{"Ia", "iz", "öd", "Öl", "STRASSEZ", "straße"}; !slices.Equal(got, want) {
			w.Errorf("by %s: %v, want %v", sort, got, want)
		}
	}
}

// RFC 8620, section 1.2: ids that no other program takes for something else.
func wholeIDs(w *whole) {
	for i := range 20 {
		w.deliver(fmt.Sprint("m", i), "", "")
	}
	w.open()
	var emails struct {
		List []struct{ ID, BlobID, ThreadID string }
	}
	w.ask(&emails, "Email/get", `"ids":null,"properties":["blobId","threadId"]`)
	var boxes struct{ List []struct{ ID string } }
	w.ask(&boxes, "Mailbox/get", `"ids":null,"properties":["id"]`)
	var ids []string
	for _, e := range emails.List {
		ids = append(ids, e.ID, e.BlobID, e.ThreadID)
	}
	for _, m := range boxes.List {
		ids = append(ids, m.ID)
	}
	if len(ids) < 60 {
		w.Fatalf("%d ids", len(ids))
	}
	folded := map[string]string{}
	for _, id := range ids {
		if first := id[0] | 0x20; first < 'a' || first > 'z' || strings.EqualFold(id, "NIL") {
			w.Errorf("%q does not begin with a letter, or is NIL", id)
		}
		if other := folded[strings.ToLower(id)]; other != "" && other != id {
			w.Errorf("%q and %q differ by case alone", id, other)
		}
		folded[strings.ToLower(id)] = id
	}
}

// RFC 8620, section 6: what was uploaded and not used yet lives for an hour.
func wholeUploads(w *whole) {
	synctest.Test(w.T, func(t *testing.T) {
		u := account.NewMemoryUploads()
		id, _, err := u.Put(t.Context(), strings.NewReader("kept"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, _, err = u.Put(t.Context(), io.LimitReader(spaces{}, account.MaxUploadBytes)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := u.Open(t.Context(), id); err != nil {
			t.Errorf("after an hour: %v", err)
		}
	})
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) { return len(p), nil }

// RFC 8621, section 2.2: updatedProperties is null where more than counts may have
// changed.
func wholeUpdatedProperties(w *whole) {
	w.open()
	var got struct {
		State, NewState   string
		Updated           []string
		UpdatedProperties []string
	}
	w.ask(&got, "Mailbox/get", `"ids":[]`)
	before := got.State
	archive := w.mailbox("archive")
	other := w.mem.Open()
	defer other.Close()
	if err := other.RenameBox(w.Context(), "Archive", "Attic"); err != nil {
		w.Fatal(err)
	}
	w.until(func() bool {
		w.ask(&got, "Mailbox/changes", `"sinceState":"`+before+`"`)
		return slices.Contains(got.Updated, archive)
	})
	if got.UpdatedProperties != nil {
		w.Errorf("a Mailbox has another name, and updatedProperties is %v", got.UpdatedProperties)
	}
	before = got.NewState
	w.deliver("m", "", "")
	w.until(func() bool {
		w.ask(&got, "Mailbox/changes", `"sinceState":"`+before+`"`)
		return len(got.Updated) > 0
	})
	if len(got.UpdatedProperties) == 0 {
		w.Error("a mail came, and updatedProperties does not say that counts alone have changed")
	}
}

// RFC 8620, section 6: one call destroys the only Email of a blob and makes
// another that has it.
func wholeBlobs(w *whole) {
	w.deliver("old", "", "Subject: old\r\n")
	w.open()
	var got struct {
		List []struct{ ID, BlobID, Subject string }
	}
	w.ask(&got, "Email/get", `"ids":null,"properties":["blobId"]`)
	old := got.List[0]
	made := w.set(`"destroy":["` + old.ID + `"],"create":{"k":{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"subject":"new",` +
		`"attachments":[{"blobId":"` + old.BlobID + `","type":"application/octet-stream"}]}}`)
	var fresh struct {
		List []struct {
			Attachments []struct{ Size int }
		}
		NotFound []string
	}
	w.ask(&fresh, "Email/get", `"ids":["`+made["k"]+`","`+old.ID+`"],"properties":["attachments"]`)
	if len(fresh.List) != 1 || len(fresh.List[0].Attachments) != 1 || fresh.List[0].Attachments[0].Size == 0 || !slices.Equal(fresh.NotFound, []string{old.ID}) {
		w.Errorf("%+v", fresh)
	}
	var none struct {
		NotCreated map[string]struct {
			Type     string
			NotFound []string
		}
	}
	w.ask(&none, "Email/set", `"create":{"k":{"mailboxIds":{"`+w.mailbox("drafts")+`":true},"attachments":[`+
		`{"blobId":"Bone","type":"image/png"},{"blobId":"Btwo","type":"image/png"}]}}`)
	if k := none.NotCreated["k"]; k.Type != "blobNotFound" || !slices.Equal(slices.Sorted(slices.Values(k.NotFound)), []string{"Bone", "Btwo"}) {
		w.Errorf("without its blobs: %+v", none)
	}
}

// RFC 8620, sections 3.6.2 and 5.3, and RFC 8621, section 4.1.1: what is refused,
// and that it changes nothing.
func wholeSet(w *whole) {
	w.deliver("m", "", "")
	w.open()
	id, inbox, before := w.ids()["m"], w.mailbox("inbox"), w.emailState()
	w.set(`"update":{"` + id + `":{"keywords/$seen":true}}`)
	var got struct {
		Type                     string
		Updated                  map[string]any
		Destroyed                []string
		NotUpdated, NotDestroyed map[string]struct{ Type string }
	}
	state := w.emailState()
	w.ask(&got, "Email/set", `"update":{"Enobody":{"keywords/$flagged":true},"`+id+`":{"keywords/$flagged":true,"mailboxIds/`+inbox+`":null}},"destroy":["Enothing"]`)
	if got.NotUpdated["Enobody"].Type != "notFound" || got.NotDestroyed["Enothing"].Type != "notFound" {
		w.Errorf("unknown ids: %+v", got)
	}
	if got.NotUpdated[id].Type != "invalidProperties" || w.emailState() != state {
		w.Errorf("out of its last Mailbox: %+v", got)
	}
	code, body := w.w.post(`{"using":["` + jmap.CapabilityCore + `","` + jmap.CapabilityMail + `"],"methodCalls":[["Email/set",{"accountId":"a1","ifInState":"` +
		before + `","destroy":["` + id + `"]},"0"]]}`)
	if code != http.StatusOK || !strings.Contains(string(body), `["error",{"type":"stateMismatch"`) || w.emailState() != state || len(w.query(`"limit":9`)) != 1 {
		w.Errorf("in an old state: %d %s", code, body)
	}
}

// RFC 8621, section 1.5: the state of EmailDelivery is that of what came.
func wholeDelivery(w *whole) {
	w.deliver("m", "", "")
	w.open()
	state := func() jmap.State {
		s, err := w.a.State(w.Context(), jmap.TypeEmailDelivery)
		if err != nil {
			w.Fatal(err)
		}
		return s
	}
	before := state()
	w.set(`"update":{"` + w.ids()["m"] + `":{"keywords/$seen":true}}`)
	w.set(`"update":{"` + w.ids()["m"] + `":{"mailboxIds":{"` + w.mailbox("archive") + `":true}}}`)
	if state() != before {
		w.Error("it changed with a keyword or a move")
	}
	w.deliver("new", "", "")
	w.until(func() bool { return state() != before })
}

// mailRoom is a submission server and a store of records, in memory.
type mailRoom struct {
	mu   sync.Mutex // guards all below
	sent []string
	rows map[string]outbox.Stored
}

// Submit implements outbox.Sender.
func (m *mailRoom) Submit(_ context.Context, _ string, e *jmap.Envelope, body io.Reader, _ int64) (outbox.Result, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return outbox.Result{}, errors.Join(outbox.ErrAway, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, e.RcptTo[0].Email+" "+string(b))
	return outbox.Result{Reply: "250 2.0.0 Ok"}, nil
}

// Put, Delete and All implement outbox.Records.
func (m *mailRoom) Put(_ context.Context, id string, revision int64, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[id] = outbox.Stored{ID: id, Revision: revision, Data: data}
	return nil
}

func (m *mailRoom) Delete(_ context.Context, id string, _ int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, id)
	return nil
}

func (m *mailRoom) All(context.Context) ([]outbox.Stored, error) { return nil, nil }

// RFC 8621, section 7.5: what was submitted stays sent, whatever becomes of its
// Email and of its EmailSubmission.
func wholeSubmission(w *whole) {
	m := &mailRoom{rows: map[string]outbox.Stored{}}
	var err error
	w.out, err = outbox.Open(w.Context(), outbox.Config{Sender: m, Records: m, Log: slog.New(slog.DiscardHandler),
		Identities: func() []jmap.Identity { return account.Identities("", []string{"anna@example.org"}) }})
	if err != nil {
		w.Fatal(err)
	}
	w.open()
	var who struct{ List []struct{ ID string } }
	w.ask(&who, "Identity/get", "")
	email := w.set(`"create":{"k":{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"subject":"going out",` +
		`"from":[{"email":"anna@example.org"}],"to":[{"email":"bob@example.com"}]}}`)["k"]
	var set struct {
		Created   map[string]struct{ ID string }
		Destroyed []string
	}
	w.ask(&set, "EmailSubmission/set", `"create":{"s":{"identityId":"`+who.List[0].ID+`","emailId":"`+email+`"}}`)
	id := set.Created["s"].ID
	w.set(`"destroy":["` + email + `"]`)
	var got struct {
		List []struct {
			UndoStatus     string
			DeliveryStatus map[string]struct{ Delivered string }
		}
	}
	w.ask(&got, "EmailSubmission/get", `"ids":["`+id+`"]`)
	if len(got.List) != 1 || got.List[0].UndoStatus != "final" || got.List[0].DeliveryStatus["bob@example.com"].Delivered == "no" {
		w.Errorf("after its Email is destroyed: %+v", got)
	}
	w.ask(&set, "EmailSubmission/set", `"destroy":["`+id+`"]`)
	if !slices.Equal(set.Destroyed, []string{id}) {
		w.Errorf("not destroyed: %+v", set)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sent) != 1 || !strings.HasPrefix(m.sent[0], "bob@example.com ") || !strings.Contains(m.sent[0], "Subject: going out") {
		w.Errorf("sent: %q", m.sent)
	}
}
