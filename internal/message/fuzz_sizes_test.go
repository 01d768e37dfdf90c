package message

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxGrowth is how many bytes of UTF-8 one byte in any charset may become: a byte of
// a one-byte charset is at most three, U+FFFD is three as well, and of EUC-KR, Big5
// and the like two bytes are a character. HKSCS has bytes that are two characters.
const maxGrowth = 4

// FuzzCharset: whatever the label and the bytes, the text is UTF-8 without NUL, of a
// bounded length, and the same each time; UTF-8 comes through as it is; and reading
// a text that has become UTF-8 once more changes nothing.
func FuzzCharset(f *testing.F) {
	for _, label := range []string{"", "us-ascii", "utf-8", "utf-7", "iso-2022-jp", "hz", "gb18030", "big5", "euc-kr", "shift_jis", "utf-16",
		"utf-32le", "koi8-r", "windows-1252", "x-unknown", "_x-_x-utf_8_charset"} {
		f.Add(label, "gbk", []byte("Gr\xfc\xdfe \x1b$B$\"$$\x1b(B +AOk- ~{<:Ky2;~} \xff\xfe\xd8\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, label, hint string, b []byte) {
		text, problem := DecodeCharset(label, hint, b)
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			t.Fatalf("%q of %q is %q", b, label, text)
		}
		if len(text) > maxGrowth*len(b)+utf8.UTFMax {
			t.Fatalf("%d bytes of %q became %d", len(b), label, len(text))
		}
		if again, p := DecodeCharset(label, hint, b); again != text || p != problem {
			t.Fatalf("%q of %q is once %q and once %q", b, label, text, again)
		}
		plain := strings.TrimPrefix(text, "\ufeff")
		if got, bad := DecodeCharset("utf-8", "", []byte(plain)); bad || got != strings.TrimPrefix(plain, "\ufeff") {
			t.Fatalf("%q read again is %q, %t", plain, got, bad)
		}
	})
}

// FuzzHeaderForms: what the forms of a field hold is bounded by the field, and a
// header block written from its fields is read as the same fields.
func FuzzHeaderForms(f *testing.F) {
	f.Add([]byte("Subject: a\r\n b\r\nTo: \"a, b\" <c@d>, g: e@f;\r\nList-Post: <mailto:x>, <y>\r\nReferences: <a@b> <c@d>\r\n\r\n"))
	f.Add([]byte("A :\t=?utf-8?Q?=00?=\rB: (((\nFrom x\n\nC: d"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := ParseHeader(raw)
		var again strings.Builder
		total := 0
		for _, field := range h {
			total += len(field.Name) + 1 + len(field.Value)
			again.WriteString(field.Name + ":" + field.Value + "\n")
			checkForms(t, field)
		}
		if total > len(raw) {
			t.Fatalf("%d bytes of fields out of %d", total, len(raw))
		}
		back := ParseHeader([]byte(again.String()))
		if len(back) != len(h) {
			t.Fatalf("%d fields, read again %d: %q", len(h), len(back), again.String())
		}
		for i := range back {
			if back[i].Name != h[i].Name || strings.TrimRight(back[i].Value, "\r") != strings.TrimRight(h[i].Value, "\r") {
				t.Fatalf("%q read again is %q", h[i], back[i])
			}
		}
	})
}

// maxFormGrowth is how many bytes of a form one byte of a field may become: an
// encoded word is longer than what it holds, a raw byte of some charset becomes
// three, and composing characters (NFC) makes no text more than three times as long.
const maxFormGrowth = 3 * maxGrowth

func checkForms(t *testing.T, field Field) {
	t.Helper()
	most := maxFormGrowth * (len(field.Value) + 1)
	ids, urls, text := field.MessageIDs(), field.URLs(), field.Text()
	size := 0
	var addresses []Address
	for _, g := range field.GroupedAddresses() {
		size += len(g.Name)
		addresses = append(addresses, g.Addresses...)
	}
	for _, a := range addresses {
		size += len(a.Name) + len(a.Email)
	}
	if len(text) > most || size > most || len(strings.Join(ids, "")) > most || len(strings.Join(urls, "")) > most {
		t.Fatalf("%d bytes became a text of %d, addresses of %d, ids of %d, URLs of %d", len(field.Value), len(text), size,
			len(strings.Join(ids, "")), len(strings.Join(urls, "")))
	}
	if len(addresses) > len(field.Value)+1 || len(ids)+len(urls) > len(field.Value)+1 {
		t.Fatalf("%d addresses and %d ids of %q", len(addresses), len(ids)+len(urls), field.Value)
	}
	flat := field.Addresses()
	if len(flat) != len(addresses) {
		t.Fatalf("%d addresses, %d in groups", len(flat), len(addresses))
	}
	if !norm.NFC.IsNormalString(text) {
		t.Fatalf("%q is not normal (RFC 8621, section 4.1.2.2)", text)
	}
}

