package account_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/memup"
	"cofferdam/internal/upstream/upstreamtest"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// rig is an account with a second program on the same mail.
type rig struct {
	*testing.T
	ctx   context.Context
	a     *account.Account
	other upstream.Store
	sent  *platform
}

// platform takes mail.
type platform struct {
	mu    sync.Mutex
	mails []string
	to    [][]string
	err   error
}

// Submit implements outbox.Sender.
func (p *platform) Submit(ctx context.Context, _ string, e *jmap.Envelope, body io.Reader, size int64) (outbox.Result, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return outbox.Result{}, outbox.ErrAway
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return outbox.Result{}, p.err
	}
	var to []string
	for _, r := range e.RcptTo {
		to = append(to, r.Email)
	}
	p.mails, p.to = append(p.mails, string(b)), append(p.to, to)
	return outbox.Result{Reply: "250 2.0.0 Ok"}, nil
}

// records keeps outbox records in memory.
type records struct {
	mu   sync.Mutex
	rows map[string]outbox.Stored
}

func (r *records) Put(ctx context.Context, id string, revision int64, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows[id].Revision != revision-1 {
		return outbox.ErrConflict
	}
	r.rows[id] = outbox.Stored{ID: id, Revision: revision, Data: data}
	return nil
}

func (r *records) Delete(ctx context.Context, id string, revision int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, id)
	return nil
}

func (r *records) All(ctx context.Context) ([]outbox.Stored, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []outbox.Stored
	for _, s := range r.rows {
		out = append(out, s)
	}
	return out, nil
}

var people atomic.Int64

// TestAccount runs every case over memory and over real servers.
func TestAccount(t *testing.T) {
	forEachUpstream(t, []testCase{
		{"read a mail", testReadAMail},
		{"change and move", testChangeAndMove},
		{"foreign move keeps the i d", testForeignMoveKeepsTheID},
		{"draft and send", testDraftAndSend},
		{"send a large mail", testSendLarge},
		{"search", testSearch},
		{"parts of a broken mail", testBrokenParts},
		{"sizes of parts of a large mail", testPartSizes},
	})
}

type testCase struct {
	name string
	f    func(*rig)
}

func forEachUpstream(t *testing.T, cases []testCase) {
	over := func(name string, open func(t *testing.T) (a, b upstream.Store)) {
		t.Run(name, func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					a, b := open(t)
					c.f(newRig(t, a, b))
				})
			}
		})
	}
	over("memory", func(*testing.T) (upstream.Store, upstream.Store) {
		a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		return a.Open(), a.Open()
	})
	over("bare memory", func(*testing.T) (upstream.Store, upstream.Store) {
		a := memup.New(memup.Options{NoModSeq: true, NoUIDPlus: true, NoBoxIDs: true})
		return a.Open(), a.Open()
	})
	for name, opts := range map[string]imaptest.DovecotOptions{"dovecot": {}, "bare dovecot": {Capability: "IMAP4rev1 IDLE"}} {
		s := imaptest.Dovecot(t, opts)
		over(name, func(*testing.T) (upstream.Store, upstream.Store) {
			cfg := imapup.Config{PollEvery: 300 * time.Millisecond,
				Dial: upstreamtest.SignedIn(s.Addr, fmt.Sprintf("u%d", people.Add(1)), imaptest.Password)}
			return imapup.New(cfg), imapup.New(cfg)
		})
	}
}

func newRig(t *testing.T, store, other upstream.Store) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r := &rig{T: t, ctx: ctx, other: other, sent: &platform{}}
	for _, name := range []string{"Drafts", "Sent", "Trash", "Archive"} {
		_ = other.(upstream.Boxmaker).CreateBox(ctx, name, "") // it may exist
	}
	addrs := []string{"ann@example.org", "alias@example.org"}
	out, err := outbox.Open(ctx, outbox.Config{Sender: r.sent, Records: &records{rows: map[string]outbox.Stored{}},
		Identities: func() []jmap.Identity { return account.Identities("", addrs) }, Log: slog.New(slog.DiscardHandler)})
	r.must(err)
	r.a, err = account.New(ctx, account.Config{ID: "a1", Addresses: addrs, Store: store, Key: testKey, HeaderBytes: 8 << 20,
		Uploads: account.NewMemoryUploads(), Outbox: out})
	r.must(err)
	done := make(chan struct{})
	run, stop := context.WithCancel(ctx)
	go func() { defer close(done); _ = r.a.Run(run) }()
	t.Cleanup(func() {
		stop()
		<-done
		cancel()
		r.a.Close()
		other.Close()
	})
	r.must(r.a.Ready(ctx))
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// deliver has the other program store a mail.
func (r *rig) deliver(box, raw string, flags ...string) {
	r.Helper()
	_, err := r.other.Append(r.ctx, box, upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Flags: flags})
	r.must(err)
}

