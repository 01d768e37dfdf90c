package outbox

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"cofferdam/internal/message"
)

// TestBcc: the field goes, whatever it looks like, and not a byte else.
func TestBcc(t *testing.T) {
	const id = "Message-ID: <m@x>\r\n"
	for name, c := range map[string]struct{ in, want string }{
		"none":               {id + "To: a@x\r\n\r\nbody\r\n", id + "To: a@x\r\n\r\nbody\r\n"},
		"one":                {id + "Bcc: s@x\r\nTo: a@x\r\n\r\nbody\r\n", id + "To: a@x\r\n\r\nbody\r\n"},
		"folded":             {id + "Bcc: s@x,\r\n t@x,\r\n\tu@x\r\nTo: a@x\r\n b@x\r\n\r\nbody\r\n", id + "To: a@x\r\n b@x\r\n\r\nbody\r\n"},
		"folded, blank fold": {id + "Bcc: s@x,\r\n \r\n t@x\r\nTo: a@x\r\n\r\nbody\r\n", id + "To: a@x\r\n\r\nbody\r\n"},
		"several":            {"bCC: s@x\r\n" + id + "BCC: t@x\r\nTo: a@x\r\nbcc:\r\n\r\nbody\r\n", id + "To: a@x\r\n\r\nbody\r\n"},
		"last, first":        {"Bcc: s@x\r\n" + id + "Bcc: t@x\r\n\r\nbody\r\n", id + "\r\nbody\r\n"},
		"resent":             {id + "Resent-Bcc: s@x\r\nresent-bcc: t@x\r\nResent-To: a@x\r\n\r\nb\r\n", id + "Resent-To: a@x\r\n\r\nb\r\n"},
		"space before colon": {id + "Bcc : s@x\r\nBcc\t \t: t@x\r\nTo: a@x\r\n\r\nb\r\n", id + "To: a@x\r\n\r\nb\r\n"},
		"other names":        {id + "X-Bcc: s@x\r\nBccs: s@x\r\nBcc\r\nTo: bcc: x\r\n\r\nb\r\n", id + "X-Bcc: s@x\r\nBccs: s@x\r\nBcc\r\nTo: bcc: x\r\n\r\nb\r\n"},
		"in the body":        {id + "\r\nBcc: s@x\r\n\r\nBcc: t@x\r\n", id + "\r\nBcc: s@x\r\n\r\nBcc: t@x\r\n"},
		"bare LF":            {"Message-ID: <m@x>\nBcc: s@x,\n t@x\nTo: a@x\n\nb\n", id + "To: a@x\r\n\r\nb\r\n"},
		"bare CR":            {id + "To: a@x\rBcc: s@x\rSubject: s\r\n\r\nb\r\n", id + "To: a@x\r\nSubject: s\r\n\r\nb\r\n"},
		"bare CR only":       {"Message-ID: <m@x>\rBcc: s@x\rTo: a@x\r\rBcc: body\r", id + "To: a@x\r\n\r\nBcc: body\r\n"},
		"CR CR LF":           {id + "To: a@x\r\r\nBcc: body\r\n", id + "To: a@x\r\n\r\nBcc: body\r\n"},
		"no body":            {id + "To: a@x\r\nBcc: s@x\r\n", id + "To: a@x\r\n"},
		"no last line end":   {id + "To: a@x\r\nBcc: s@x", id + "To: a@x\r\n"},
		"empty body":         {id + "Bcc: s@x\r\n\r\n", id + "\r\n"},
		"NUL and 8 bit":      {id + "Subject: a\x00b\xff\xfe\r\nBcc: \x00s@x\r\n\r\nb\x00\xc3\r\n", id + "Subject: a\x00b\xff\xfe\r\n\r\nb\x00\xc3\r\n"},
		"line that is none":  {"From x Mon\r\n" + id + ">From y\r\nBcc: s@x\r\n\r\nb\r\n", "From x Mon\r\n" + id + ">From y\r\n\r\nb\r\n"},
		"starts folded":      {" x\r\n" + id + "Bcc: s@x\r\n\r\nb\r\n", " x\r\n" + id + "\r\nb\r\n"},
		"no Message-ID":      {"To: a@x\r\n\r\nb\r\n", "Message-ID: <new@x>\r\nTo: a@x\r\n\r\nb\r\n"},
		"odd Message-ID":     {"Message-ID:\r\nTo: a@x\r\n\r\nb\r\n", "Message-ID:\r\nTo: a@x\r\n\r\nb\r\n"},
		"long line":          {id + "Subject: " + strings.Repeat("x", 9000) + "\r\nBcc: " + strings.Repeat("y", 9000) + "\r\n\r\nb\r\n", id + "Subject: " + strings.Repeat("x", 9000) + "\r\n\r\nb\r\n"},
		// A line end that falls on the border of a buffer is no blank line.
		"border": {id + "Subject: " + strings.Repeat("x", 4096-len(id)-len("Subject: ")) + "\r\nBcc: s@x\r\n\r\nb\r\n", id + "Subject: " + strings.Repeat("x", 4096-len(id)-len("Subject: ")) + "\r\n\r\nb\r\n"},
	} {
		for way, in := range map[string]io.Reader{"": strings.NewReader(c.in), " bytewise": iotest.OneByteReader(strings.NewReader(c.in))} {
			h, err := readHead(in, "new@x")
			if err != nil {
				t.Errorf("%s%s: %v", name, way, err)
				continue
			}
			rest, err := io.ReadAll(h.rest)
			if got := string(h.out) + string(rest); err != nil || got != c.want {
				t.Errorf("%s%s: %v\ngot  %q\nwant %q", name, way, err, got, c.want)
			}
		}
	}
}

