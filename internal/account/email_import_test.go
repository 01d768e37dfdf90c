package account_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestImport stores and parses messages over memory and real servers.
func TestImport(t *testing.T) {
	forEachUpstream(t, []testCase{
		{"import", testImport},
		{"several", testImportIntoSeveral},
		{"twice", testImportTwice},
		{"refused", testImportOfNoMessage},
		{"nested", testParseNested},
		{"truncated", testParseTruncated},
	})
}

func (r *rig) upload(data string) jmap.BlobID {
	r.Helper()
	up, err := r.a.BlobPut(r.ctx, strings.NewReader(data))
	r.must(err)
	return up.ID
}

func (r *rig) importAll(set jmap.EmailImport) jmap.EmailSetResult {
	r.Helper()
	res, err := r.a.EmailImport(r.ctx, &set)
	r.must(err)
	return res
}

// crlf ends the lines of a mail as mail does.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

const foreign = "Received: from a by b; Tue, 3 Mar 2026 10:00:00 +0100\nReceived: from b by c; Mon, 2 Mar 2026 10:00:00 +0100\n" +
	"From: Жанна <жанна@пример.рф>\nTo: ann@example.org\nSubject: Привет, мир\nMessage-ID: <foreign@example.org>\n\nТекст.\n"

// A message with headers in UTF-8 (RFC 6532), whose lines end in LF.
func testImport(r *rig) {
	inbox, before := r.box(jmap.RoleInbox), r.state(jmap.TypeEmail)
	blob := r.upload(foreign)
	res := r.importAll(jmap.EmailImport{IfInState: before, Emails: []jmap.ImportedEmail{{CreationID: "k", BlobID: blob,
		MailboxIDs: []jmap.MailboxID{inbox}, Keywords: []jmap.Keyword{"$seen", "$flagged"}}}})
	made := res.Created["k"]
	if made == nil {
		r.Fatalf("not imported: %v", res.NotCreated["k"])
	}
	if res.NewState == before || res.NewState != r.state(jmap.TypeEmail) {
		r.Errorf("states %q to %q, were %q", res.OldState, res.NewState, before)
	}
	e := r.get(allFields, made.ID)[made.ID]
	if e.Subject == nil || *e.Subject != "Привет, мир" || len(e.From) != 1 || e.From[0].Email != "жанна@пример.рф" || *e.From[0].Name != "Жанна" {
		r.Errorf("header: %+v", e)
	}
	if want := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC); !e.ReceivedAt.Equal(want) {
		r.Errorf("received at %v, want %v, when the last server took it", e.ReceivedAt, want)
	}
	if !slices.Contains(e.Keywords, "$seen") || !slices.Contains(e.Keywords, "$flagged") || !slices.Equal(e.MailboxIDs, []jmap.MailboxID{inbox}) {
		r.Errorf("filed: %+v", e)
	}
	if made.BlobID == blob || made.BlobID != e.BlobID || made.ThreadID != e.ThreadID || made.Size != e.Size {
		r.Errorf("created %+v, is %+v", made, e)
	}
	r.wantBlob(made.BlobID, crlf(foreign))
	if _, err := r.a.EmailImport(r.ctx, &jmap.EmailImport{IfInState: before}); err == nil {
		r.Error("an import in an old state was made")
	}
}

func testImportIntoSeveral(r *rig) {
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	nameless := crlf("From: bob@example.org\nSubject: no id\n\nx\n")
	res := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{
		{CreationID: "k", BlobID: r.upload(nameless), MailboxIDs: []jmap.MailboxID{inbox, archive}, ReceivedAt: when},
		{CreationID: "lost", BlobID: r.upload(letter), MailboxIDs: []jmap.MailboxID{inbox, "Mnone"}},
	}})
	made := res.Created["k"]
	if made == nil {
		r.Fatalf("not imported: %v", res.NotCreated["k"])
	}
	if why := res.NotCreated["lost"]; why == nil || why.Type != jmap.SetInvalidProperties || !slices.Equal(why.Properties, []string{"mailboxIds"}) {
		r.Errorf("into a mailbox that is not there: %v", why)
	}
	e := r.get(allFields, made.ID)[made.ID]
	boxes := slices.Sorted(slices.Values(e.MailboxIDs))
	if !slices.Equal(boxes, slices.Sorted(slices.Values([]jmap.MailboxID{inbox, archive}))) || !e.ReceivedAt.Equal(when) {
		r.Errorf("filed: %+v", e)
	}
	if ids := r.query(nil); len(ids) != 1 {
		r.Errorf("%d mails, want the one", len(ids))
	}
}