func (r *rig) box(role jmap.Role) jmap.MailboxID {
	r.Helper()
	id, ok := r.find(role)
	if !ok {
		r.Fatalf("no mailbox of role %s", role)
	}
	return id
}

// find is box for a moment in which there may be none.
func (r *rig) find(role jmap.Role) (id jmap.MailboxID, ok bool) {
	r.Helper()
	list, _, _, err := r.a.MailboxGet(r.ctx, nil)
	r.must(err)
	for _, m := range list {
		if m.Role == role {
			return m.ID, true
		}
	}
	return "", false
}

func inMailbox(id jmap.MailboxID) *jmap.Filter[jmap.EmailCondition] {
	return &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: id}}
}

func (r *rig) query(f *jmap.Filter[jmap.EmailCondition]) []jmap.EmailID {
	r.Helper()
	res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: f, Window: jmap.Window{Limit: 100}, CalculateTotal: true})
	r.must(err)
	return res.IDs
}

var allFields = &jmap.EmailFields{
	Props: jmap.DefaultEmailProps | jmap.EmailPropBodyStructure | jmap.EmailPropHeaders, BodyProps: jmap.AllBodyProps,
	FetchTextBodyValues: true, FetchHTMLBodyValues: true,
}

var listFields = &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropThreadID | jmap.EmailPropMailboxIDs | jmap.EmailPropKeywords |
	jmap.EmailPropFrom | jmap.EmailPropSubject | jmap.EmailPropReceivedAt | jmap.EmailPropPreview | jmap.EmailPropHasAttachment | jmap.EmailPropSize}

func (r *rig) get(fields *jmap.EmailFields, ids ...jmap.EmailID) map[jmap.EmailID]jmap.Email {
	r.Helper()
	out := make(map[jmap.EmailID]jmap.Email)
	_, _, err := r.a.EmailGet(r.ctx, ids, fields, func(e *jmap.Email) error {
		out[e.ID] = *e
		return nil
	})
	r.must(err)
	return out
}

// waitFor waits until a mailbox has n mails, as push tells.
func (r *rig) waitFor(box jmap.MailboxID, n int) []jmap.EmailID {
	r.Helper()
	have := jmap.TypeStates{}
	for {
		now, err := r.a.WaitChange(r.ctx, have)
		r.must(err)
		if ids := r.query(inMailbox(box)); len(ids) == n {
			return ids
		}
		have = now
	}
}

const letter = "From: Bob <bob@example.org>\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"Message-ID: <one@example.org>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
	"Hello Ann, this is the text.\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8gUERG\r\n--b--\r\n"

func testReadAMail(r *rig) {
	r.deliver("INBOX", letter)
	inbox := r.box(jmap.RoleInbox)
	id := r.waitFor(inbox, 1)[0]
	e := r.get(listFields, id)[id]
	if e.Subject == nil || *e.Subject != "Grüße" || len(e.From) != 1 || e.From[0].Email != "bob@example.org" ||
		!e.HasAttachment || !strings.HasPrefix(e.Preview, "Hello Ann") {
		r.Errorf("list: %+v", e)
	}
	again := r.get(listFields, id)[id]
	if again.Preview != e.Preview || *again.Subject != *e.Subject {
		r.Errorf("from memory: %+v", again)
	}
	e = r.get(allFields, id)[id]
	if len(e.BodyValues) != 1 || e.BodyValues[0].Value != "Hello Ann, this is the text." || len(e.Attachments) != 1 {
		r.Fatalf("body: %+v", e)
	}
	r.wantBlob(e.Attachments[0].BlobID, "Hello PDF")
	r.wantBlob(e.BlobID, letter)
	if uint64(len(letter)) != e.Size {
		r.Errorf("size %d, want %d", e.Size, len(letter))
	}
}

func (r *rig) wantBlob(id jmap.BlobID, want string) {
	r.Helper()
	b, err := r.a.BlobOpen(r.ctx, id, jmap.ByteRange{})
	r.must(err)
	defer b.Body.Close()
	got, err := io.ReadAll(b.Body)
	r.must(err)
	if string(got) != want {
		r.Errorf("blob: %q, want %q", got, want)
	}
}

