package message

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		f.Add(readFile(f, file))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		checkPart(t, "fuzz", m.Body)
		seen := map[string]bool{}
		m.Body.Walk(func(p *Part) {
			checkPart(t, "fuzz", p)
			if p.PartID != "" && seen[p.PartID] {
				t.Errorf("part id %s twice", p.PartID)
			}
			seen[p.PartID] = true
			if !p.IsMultipart() {
				if v := p.Value(100); len(v.Value) > 100 || !utf8.ValidString(v.Value) {
					t.Errorf("value %q", v.Value)
				}
			}
		})
		if s := m.Preview(); !utf8.ValidString(s) || utf8.RuneCountInString(s) > PreviewRunes || strings.ContainsAny(s, "\r\n") {
			t.Errorf("preview %q", s)
		}
		b := m.Bodies()
		listed := partSet(append(append(b.Text, b.HTML...), b.Attachments...))
		m.Body.Walk(func(p *Part) {
			if !p.IsMultipart() && !listed[p] {
				t.Errorf("part %s is in no list", p.PartID)
			}
		})
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("Subject: a\r\n b\r\nTo: c\r\n\r\n"))
	f.Add([]byte("A\nB:\n:C\n\tD"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, h := range ParseHeader(raw) {
			for _, s := range []string{h.Raw(), h.Text()} {
				if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
					t.Errorf("%q", s)
				}
			}
			h.MessageIDs()
			h.URLs()
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add(`"a" <b@c>, d: e@f, =?utf-8?Q?=C3=A9?= <g@h>; (x) i@j (k)`)
	f.Add(`<@a,@b:c@d>, "\"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range ParseAddresses(s) {
			if !utf8.ValidString(a.Name+a.Email) || strings.ContainsAny(a.Name+a.Email, "\x00\r\n") {
				t.Errorf("%q", a)
			}
		}
	})
}

func FuzzDate(f *testing.F) {
	f.Add("Fri, 21 Nov 1997 09:55:06 -0600 (x)")
	f.Add("1997-11-21T09:55:06+02:00")
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := ParseDate(s); ok {
			if _, err := d.MarshalJSON(); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
	})
}

func FuzzEncodedWords(f *testing.F) {
	f.Add("=?utf-8?Q?=C3=A9_?= =?iso-2022-jp?B?GyRCRnxLXBsoQg==?= x", "utf-8")
	f.Add("=?utf-7?q?+AOk-?=\xe9", "gb18030")
	f.Fuzz(func(t *testing.T, s, hint string) {
		if got := DecodeText(s, hint); !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\n") {
			t.Errorf("%q", got)
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add(`attachment; filename*0*=utf-8''a%20; filename*1="b"; x=(c) d; filename=e`)
	f.Add(`text/plain; charset="utf-8" (c); name="=?utf-8?Q?a?="`)
	f.Fuzz(func(t *testing.T, s string) {
		v := parseParamValue(s)
		for name, value := range v.params() {
			if !isToken(name) || !utf8.ValidString(value) {
				t.Errorf("%q=%q", name, value)
			}
		}
	})
}

func FuzzBase64(f *testing.F) {
	f.Add([]byte("aGVs\r\nbG8="))
	f.Add([]byte("a=b==c"))
	f.Fuzz(func(t *testing.T, b []byte) { checkSize(t, "base64", b) })
}

func FuzzQuotedPrintable(f *testing.F) {
	f.Add([]byte("a=\r\n=C3=A9 \r\n=G"))
	f.Fuzz(func(t *testing.T, b []byte) { checkSize(t, "quoted-printable", b) })
}

func checkSize(t *testing.T, encoding string, b []byte) {
	data, _ := DecodeTransfer(encoding, b)
	if n := decodedSize(encoding, b); n != int64(len(data)) {
		t.Errorf("size %d, decoded %d", n, len(data))
	}
}

// FuzzCompose asserts that values arrive as they were given, or are refused; and
// that none of them makes another header field or part.
func FuzzCompose(f *testing.F) {
	f.Add("Grüße", "Jörg, x", "a@b", "x.pdf", "text")
	f.Add("a\r\nBcc: x", "\"", "a@b\n", "a\"b.pdf", "From x\n.\n")
	f.Add(" =?utf-8?Q?x?= ", "=?utf-8?Q?x?=", "x y", "ü\\", strings.Repeat("x", 1200))
	f.Fuzz(func(t *testing.T, subject, name, email, file, text string) {
		c, err := Compose(Draft{
			Fields: []DraftField{field("Subject", TextValue(subject)), field("To", AddressesValue{{name, email}, {"", "end@example.com"}})},
			Body: &DraftPart{Type: "multipart/mixed", SubParts: []*DraftPart{
				{Type: "text/plain", Text: text}, {Type: "application/pdf", Name: file, Disposition: "attachment", Open: opener(text)},
			}},
		})
		var refused *PropertyError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		checkWire(t, b.Bytes())
		m := Parse(b.Bytes())
		if len(m.Header) != 6 || len(m.Body.SubParts) != 2 {
			t.Fatalf("%d fields, %d parts:\n%s", len(m.Header), len(m.Body.SubParts), b.Bytes())
		}
		if data, _ := m.Body.SubParts[1].Decoded(); string(data) != text {
			t.Errorf("attachment %q, want %q", data, text)
		}
		if got := m.Header.Text("Subject"); got != DecodeText(encodedForm(subject), "") {
			t.Errorf("subject %q, want %q", got, subject)
		}
		to, _ := m.Header.Last("To")
		if list := to.Addresses(); len(list) == 0 || len(list) > 2 || list[len(list)-1].Email != "end@example.com" {
			t.Errorf("addresses %q of %q", list, to.Value)
		}
	})
}

// encodedForm is a subject as one encoded word, to compare what Text makes of it
// (NFC, dropped controls).
func encodedForm(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteString("=" + string(upperHex[s[i]>>4]) + string(upperHex[s[i]&15]))
	}
	return "=?utf-8?Q?" + b.String() + "?="
}

func BenchmarkParseMedian(b *testing.B) {
	raw := medianMail(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}

// BenchmarkViewMedian is what opening the median mail asks for.
func BenchmarkViewMedian(b *testing.B) {
	raw := medianMail(b)
	b.ReportAllocs()
	for b.Loop() {
		m := Parse(raw)
		bodies := m.Bodies()
		BodyValues(append(bodies.Text, bodies.HTML...), 0)
		m.Preview()
		m.HasAttachment()
		m.Header.Text("Subject")
		for _, name := range []string{"From", "To", "Cc"} {
			if f, ok := m.Header.Last(name); ok {
				f.Addresses()
			}
		}
	}
}

// medianMail is the message of median size in mail-list.
func medianMail(b *testing.B) []byte {
	var all [][]byte
	eachMail(b, "mail-list", func(_ string, raw []byte) { all = append(all, raw) })
	sortBySize(all)
	return all[len(all)/2]
}

func sortBySize(all [][]byte) {
	for i := 1; i < len(all); i++ {
		for j := i; j > 0 && len(all[j]) < len(all[j-1]); j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
}
