package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// transferEncodings are those that change bytes, and one that does not.
var transferEncodings = []string{"base64", "quoted-printable", "x-uuencode", "8bit"}

func TestTransferReader(t *testing.T) {
	for _, in := range []string{
		"", "SGVsbG8=\r\n", "SGVsbG8=\r\nSGVsbG8=\r\n", "S!GVs\rbG8", "a=3Db=\r\nc \t\r\nd=", "= =", "=3\r\n",
		"begin 644 f\r\n%2&5L;&\\\r\n`\r\nend\r\nmore\r\n", "no begin\r\n",
		strings.Repeat("QUJD", maxCodedLine) + "QQ==", strings.Repeat("=41", maxCodedLine), strings.Repeat("a=\r\n", maxCodedLine),
		strings.Repeat("word ", maxCodedLine) + "  \r\nend",
	} {
		wantLikeMemory(t, in)
	}
	// White space without end is text: whether it ends a line cannot be awaited.
	got, err := io.ReadAll(TransferReader("quoted-printable", strings.NewReader(strings.Repeat(" ", 2*maxCodedLine)+"x")))
	if err != nil || len(got) != 2*maxCodedLine+1 {
		t.Errorf("white space: %d bytes, %v", len(got), err)
	}
	if _, err := io.ReadAll(TransferReader("base64", iotest.ErrReader(io.ErrClosedPipe))); err != io.ErrClosedPipe {
		t.Errorf("a reader that fails: %v", err)
	}
}

// wantLikeMemory compares with DecodeTransfer.
func wantLikeMemory(t *testing.T, in string) {
	t.Helper()
	for _, encoding := range transferEncodings {
		want, _ := DecodeTransfer(encoding, []byte(in))
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(in), "in halves": iotest.HalfReader(strings.NewReader(in)), "with the end": iotest.DataErrReader(strings.NewReader(in))} {
			if got, err := io.ReadAll(TransferReader(encoding, r)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s, %d bytes %.40q: %d bytes %.60q, %v; in memory %d, %.60q", encoding, name, len(in), in, len(got), got, err, len(want), want)
			}
		}
	}
}

func FuzzTransferReader(f *testing.F) {
	f.Add("SGVsbG8=\r\nSGVsbG8=")
	f.Add("a=3Db=\r\nc \t\r\nd= \n=")
	f.Add("begin 644 f\r\n%2&5L;&\\\r\n`\r\nend\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) < maxCodedLine {
			wantLikeMemory(t, in)
		}
	})
}

func TestBase64Size(t *testing.T) {
	for _, width := range []int{4, 60, 64, 76} {
		for n := range 400 {
			text := wrap(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 3000+n)), width)
			for _, end := range []string{"", "\r\n", "\r\n\r\n"} {
				all := text + end
				size, regular := Base64Size(int64(len(all)), []byte(all[len(all)-1024:]))
				if !regular || size != int64(3000+n) {
					t.Fatalf("%d bytes in lines of %d and %q: %d, %v", 3000+n, width, end, size, regular)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		encoded int64
		tail    string
	}{
		"one long line":          {5000, strings.Repeat("QUJD", 256)},
		"line of another length": {79 * 10, "QUJD\r\n" + strings.Repeat("QUJD", 5) + "\r\n" + strings.Repeat("QUJD", 4) + "\r\nQQ=="},
		"out of step":            {5*22 + 7, "QUJD\r\n" + strings.Repeat("QUJD", 5) + "\r\nQQ=="},
		"padding within":         {4*6 + 4, "QUJD\r\nQQ==\r\nQUJD\r\nQUJD"},
		"junk":                   {4*6 + 4, "QUJD\r\nQ!JD\r\nQUJD\r\nQUJD"},
		"cut":                    {4*6 + 3, "QUJD\r\nQUJD\r\nQUJD\r\nQUJ"},
		"nothing":                {2000, "\r\n\r\n\r\n"},
	} {
		if size, regular := Base64Size(c.encoded, []byte(c.tail)); regular {
			t.Errorf("%s: taken for regular, with %d bytes", name, size)
		}
	}
	if size, regular := Base64Size(8, []byte("SGVsbG8=")); size != 5 || !regular {
		t.Errorf("a whole part: %d, %v", size, regular)
	}
}

func wrap(s string, width int) string {
	var b strings.Builder
	for ; len(s) > width; s = s[width:] {
		b.WriteString(s[:width] + "\r\n")
	}
	return b.String() + s
}