func testChangeAndMove(r *rig) {
	for _, s := range []string{"one", "two", "three"} {
		r.deliver("INBOX", upstreamtest.Mail(s))
	}
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	ids := r.waitFor(inbox, 3)
	state, err := r.a.State(r.ctx, jmap.TypeEmail)
	r.must(err)
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{IfInState: state, Update: []jmap.EmailUpdate{
		{ID: ids[0], Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$seen", "$flagged"}}},
		{ID: ids[1], Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$seen"}},
			MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Replace: true, Values: []jmap.MailboxID{archive}}},
		{ID: "nothing"},
	}, Destroy: ids[2:]})
	r.must(err)
	if len(res.Updated) != 2 || len(res.Destroyed) != 1 || res.NotUpdated["nothing"] == nil || res.NotUpdated["nothing"].Type != jmap.SetNotFound {
		r.Fatalf("set: %+v %+v %+v", res, res.NotUpdated[ids[0]], res.NotUpdated[ids[1]])
	}
	got := r.get(listFields, ids...)
	if len(got) != 2 || !slices.Contains(got[ids[0]].Keywords, "$flagged") || !slices.Equal(got[ids[1]].MailboxIDs, []jmap.MailboxID{archive}) ||
		!slices.Contains(got[ids[1]].Keywords, "$seen") {
		r.Errorf("after: %+v", got)
	}
	// The id survived, and a client that was at the old state is told "updated".
	ch, err := r.a.Changes(r.ctx, jmap.TypeEmail, state, 100)
	r.must(err)
	slices.Sort(ch.Updated)
	want := []string{string(ids[0]), string(ids[1])}
	slices.Sort(want)
	if !slices.Equal(ch.Updated, want) || !slices.Equal(ch.Destroyed, []string{string(ids[2])}) || len(ch.Created) != 0 {
		r.Errorf("changes: %+v", ch)
	}
	if res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{IfInState: state}); err != jmap.StateMismatch && !strings.Contains(fmt.Sprint(err), "stateMismatch") {
		r.Errorf("an old state: %+v, %v", res, err)
	}
	// What the other program sees.
	uids, _, err := r.other.UIDs(r.ctx, "INBOX")
	r.must(err)
	if uids.Count() != 1 {
		r.Errorf("the server's inbox has %d mails, want 1", uids.Count())
	}
}

// Trap 4: a move by another program is an update.
func testForeignMoveKeepsTheID(r *rig) {
	r.deliver("INBOX", letter)
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	id := r.waitFor(inbox, 1)[0]
	state, _ := r.a.State(r.ctx, jmap.TypeEmail)
	uids, m, err := r.other.UIDs(r.ctx, "INBOX")
	r.must(err)
	_, err = r.other.Move(r.ctx, upstream.Place{Box: "INBOX", Validity: m.UIDValidity}, uids, "Archive")
	r.must(err)
	if got := r.waitFor(archive, 1); got[0] != id {
		r.Errorf("after the move it is %s, was %s", got[0], id)
	}
	r.waitFor(inbox, 0)
	ch, err := r.a.Changes(r.ctx, jmap.TypeEmail, state, 100)
	r.must(err)
	if len(ch.Created)+len(ch.Destroyed) > 0 || !slices.Equal(ch.Updated, []string{string(id)}) {
		r.Errorf("changes: %+v, want one update", ch)
	}
	if e := r.get(allFields, id)[id]; e.Subject == nil {
		r.Errorf("cannot be read any more: %+v", e)
	}
}

func testDraftAndSend(r *rig) {
	up, err := r.a.BlobPut(r.ctx, strings.NewReader("attached bytes"))
	r.must(err)
	r.wantBlob(up.ID, "attached bytes")
	drafts, sentBox := r.box(jmap.RoleDrafts), r.box(jmap.RoleSent)
	text := "Dear Bob,\nthanks.\n"
	address := func(a string) jmap.HeaderValue { return jmap.HeaderValue{{Addresses: []jmap.Address{{Email: a}}}} }
	header := func(name string, form jmap.HeaderForm, v jmap.HeaderValue) jmap.HeaderSet {
		return jmap.HeaderSet{HeaderProp: jmap.HeaderProp{Property: strings.ToLower(name), Name: name, Form: form}, Value: v}
	}
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Create: []jmap.EmailCreate{{
		CreationID: "d", MailboxIDs: []jmap.MailboxID{drafts}, Keywords: []jmap.Keyword{"$draft", "$seen"},
		Headers: []jmap.HeaderSet{
			header("From", jmap.FormAddresses, address("ann@example.org")), header("To", jmap.FormAddresses, address("bob@example.org")),
			header("Bcc", jmap.FormAddresses, address("secret@example.org")),
			header("Subject", jmap.FormText, jmap.HeaderValue{{Text: "Größe"}}),
		},
		Body: &jmap.NewPart{Type: "multipart/mixed", SubParts: []*jmap.NewPart{
			{Type: "text/plain", Text: &text}, {Type: "application/octet-stream", BlobID: up.ID, Name: "x.bin", Disposition: "attachment"},
		}},
	}}})
	r.must(err)
	d := res.Created["d"]
	if d == nil {
		r.Fatalf("not created: %+v", res.NotCreated["d"])
	}
	e := r.get(allFields, d.ID)[d.ID]
	if *e.Subject != "Größe" || len(e.MessageID) != 1 || e.BodyValues[0].Value != text || !slices.Contains(e.Keywords, "$draft") ||
		e.ThreadID != d.ThreadID || e.BlobID != d.BlobID || e.Size != d.Size {
		r.Errorf("draft: %+v\ncreated: %+v", e, d)
	}
	ids, _, _, err := r.a.IdentityGet(r.ctx, nil)
	r.must(err)
	sub, err := r.a.SubmissionSet(r.ctx, &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{{CreationID: "s", IdentityID: ids[0].ID, EmailID: d.ID}}})
	r.must(err)
	if sub.Created["s"] == nil {
		r.Fatalf("not sent: %+v", sub.NotCreated["s"])
	}
	r.sent.mu.Lock()
	mails, to := r.sent.mails, r.sent.to
	r.sent.mu.Unlock()
	if len(mails) != 1 || strings.Contains(mails[0], "secret@") || !strings.Contains(mails[0], e.MessageID[0]) {
		r.Fatalf("transmitted: %q", mails)
	}
	if !slices.Equal(to[0], []string{"bob@example.org", "secret@example.org"}) {
		r.Errorf("recipients: %v", to)
	}
	// What onSuccessUpdateEmail does.
	set, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: d.ID,
		Keywords:   &jmap.SetPatch[jmap.Keyword]{Remove: []jmap.Keyword{"$draft"}},
		MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Add: []jmap.MailboxID{sentBox}, Remove: []jmap.MailboxID{drafts}}}}})
	r.must(err)
	if _, ok := set.Updated[d.ID]; !ok {
		r.Fatalf("not filed: %+v", set.NotUpdated[d.ID])
	}
	e = r.get(allFields, d.ID)[d.ID]
	if !slices.Equal(e.MailboxIDs, []jmap.MailboxID{sentBox}) || len(e.Bcc) != 1 || slices.Contains(e.Keywords, "$draft") {
		r.Errorf("in Sent: %+v", e)
	}
}

