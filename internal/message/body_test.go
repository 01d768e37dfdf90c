package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func letters(parts []*Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Embedded != nil {
			p = p.Embedded.Body
		}
		data, _ := p.Decoded()
		b.WriteString(strings.TrimSpace(string(data)))
	}
	return b.String()
}

// TestDecompose is the example of RFC 8621, section 4.1.4.
func TestDecompose(t *testing.T) {
	m := Parse(readFile(t, "testdata/08-list-footer.eml"))
	b := m.Bodies()
	if got := letters(b.Text) + " " + letters(b.HTML) + " " + letters(b.Attachments); got != "ABCDK AEK CFGHJ" {
		t.Errorf("got %s", got)
	}
	if !m.HasAttachment() {
		t.Error("no attachment")
	}
}

// leaf and multi build structures as a BODYSTRUCTURE gives them.
func leaf(typ, disposition, cid string) *Part {
	return &Part{PartID: "x", Type: typ, Disposition: disposition, CID: cid}
}

func multi(sub string, parts ...*Part) *Part { return &Part{Type: "multipart/" + sub, SubParts: parts} }

func TestHasAttachment(t *testing.T) {
	text, html := leaf("text/plain", "", ""), leaf("text/html", "", "")
	for name, c := range map[string]struct {
		root *Part
		want bool
	}{
		"text":            {text, false},
		"alternative":     {multi("alternative", text, html), false},
		"pdf":             {multi("mixed", text, leaf("application/pdf", "attachment", "")), true},
		"inline pdf":      {multi("mixed", text, leaf("application/pdf", "inline", "")), false},
		"unmarked pdf":    {multi("mixed", text, leaf("application/pdf", "", "")), true},
		"signed":          {multi("signed", text, leaf("application/pgp-signature", "", "")), false},
		"signature alone": {multi("mixed", text, leaf("application/pgp-signature", "attachment", "")), true},
		"related picture": {multi("related", html, leaf("image/png", "", "a@b")), false},
		"named picture":   {multi("related", html, leaf("image/png", "attachment", "a@b")), true},
		"photo":           {multi("mixed", text, leaf("image/jpeg", "attachment", "")), true},
		"calendar":        {multi("alternative", text, html, leaf("text/calendar", "", "")), false},
		"invite.ics":      {multi("mixed", multi("alternative", text, html, leaf("text/calendar", "", "")), leaf("application/ics", "attachment", "")), true},
		"forward":         {multi("mixed", text, leaf("message/rfc822", "", "")), true},
		"encrypted":       {multi("encrypted", leaf("application/pgp-encrypted", "", ""), leaf("application/octet-stream", "", "")), false},
	} {
		if got := HasAttachment(c.root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestAlternativeInRelated covers lists that are null in the suggested
// algorithm: every leaf must be somewhere.
func TestAlternativeInRelated(t *testing.T) {
	html := leaf("text/html", "", "")
	plain, html2 := leaf("text/plain", "", ""), leaf("text/html", "", "")
	root := multi("alternative", multi("mixed", html, multi("alternative", plain, html2)))
	b := Decompose(root)
	if n := len(b.Text) + len(b.HTML) + len(b.Attachments); n < 3 {
		t.Errorf("a part is lost: %d listed", n)
	}
}

func TestValue(t *testing.T) {
	for name, c := range map[string]struct {
		head, body, want string
		problem          bool
	}{
		"crlf":            {"", "a\r\nb\r\n", "a\nb\n", false},
		"crcrlf":          {"", "a\r\r\nb\r\r\r\n", "a\nb\n", false},
		"broken utf-7":    {"Content-Type: text/html; charset=utf-7", "+ADw-b+AD4-+A-", "<b>", true},
		"utf-8":           {"Content-Type: text/plain; charset=utf-8", "é", "é", false},
		"wrong label":     {"Content-Type: text/plain; charset=us-ascii", "é", "é", true},
		"no label":        {"", "\xe9", "é", true},
		"unknown charset": {"Content-Type: text/plain; charset=x-none", "a\xe9", "aé", true},
		"bad utf-8":       {"Content-Type: text/plain; charset=utf-8", "a\xffb", "a\uFFFDb", true},
		"unknown cte":     {"Content-Transfer-Encoding: x-secret", "abc", "abc", true},
		"nul":             {"", "a\x00b", "ab", false},
		"utf-8 as latin1": {"Content-Type: text/plain; charset=iso-2022-kr", "é", "é", true},
		"shift_jis":       {"Content-Type: text/plain; charset=shift_jis", "\x93\xfa\x96{", "日本", false},
		"big5":            {"Content-Type: text/plain; charset=chinesebig5", "\xa4\xa4\xa4\xe5", "中文", false},
		"euc-kr":          {"Content-Type: text/plain; charset=ks_c_5601-1987", "\xc7\xd1", "한", false},
		"cp-1251":         {"Content-Type: text/plain; charset=cp-1251", "\xcf", "П", false},
		"utf-7":           {"Content-Type: text/plain; charset=utf-7", "Hi Mom +Jjo-!", "Hi Mom ☺!", false},
		"utf-16":          {"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64", "AGEAYg==", "ab", false},
		"meta charset":    {"Content-Type: text/html", "<meta charset=windows-1251>\xcf", "<meta charset=windows-1251>П", true},
		"quoted label":    {"Content-Type: text/plain; charset=\"'utf-8'\"", "é", "é", false},
		"bom":             {"Content-Type: text/plain; charset=utf-8", "\xef\xbb\xbfa", "a", false},
	} {
		v := Parse([]byte("X: y\n" + c.head + strings.Repeat("\n", min(1, len(c.head))) + "\n" + c.body)).Body.Value(0)
		if v.Value != c.want || v.IsEncodingProblem != c.problem {
			t.Errorf("%s: %q, problem %v", name, v.Value, v.IsEncodingProblem)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		typ, in string
		n       int
		want    string
	}{
		{"text/plain", "aé", 2, "a"},
		{"text/plain", "aé", 3, "aé"},
		{"text/plain", "a<b c", 4, "a<b "},
		{"text/html", "ab<a href=\"x\">c", 8, "ab"},
		{"text/html", "ab<a href=\"x>y\">c", 14, "ab"},
		{"text/html", "ab<a href=\"x>y\">cd", 17, "ab<a href=\"x>y\">c"},
		{"text/html", "ab<!-- > x -->c", 10, "ab"},
		{"text/html", "1 < 2 and so on", 8, "1 < 2 an"},
		{"text/html", "a<", 1, "a"},
		{"text/html", "<b>日本", 5, "<b>"},
	} {
		v := Parse([]byte("Content-Type: " + c.typ + "; charset=utf-8\n\n" + c.in)).Body.Value(c.n)
		if v.Value != c.want || v.IsTruncated != (c.want != c.in) {
			t.Errorf("%q to %d: %q, truncated %v", c.in, c.n, v.Value, v.IsTruncated)
		}
	}
}

func TestPreview(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"plain":     {"\nHello,\n\n  how  are\tyou?\n", "Hello, how are you?"},
		"quoting":   {"\nOn Monday Al wrote:\n> old\n> older\n\nYes, fine.\n-- \nAl\n", "Yes, fine."},
		"all quote": {"\n> only this\n", "> only this"},
		"colon":     {"\nPlease note:\nbring shoes\n", "Please note: bring shoes"},
		"html":      {"Content-Type: text/html\n\n<title>T</title><style>a{}</style><p>Hi&nbsp;<b>t</b>here&amp;</p><div>x</div><script>1</script>", "Hi there& x"},
		"filler":    {"Content-Type: text/html; charset=utf-8\n\n<div>Sale\u034f \u200b\u200b &zwnj; \u00ad</div>", "Sale \u200c"},
		"empty":     {"\n", ""},
		"image":     {"Content-Type: image/png\n\nx", ""},
	} {
		if got := Parse([]byte(c.raw)).Preview(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	long := Parse([]byte("\n" + strings.Repeat("é word ", 500))).Preview()
	if n := utf8.RuneCountInString(long); n > PreviewRunes || n < PreviewRunes-10 {
		t.Errorf("%d characters", n)
	}
}

func TestTransfer(t *testing.T) {
	for _, c := range []struct {
		encoding, in, want string
		problem            bool
	}{
		{"base64", "aGVs\r\nbG8=", "hello", false},
		{"base64", "aGVsbG8", "hello", true},
		{"base64", "aGVs!bG8=", "hello", true},
		{"base64", "aGk=aGk=", "hihi", false},
		{"base64", "a", "", true},
		{"quoted-printable", "caf=C3=A9=\r\n!  \r\nx", "café!\r\nx", false},
		{"quoted-printable", "a=c3=a9", "aé", false},
		{"quoted-printable", "1=2 =G1 =", "1=2 =G1 ", true},
		{"x-uuencode", "begin 644 a\n#0V%T\n`\nend\n", "Cat", false},
		{"x-uuencode", "no begin", "", true},
		{"7bit", "x", "x", false},
		{"x-other", "x", "x", true},
	} {
		got, problem := DecodeTransfer(c.encoding, []byte(c.in))
		if string(got) != c.want || problem != c.problem {
			t.Errorf("%s %q: %q, problem %v", c.encoding, c.in, got, problem)
		}
		if n := decodedSize(c.encoding, []byte(c.in)); n != int64(len(got)) {
			t.Errorf("%s %q: size %d, decoded %d", c.encoding, c.in, n, len(got))
		}
	}
}
