package message

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func compose(t *testing.T, d Draft) (*Message, []byte) {
	t.Helper()
	c, err := Compose(d)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != c.Size() || int64(b.Len()) != n {
		t.Fatalf("wrote %d bytes of %d: %v", n, c.Size(), err)
	}
	checkWire(t, b.Bytes())
	return Parse(b.Bytes()), b.Bytes()
}

// checkWire asserts what RFC 5322 section 2.1.1 and RFC 2045 section 2.7 ask of
// any message: CRLF only, lines of at most 998 bytes, no NUL.
func checkWire(t *testing.T, raw []byte) {
	t.Helper()
	for _, line := range strings.Split(string(raw), "\r\n") {
		if len(line) > maxLine || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("bad line of %d bytes: %.100q", len(line), line)
		}
	}
	if _, err := mail.ReadMessage(bytes.NewReader(raw)); err != nil {
		t.Fatalf("net/mail refuses it: %v\n%.500s", err, raw)
	}
}

func opener(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

func field(name string, v FieldValue) DraftField {
	return DraftField{Property: strings.ToLower(name), Name: name, Value: v}
}

func TestComposeRoundTrip(t *testing.T) {
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", 3600))
	to := []Address{{"Jörg Müller", "joerg@example.com"}, {"Doe, John", "j@example.com"}, {"", "plain@example.com"}, {`A "q" \ b`, "q@example.com"}, {"=?utf-8?Q?x?=", "e@example.com"}, {"日本語の名前がとても長い場合の折り返しの試験です", "jp@example.com"}}
	groups := []Group{{Addresses: []Address{{"", "a@b.example"}}}, {Name: "Freunde & Söhne", IsGroup: true, Addresses: []Address{{"X", "x@y.example"}}}, {Name: "empty", IsGroup: true, Addresses: []Address{}}}
	refs := []string{}
	for i := range 40 {
		refs = append(refs, strings.Repeat("r", 20)+string(rune('a'+i%26))+"@example.com")
	}
	m, raw := compose(t, Draft{
		Now: date, Domain: "example.com",
		Fields: []DraftField{
			field("Subject", TextValue("Grüße aus  Köln – "+strings.Repeat("sehr langer Betreff ", 20))),
			field("To", AddressesValue(to)), field("Cc", GroupsValue(groups)),
			field("References", MessageIDsValue(refs)), field("List-Post", URLsValue{"mailto:a@b.example", "https://x.example/"}),
			field("X-Raw", RawValue(" as\r\n it is")), field("X-Text", TextValue("plain ascii text that is long enough to be folded at about here, and once more here, I think")),
			field("Resent-Date", DateValue(date)),
		},
		Body: &DraftPart{Type: "text/plain", Text: "Hallo\nWelt\n"},
	})
	h := m.Header
	last := func(name string) Field { f, _ := h.Last(name); return f }
	if got := last("Subject").Text(); got != "Grüße aus  Köln – "+strings.Repeat("sehr langer Betreff ", 20) {
		t.Errorf("subject %q", got)
	}
	if d := cmp.Diff(to, last("To").Addresses()); d != "" {
		t.Errorf("To (-want +got):\n%s\n%s", d, last("To").Value)
	}
	if d := cmp.Diff(groups, last("Cc").GroupedAddresses()); d != "" {
		t.Errorf("Cc (-want +got):\n%s\n%s", d, last("Cc").Value)
	}
	if d := cmp.Diff(refs, last("References").MessageIDs()); d != "" {
		t.Errorf("References (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"mailto:a@b.example", "https://x.example/"}, last("List-Post").URLs()); d != "" {
		t.Errorf("List-Post (-want +got):\n%s", d)
	}
	if got := last("X-Raw").Value; got != " as\r\n it is" {
		t.Errorf("raw %q", got)
	}
	if got := last("X-Text").Text(); !strings.HasSuffix(got, "long enough to be folded at about here, and once more here, I think") {
		t.Errorf("text %q", got)
	}
	if d, ok := last("Date").Date(); !ok || !d.Equal(date) {
		t.Errorf("date %v", d)
	}
	if ids := last("Message-ID").MessageIDs(); len(ids) != 1 || !strings.HasSuffix(ids[0], "@example.com") {
		t.Errorf("message id %q", ids)
	}
	if v := m.Body.Value(0).Value; v != "Hallo\nWelt\n" {
		t.Errorf("body %q", v)
	}
	for _, line := range strings.Split(string(raw), "\r\n") {
		if len(line) > 80 {
			t.Errorf("line of %d bytes: %s", len(line), line)
		}
	}
}

func TestComposeParts(t *testing.T) {
	long := strings.Repeat("x", 2000) + "\nä\nFrom here\n trailing \n"
	binary := string([]byte{0, 1, 2, 255, 13, 10, 10})
	name := "Übersicht der Zahlen – " + strings.Repeat("lang ", 20) + ".pdf"
	m, _ := compose(t, Draft{Body: &DraftPart{Type: "multipart/mixed", SubParts: []*DraftPart{
		{Type: "multipart/alternative", SubParts: []*DraftPart{
			{Type: "text/plain", Text: long},
			{Type: "multipart/related", SubParts: []*DraftPart{
				{Type: "text/html", Text: "<p>" + strings.Repeat("日本", 100)},
				{Type: "image/png", Open: opener(binary), CID: "a@b", Disposition: "inline", Language: []string{"de", "en"}, Location: "http://x.example/a.png"},
			}},
		}},
		{Type: "application/pdf", Name: name, Disposition: "attachment", Open: opener(binary)},
		{Type: "application/x-a", Name: "plain name.bin", Open: opener("x")},
		{Type: "message/rfc822", Open: opener("Subject: x\n\nhi\n")},
		{Type: "message/rfc822", Open: opener("Subject: x\n\n\x00\n")},
	}}})
	got := structure(m.Body, "")
	for _, want := range []string{
		"- multipart/mixed", "  - multipart/alternative", `1.1 text/plain`, `1.2.1 text/html`,
		`1.2.2 image/png 7 disposition="inline" cid="a@b" language="de,en" location="http://x.example/a.png" encoding="base64"`,
		`2 application/pdf 7 name="` + name + `" disposition="attachment"`, `3 application/x-a 1 name="plain name.bin" encoding="base64"`,
		`4 message/rfc822`, `encoding="7bit"`, `5 application/octet-stream`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if v := m.Body.Find("1.1").Value(0); v.Value != long || v.IsEncodingProblem {
		t.Errorf("text %q", v.Value)
	}
	if v := m.Body.Find("1.2.1").Value(0); v.Value != "<p>"+strings.Repeat("日本", 100) {
		t.Errorf("html %q", v.Value)
	}
	if data, _ := m.Body.Find("2").Decoded(); string(data) != binary {
		t.Errorf("attachment %q", data)
	}
	if e := m.Body.Find("4").Embedded; e == nil || e.Header.Text("Subject") != "x" {
		t.Errorf("embedded %+v", e)
	}
}

func TestComposeRefuses(t *testing.T) {
	text := &DraftPart{Type: "text/plain"}
	part := func(p DraftPart) Draft { p.Property = "attachments/0"; return Draft{Body: &p} }
	fields := func(f ...DraftField) Draft { return Draft{Fields: f, Body: text} }
	for name, c := range map[string]struct {
		draft    Draft
		property string
	}{
		"line break in subject":    {fields(field("Subject", TextValue("a\r\nBcc: x@y"))), "subject"},
		"lf in subject":            {fields(field("Subject", TextValue("a\nb"))), "subject"},
		"nul in subject":           {fields(field("Subject", TextValue("a\x00b"))), "subject"},
		"bad utf-8":                {fields(field("Subject", TextValue("a\xff"))), "subject"},
		"line break in name":       {fields(field("To", AddressesValue{{"a\nb", "x@y"}})), "to"},
		"line break in address":    {fields(field("To", AddressesValue{{"a", "x@y\r\nX: y"}})), "to"},
		"list in address":          {fields(field("To", AddressesValue{{"a", "x@y, z@w"}})), "to"},
		"bracket in address":       {fields(field("To", AddressesValue{{"a", "x@y>"}})), "to"},
		"line break in id":         {fields(field("References", MessageIDsValue{"a\r\n@b"})), "references"},
		"bracket in id":            {fields(field("References", MessageIDsValue{"a>@b"})), "references"},
		"space in url":             {fields(field("List-Post", URLsValue{"a b"})), "list-post"},
		"raw that ends the header": {fields(field("X-A", RawValue(" a\r\n\r\nbody"))), "x-a"},
		"raw with a new field":     {fields(field("X-A", RawValue(" a\r\nBcc: b"))), "x-a"},
		"raw with a bare lf":       {fields(field("X-A", RawValue(" a\n b"))), "x-a"},
		"raw with an empty fold":   {fields(field("X-A", RawValue(" a\r\n  \r\n b"))), "x-a"},
		"raw with a nul":           {fields(field("X-A", RawValue("\x00"))), "x-a"},
		"raw too long":             {fields(field("X-A", RawValue(strings.Repeat("x", 1000)))), "x-a"},
		"name with a colon":        {fields(field("X:A", RawValue("x"))), "x:a"},
		"name with a break":        {fields(field("X\r\nA", RawValue("x"))), "x\r\na"},
		"wrong form":               {fields(field("From", TextValue("x"))), "from"},
		"content field":            {fields(field("Content-Type", RawValue(" text/html"))), "content-type"},
		"transfer encoding":        {part(DraftPart{Fields: []DraftField{field("Content-Transfer-Encoding", RawValue(" 8bit"))}}), "content-transfer-encoding"},
		"two properties":           {fields(DraftField{"from", "From", AddressesValue{}}, DraftField{"header:from", "from", RawValue(" x")}), "header:from"},
		"year":                     {fields(field("Date", DateValue(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)))), "date"},
		"type":                     {part(DraftPart{Type: "text/html\r\nX: y"}), "attachments/0/type"},
		"type with parameter":      {part(DraftPart{Type: "text/html; a=b"}), "attachments/0/type"},
		"name":                     {part(DraftPart{Name: "a\r\nb"}), "attachments/0/name"},
		"disposition":              {part(DraftPart{Disposition: "in line"}), "attachments/0/disposition"},
		"cid":                      {part(DraftPart{CID: "a> <b"}), "attachments/0/cid"},
		"location":                 {part(DraftPart{Location: "http://x y"}), "attachments/0/location"},
		"language":                 {part(DraftPart{Language: []string{"d e"}}), "attachments/0/language"},
		"empty multipart":          {part(DraftPart{Type: "multipart/mixed"}), "attachments/0/subParts"},
		"parts in text":            {part(DraftPart{SubParts: []*DraftPart{text}}), "attachments/0/subParts"},
		"header on both":           {Draft{Fields: []DraftField{field("Subject", TextValue("a"))}, Body: &DraftPart{Fields: []DraftField{{"bodyStructure/header:Subject", "Subject", TextValue("b")}}}}, "bodyStructure/header:Subject"},
	} {
		_, err := Compose(c.draft)
		var p *PropertyError
		if !errors.As(err, &p) || p.Property != c.property || p.Reason == "" {
			t.Errorf("%s: %v, want a refusal of %s", name, err, c.property)
		}
	}
}

func TestComposeLimits(t *testing.T) {
	deep := &DraftPart{Type: "text/plain"}
	for range MaxBuildDepth + 1 {
		deep = &DraftPart{Type: "multipart/mixed", SubParts: []*DraftPart{deep}}
	}
	if _, err := Compose(Draft{Body: deep}); err == nil {
		t.Error("depth is not limited")
	}
	wide := &DraftPart{Type: "multipart/mixed"}
	for range MaxBuildParts {
		wide.SubParts = append(wide.SubParts, &DraftPart{})
	}
	if _, err := Compose(Draft{Body: wide}); err == nil {
		t.Error("parts are not limited")
	}
}

// TestComposeHalfTyped keeps drafts that are not valid yet.
func TestComposeHalfTyped(t *testing.T) {
	want := []Address{{"", "half"}, {"Anna", ""}, {"Bob", "bob@"}, {"", `"a b"@c.example`}}
	m, _ := compose(t, Draft{Fields: []DraftField{field("To", AddressesValue(want)), field("Cc", AddressesValue{})}})
	f, _ := m.Header.Last("To")
	if d := cmp.Diff(want, f.Addresses()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestComposeInternationalDomain(t *testing.T) {
	m, raw := compose(t, Draft{Domain: "bücher.example", Fields: []DraftField{field("To", AddressesValue{{"", "a@bücher.example"}, {"", "jörg@bücher.example"}})}})
	f, _ := m.Header.Last("To")
	if d := cmp.Diff([]Address{{"", "a@xn--bcher-kva.example"}, {"", "jörg@xn--bcher-kva.example"}}, f.Addresses()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !bytes.Contains(raw, []byte("@xn--bcher-kva.example>\r\n")) {
		t.Error("Message-ID has no ASCII domain")
	}
}

func TestComposeOpenError(t *testing.T) {
	boom := errors.New("blob is gone")
	_, err := Compose(Draft{Body: &DraftPart{Type: "image/png", Open: func() (io.ReadCloser, error) { return nil, boom }}})
	if !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}