// FuzzAddressList: addresses that we would write are read as they are.
func FuzzAddressList(f *testing.F) {
	f.Add("Ann \"x\" B.", "ann@example.org", "Ünal, Ö", "\"a b\"@example.org")
	f.Add("=?utf-8?Q?x?=", "x", "a:b;", "ö@exämple.org")
	f.Fuzz(func(t *testing.T, name1, email1, name2, email2 string) {
		if !utf8.ValidString(name1 + "\n" + email1 + "\n" + name2 + "\n" + email2) {
			return // no JSON holds it
		}
		want := AddressesValue{{name1, email1}, {name2, email2}}
		var w folder
		if want.write(&w) != "" {
			return // refused, and so never sent
		}
		got := ParseAddresses(string(w.out))
		if len(got) > len(want) {
			t.Fatalf("%q became %q", want, got)
		}
		var w2 folder
		if reason := AddressesValue(got).write(&w2); reason != "" {
			t.Fatalf("%q was read as %q, which %s", w.out, got, reason)
		}
		if again := ParseAddresses(string(w2.out)); len(again) != len(got) || len(got) > 0 && again[0] != got[0] {
			t.Fatalf("%q became %q and then %q", want, got, again)
		}
	})
}

// FuzzDateForms: a date that was read is read again from what RFC 5322 and RFC 3339
// write of it, as the same moment in the same zone.
func FuzzDateForms(f *testing.F) {
	for _, s := range []string{"Fri, 21 Nov 1997 09:55:06 -0600 (x)", "21-Nov-97 9:55 PM EST", "1997-11-21T09:55:06+02:00", "Thu Jan  1 00:00:00 1970",
		"1 Feb 2100 23:59:60 GMT+14"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := ParseDate(s)
		if !ok {
			return
		}
		_, offset := d.Zone()
		for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 -0700", time.RFC3339Nano} {
			if layout != time.RFC3339Nano {
				d = d.Truncate(time.Second)
			}
			back, ok := ParseDate(d.Format(layout))
			if _, o := back.Zone(); !ok || !back.Equal(d) || o != offset {
				t.Fatalf("%q is %v, and %q of it %v", s, d, d.Format(layout), back)
			}
		}
	})
}

// FuzzParts: the parts of a message lie within it. Their bytes together are no more
// than there are, whatever the boundaries say; each has what its section says; and
// reading is the same each time.
func FuzzParts(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a\nContent-Type: message/rfc822\n\nContent-Type: multipart/digest; boundary=ab\n\n--ab\n\ny\n--ab--\n--a--\n"))
	f.Add([]byte("Content-Type: multipart/x; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\nContent-Transfer-Encoding: base64\r\nContent-Type: message/rfc822\r\n\r\nU3ViamVjdDogeA0KDQp5\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		sum, parts := countParts(m.Body)
		if all := allParts(m.Body); sum > int64(len(raw)) || all > MaxParts+MaxDepth || parts > len(raw)+2 {
			t.Fatalf("%d parts (of %d) with %d bytes in a message of %d", parts, all, sum, len(raw))
		}
		if again, n := countParts(Parse(raw).Body); again != sum || n != parts {
			t.Fatalf("%d parts with %d bytes, and again %d with %d", parts, sum, n, again)
		}
		m.Body.Walk(func(p *Part) {
			if p.IsText() && len(p.Value(0).Value) > maxGrowth*int(max(p.Size, 0))+utf8.UTFMax {
				t.Fatalf("a text of %d bytes became %d", p.Size, len(p.Value(0).Value))
			}
			if q := m.Body.Find(p.PartID); p.PartID != "" && q != p {
				t.Fatalf("%q finds another part", p.PartID)
			}
		})
	})
}

func countParts(p *Part) (bytes int64, parts int) {
	p.Walk(func(q *Part) {
		parts++
		if !q.IsMultipart() {
			bytes += int64(len(q.Encoded()))
		}
	})
	return bytes, parts
}

// allParts counts parts with those of messages in them.
func allParts(p *Part) (n int) {
	p.Walk(func(q *Part) {
		n++
		if q.Embedded != nil {
			n += allParts(q.Embedded.Body)
		}
	})
	return n
}

// TestPartsAreBounded: the bound on parts is that of a mail with the messages in it,
// also of those in an encoding.
func TestPartsAreBounded(t *testing.T) {
	inner := "Content-Type: multipart/mixed; boundary=c\n\n" + strings.Repeat("--c\n\n", MaxParts/10)
	for _, encoding := range []string{"7bit", "quoted-printable"} {
		mail := "Content-Type: multipart/mixed; boundary=a\n\n" +
			strings.Repeat("--a\nContent-Type: message/rfc822\nContent-Transfer-Encoding: "+encoding+"\n\n"+inner+"\n", 30)
		if n := allParts(Parse([]byte(mail)).Body); n < MaxParts/2 || n > MaxParts+MaxDepth {
			t.Errorf("%s: %d parts, want %d at most", encoding, n, MaxParts)
		}
	}
}