func testImportTwice(r *rig) {
	r.deliver("INBOX", letter)
	id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
	archive := r.box(jmap.RoleArchive)
	other := strings.Replace(letter, "this is the text", "this is anything", 1) // of the same size and Message-ID
	res := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{
		{CreationID: "same", BlobID: r.upload(letter), MailboxIDs: []jmap.MailboxID{archive}},
		{CreationID: "own", BlobID: r.get(allFields, id)[id].BlobID, MailboxIDs: []jmap.MailboxID{archive}},
		{CreationID: "new", BlobID: r.upload(other), MailboxIDs: []jmap.MailboxID{archive}, ReceivedAt: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)},
	}})
	for _, k := range []jmap.CreationID{"same", "own"} {
		if why := res.NotCreated[k]; why == nil || why.Type != jmap.SetAlreadyExists || why.ExistingID != string(id) {
			r.Errorf("%s: %+v, want alreadyExists with %s", k, why, id)
		}
	}
	made := res.Created["new"]
	if made == nil || made.ID == id {
		r.Fatalf("one that only looks the same: %+v, %v", made, res.NotCreated["new"])
	}
	// It is another Email, whose keywords are its own.
	_, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: made.ID, Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}}}})
	r.must(err)
	got := r.get(listFields, id, made.ID)
	if slices.Contains(got[id].Keywords, "$flagged") || !slices.Contains(got[made.ID].Keywords, "$flagged") {
		r.Errorf("keywords: %+v", got)
	}
	if ids := r.query(inMailbox(archive)); !slices.Equal(ids, []jmap.EmailID{made.ID}) {
		r.Errorf("the archive has %v", ids)
	}
}

func testImportOfNoMessage(r *rig) {
	inbox := []jmap.MailboxID{r.box(jmap.RoleInbox)}
	res := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{
		{CreationID: "png", BlobID: r.upload("\x89PNG\r\n\x1a\n\x00\x00"), MailboxIDs: inbox},
		{CreationID: "gone", BlobID: "Bnothing", MailboxIDs: inbox},
		{CreationID: "key", BlobID: r.upload(letter), MailboxIDs: inbox, Keywords: []jmap.Keyword{"$deleted"}},
		{CreationID: "nul", BlobID: r.upload("Subject: a\x00b\r\n\r\nx\r\n"), MailboxIDs: inbox},
	}})
	if why := res.NotCreated["png"]; why == nil || why.Type != jmap.SetInvalidEmail {
		r.Errorf("an image: %v", why)
	}
	if why := res.NotCreated["gone"]; why == nil || why.Type != jmap.SetInvalidProperties || !slices.Equal(why.Properties, []string{"blobId"}) {
		r.Errorf("no blob: %v", why)
	}
	if made := res.Created["nul"]; made == nil {
		r.Errorf("with a NUL: %v", res.NotCreated["nul"])
	} else {
		r.wantBlob(made.BlobID, "Subject: ab\r\n\r\nx\r\n")
	}
}