func TestHeaderLimit(t *testing.T) {
	fits := "Message-ID: <m@x>\r\nX: " + strings.Repeat("x", maxHeader-len("Message-ID: <m@x>\r\nX: ")-4) + "\r\n\r\n"
	h, err := readHead(strings.NewReader(fits+"body"), "new@x")
	if err != nil || len(h.out) != maxHeader {
		t.Errorf("the limit itself: %v", err)
	}
	if _, err := readHead(strings.NewReader("X"+fits+"body"), "new@x"); !errors.Is(err, errHeader) {
		t.Errorf("one byte more: %v", err)
	}
	endless := io.MultiReader(strings.NewReader("X: "), iotest.DataErrReader(zeros{}))
	if _, err := readHead(endless, "new@x"); !errors.Is(err, errHeader) {
		t.Errorf("without an end: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHeaderUnreadable(t *testing.T) {
	in := io.MultiReader(strings.NewReader("Subject: x\r\n"), iotest.ErrReader(errDead))
	if _, err := readHead(in, "new@x"); !errors.Is(err, errDead) {
		t.Errorf("got %v", err)
	}
}

func TestScan(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want content
	}{
		"ascii":              {"Message-ID: <m@x>\r\nFrom: a@x\r\n\r\nhi\r\n", content{size: 36}},
		"bcc does not count": {"Message-ID: <m@x>\r\nBcc: s\xc3\xa9@x\r\nFrom: a@x\r\n\r\nhi\r\n", content{size: 36}},
		"line ends count":    {"Message-ID: <m@x>\nFrom: a@x\n\nhi", content{size: 36}},
		"8 bit body":         {"Message-ID: <m@x>\r\nFrom: a@x\r\n\r\nh\xe9\r\n", content{size: 36, eightBit: true}},
		"8 bit subject":      {"Message-ID: <m@x>\r\nSubject: \xe9\r\n\r\nhi\r\n", content{size: 37, eightBit: true}},
		"UTF-8 name":         {"Message-ID: <m@x>\r\nTo: \xc3\xa9 <a@x>\r\n\r\nhi\r\n", content{size: 39, eightBit: true}},
		"UTF-8 address":      {"Message-ID: <m@x>\r\nTo: \xc3\xa9@x\r\n\r\nhi\r\n", content{size: 35, eightBit: true}},
		"UTF-8 domain":       {"Message-ID: <m@x>\r\nCc: a@\xc3\xa9\r\n\r\nhi\r\n", content{size: 35, eightBit: true}},
	} {
		_, got, err := scan(strings.NewReader(c.in), "new@x")
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	if _, _, err := scan(io.MultiReader(strings.NewReader("X: y\r\n\r\n"), iotest.ErrReader(errDead)), "new@x"); !errors.Is(err, errDead) {
		t.Errorf("unreadable: %v", err)
	}
}

// TestParameters: what the content asks for is not the client's to state.
func TestParameters(t *testing.T) {
	own := params("body", "7BIT", "Size", "1", "RET", "HDRS")
	own["SmtpUtf8"] = nil
	got := content{size: 5}.parameters(own)
	if _, utf8 := got["SmtpUtf8"]; len(got) != 2 || *got["RET"] != "HDRS" || !utf8 {
		t.Errorf("ascii: %v", got)
	}
	got = content{size: 5, eightBit: true}.parameters(own)
	if len(got) != 3 || *got["BODY"] != "8BITMIME" {
		t.Errorf("8 bit: %v", got)
	}
	if len(own) != 4 {
		t.Error("the record's own parameters were changed")
	}
}

// FuzzHead: whatever the bytes, what goes out has no Bcc that a server could
// read, its body is the mail's, and doing it again changes nothing.
func FuzzHead(f *testing.F) {
	for _, s := range []string{mail, "", "\r\n", "\r", "Bcc: x", "Bcc: x\r y\r\nTo: z\n\nb\r\rc", "A: b\rBcc:c\r\n \r\nBcc:d\r\n\r\nBcc: e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		canonical, err := io.ReadAll(newWire(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		h, c, err := scan(bytes.NewReader(raw), "new@x")
		if errors.Is(err, errHeader) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := readHead(bytes.NewReader(raw), "new@x")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(again.rest)
		if err != nil {
			t.Fatal(err)
		}
		out := append(bytes.Clone(again.out), body...)
		if !bytes.Equal(h.out, again.out) || c.size != int64(len(out)) || c.eightBit == isASCII(out) {
			t.Fatalf("scan says %+v of %q", c, out)
		}
		if !bytes.HasSuffix(canonical, body) {
			t.Fatalf("body %q is not the mail's", body)
		}
		if left := bytes.ReplaceAll(out, []byte("\r\n"), nil); bytes.ContainsAny(left, "\r\n") || len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
			t.Fatalf("line ends of %q", out)
		}
		for _, field := range message.ParseHeader(out) {
			if strings.EqualFold(field.Name, "bcc") || strings.EqualFold(field.Name, "resent-bcc") {
				t.Fatalf("Bcc goes out: %q", out)
			}
		}
		twice, err := readHead(bytes.NewReader(out), "other@x")
		if err != nil {
			return // the added Message-ID can exceed the limit
		}
		rest, _ := io.ReadAll(twice.rest)
		if got := append(bytes.Clone(twice.out), rest...); !bytes.Equal(got, out) {
			t.Fatalf("again: %q, first %q", got, out)
		}
	})
}

func TestASCIIOnly(t *testing.T) {
	for n := range 20 {
		b := bytes.Repeat([]byte("a"), n)
		if !asciiOnly(b) {
			t.Errorf("%d letters are no ASCII", n)
		}
		for i := range b {
			b[i] = 0x80
			if asciiOnly(b) {
				t.Errorf("octet %d of %d was not seen", i, n)
			}
			b[i] = 'a'
		}
	}
}