func testSearch(r *rig) {
	r.deliver("INBOX", upstreamtest.Mail("green apple"))
	r.deliver("Archive", upstreamtest.Mail("red apple"))
	inbox := r.box(jmap.RoleInbox)
	r.waitFor(inbox, 1)
	r.waitFor(r.box(jmap.RoleArchive), 1)
	find := func(c jmap.EmailCondition) []string {
		var out []string
		for _, e := range r.get(listFields, r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &c})...) {
			out = append(out, *e.Subject)
		}
		slices.Sort(out)
		return out
	}
	for _, c := range []struct {
		what string
		cond jmap.EmailCondition
		want []string
	}{
		{"all folders", jmap.EmailCondition{Subject: "apple"}, []string{"green apple", "red apple"}},
		{"one folder", jmap.EmailCondition{InMailbox: inbox, Text: "apple"}, []string{"green apple"}},
		{"phrase", jmap.EmailCondition{Text: `"red apple"`}, []string{"red apple"}},
		{"two words", jmap.EmailCondition{Text: `apple green`}, []string{"green apple"}},
		{"not there", jmap.EmailCondition{Text: `pear`}, nil},
	} {
		if got := find(c.cond); !slices.Equal(got, c.want) {
			r.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// A first page is there before the index is.
func TestFirstPageWithoutIndex(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	for i := range 300 {
		a.Deliver("INBOX", []byte(upstreamtest.Mail(fmt.Sprint("mail ", i))), time.Unix(int64(1000000+i), 0))
	}
	acc, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: a.Open(), Key: testKey, Uploads: account.NewMemoryUploads()})
	if err != nil {
		t.Fatal(err)
	}
	list, _, _, _ := acc.MailboxGet(t.Context(), nil)
	for _, m := range list {
		if m.Role != jmap.RoleInbox {
			continue
		}
		if m.TotalEmails != 300 {
			t.Errorf("total %d before the index is there, want 300", m.TotalEmails)
		}
		q := &jmap.EmailQuery{Filter: inMailbox(m.ID), Sort: []jmap.Comparator{{Property: jmap.SortReceivedAt, Descending: true}}, Window: jmap.Window{Limit: 50}}
		first, err := acc.EmailQuery(t.Context(), q)
		if err != nil || len(first.IDs) != 50 || first.Total != 300 || first.CanCalculateChanges {
			t.Fatalf("first page: %+v, %v", first, err)
		}
		n := 0
		if _, _, err := acc.EmailGet(t.Context(), first.IDs, listFields, func(*jmap.Email) error { n++; return nil }); err != nil || n != 50 {
			t.Fatalf("got %d of the first page: %v", n, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- acc.Run(ctx) }()
		if err := acc.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		full, err := acc.EmailQuery(t.Context(), q)
		if err != nil || !slices.Equal(full.IDs, first.IDs) || !full.CanCalculateChanges {
			t.Errorf("the index says otherwise: %v", err)
		}
		cancel()
		<-done
	}
}