// testParseNested parses a mail in a mail in an upload, and one that is attached
// in base64 to a stored mail, and imports the innermost.
func testParseNested(r *rig) {
	inner := letter
	middle := "From: m@example.org\r\nSubject: middle\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\ntext\r\n--m\r\n" +
		"Content-Type: message/rfc822\r\n\r\n" + inner + "\r\n--m--\r\n"
	outer := "From: o@example.org\r\nMessage-ID: <o@x>\r\nSubject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\ntext\r\n--o\r\n" +
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(middle)) + "\r\n--o--\r\n"
	r.deliver("INBOX", outer)
	id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
	stored := r.get(allFields, id)[id]
	for what, blob := range map[string]jmap.BlobID{"upload": r.upload(outer), "mail": stored.BlobID} {
		for _, subject := range []string{"outer", "middle", "Grüße"} {
			e := r.parse(blob)
			if e.Subject == nil || *e.Subject != subject || e.BlobID != blob || len(e.Attachments) != 1 || len(e.BodyValues) != 1 || !e.HasAttachment {
				r.Fatalf("%s, %s: %+v", what, subject, e)
			}
			blob = e.Attachments[0].BlobID
		}
		r.wantBlob(blob, "Hello PDF")
		b, err := r.a.BlobOpen(r.ctx, blob, jmap.ByteRange{Offset: 6, Length: 2})
		r.must(err)
		if got, _ := io.ReadAll(b.Body); string(got) != "PD" || b.Size != 9 {
			r.Errorf("%s: a range of it is %q of %d", what, got, b.Size)
		}
	}
	middleBlob := stored.Attachments[0].BlobID
	innerBlob := r.parse(middleBlob).Attachments[0].BlobID
	res := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{{CreationID: "k", BlobID: innerBlob, MailboxIDs: []jmap.MailboxID{r.box(jmap.RoleArchive)}}}})
	if res.Created["k"] == nil {
		r.Fatalf("the innermost is not imported: %v", res.NotCreated["k"])
	}
	r.wantBlob(res.Created["k"].BlobID, inner)
}

// testParseTruncated cuts body values at every length: they are not longer than
// asked for, whole characters, and do not end inside of a tag. The fields are in
// UTF-8 (RFC 6532).
func testParseTruncated(r *rig) {
	const text, html = "Größe: 5 €\n", "<p>Grüße <a href=\"https://example.com/?a>b\">hier</a> €</p>"
	blob := r.upload(crlf("From: Жанна <жанна@пример.рф>\nSubject: Größe\nContent-Type: multipart/alternative; boundary=b\n\n--b\n" +
		"Content-Type: text/plain; charset=utf-8\n\n" + text + "\n--b\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n--b--\n"))
	for most := 1; most <= len(html)+1; most++ {
		want := *allFields
		want.MaxBodyValueBytes = most
		n := 0
		_, _, err := r.a.EmailParse(r.ctx, []jmap.BlobID{blob}, &want, func(_ jmap.BlobID, e *jmap.Email) error {
			if *e.Subject != "Größe" || e.From[0].Email != "жанна@пример.рф" || *e.From[0].Name != "Жанна" {
				r.Fatalf("header: %+v", e)
			}
			for _, v := range e.BodyValues {
				n++
				full := text
				if strings.HasPrefix(v.Value, "<") || v.PartID == "2" {
					full = html
				}
				if len(v.Value) > most || !utf8.ValidString(v.Value) || !strings.HasPrefix(full, v.Value) || v.IsTruncated != (v.Value != full) {
					r.Errorf("at most %d bytes: %q of %q, truncated %v", most, v.Value, full, v.IsTruncated)
				}
				if full == html && strings.Count(v.Value, "<") > strings.Count(strings.ReplaceAll(v.Value, "a>b", ""), ">") {
					r.Errorf("at most %d bytes: %q ends inside of a tag", most, v.Value)
				}
			}
			return nil
		})
		r.must(err)
		if n != 2 {
			r.Fatalf("%d values", n)
		}
	}
}

// parse parses one blob that must be a message.
func (r *rig) parse(id jmap.BlobID) (out jmap.Email) {
	r.Helper()
	notParsable, notFound, err := r.a.EmailParse(r.ctx, []jmap.BlobID{id}, allFields, func(_ jmap.BlobID, e *jmap.Email) error {
		out = *e
		return nil
	})
	r.must(err)
	if len(notParsable)+len(notFound) > 0 {
		r.Fatalf("not parsable %v, not found %v", notParsable, notFound)
	}
	return out
}

// TestParseDeep: a mail that is nested deeper than an id can say is still parsed,
// and its parts are not found rather than wrong.
func TestParseDeep(t *testing.T) {
	r := memoryRig(t)
	const levels = 95
	raw := strings.Repeat("Subject: shell\r\nContent-Type: message/rfc822\r\n\r\n", levels) + "Subject: core\r\n\r\nx"
	blob := r.upload(raw)
	deep := 0
	for ; ; deep++ {
		e := r.parse(blob)
		if len(e.Attachments) != 1 || !jmap.ValidID(string(e.Attachments[0].BlobID)) {
			t.Fatalf("level %d: %+v", deep, e)
		}
		blob = e.Attachments[0].BlobID
		b, err := r.a.BlobOpen(r.ctx, blob, jmap.ByteRange{})
		if err != nil {
			if !errors.Is(err, jmap.ErrNotFound) {
				t.Fatal(err)
			}
			break
		}
		b.Body.Close()
	}
	if deep < 50 {
		t.Errorf("at level %d an id could no longer say where a part is", deep)
	}
}

// TestParseRefuses: what is no message, what is not there, and what is too long.
func TestParseRefuses(t *testing.T) {
	r := memoryRig(t)
	png := r.upload("\x89PNG\r\n")
	const head = "Subject: long\r\n\r\n"
	_, err := r.other.Append(r.ctx, "INBOX", upstream.Message{Size: account.MaxParsed + 1,
		Body: io.MultiReader(strings.NewReader(head), io.LimitReader(manyA{}, account.MaxParsed+1-int64(len(head))))})
	r.must(err)
	id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
	long := r.get(&jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropBlobID}, id)[id].BlobID
	notParsable, notFound, err := r.a.EmailParse(r.ctx, []jmap.BlobID{png, "Bnone", long}, allFields, func(jmap.BlobID, *jmap.Email) error { return nil })
	r.must(err)
	if !slices.Equal(notParsable, []jmap.BlobID{png, long}) || !slices.Equal(notFound, []jmap.BlobID{"Bnone"}) {
		t.Errorf("not parsable %v, not found %v", notParsable, notFound)
	}
}

type manyA struct{}

func (manyA) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// TestMender: line ends and NULs, however the bytes come in.
func TestMender(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"a":                "a",
		"a\nb":             "a\r\nb",
		"a\r\nb\r\n":       "a\r\nb\r\n",
		"a\rb\r":           "a\r\nb\r\n",
		"\n\n\r\r\n\r\n\n": "\r\n\r\n\r\n\r\n\r\n\r\n",
		"a\x00b\x00":       "ab",
		"a\r\x00\nb":       "a\r\nb",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)),
			"with EOF": iotest.DataErrReader(strings.NewReader(in))} {
			got, err := io.ReadAll(iotest.OneByteReader(account.NewMender(r)))
			if err != nil || string(got) != want {
				t.Errorf("%q, %s: %q, %v, want %q", in, name, got, err, want)
			}
		}
	}
}

// FuzzMender: every line ends in CRLF, nothing else is lost, and what was mended
// stays as it is.
func FuzzMender(f *testing.F) {
	f.Add([]byte("a\nb\rc\r\nd\x00"))
	f.Add([]byte("\r\r\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := io.ReadAll(account.NewMender(bytes.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		twice, _ := io.ReadAll(account.NewMender(bytes.NewReader(once)))
		if !bytes.Equal(once, twice) {
			t.Fatalf("%q becomes %q, and then %q", in, once, twice)
		}
		bare := bytes.ReplaceAll(once, []byte("\r\n"), nil)
		if bytes.ContainsAny(bare, "\r\n\x00") {
			t.Fatalf("%q becomes %q", in, once)
		}
		drop := func(b []byte) string {
			return strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(string(b))
		}
		if drop(in) != drop(once) {
			t.Fatalf("%q becomes %q", in, once)
		}
	})
}

// memoryRig is a rig over memory.
func memoryRig(t *testing.T) *rig {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	return newRig(t, mem.Open(), mem.Open())
}
