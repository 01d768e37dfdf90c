package submission

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func wireForm(t *testing.T, r io.Reader, stuff bool) string {
	t.Helper()
	var out bytes.Buffer
	err := eachBlock(r, stuff, 1<<20, func(p []byte) error {
		out.Write(p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWireForm(t *testing.T) {
	tests := []struct{ in, stuffed, plain string }{
		{"", "", ""},
		{"a", "a\r\n", "a\r\n"},
		{"a\r\n", "a\r\n", "a\r\n"},
		{"a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd\r\n", "a\r\nb\r\nc\r\nd\r\n"},
		{".", "..\r\n", ".\r\n"},
		{"\r\n.\r\n", "\r\n..\r\n", "\r\n.\r\n"},
		// The forms that split one mail into two on servers that disagree.
		{"a\n.\n", "a\r\n..\r\n", "a\r\n.\r\n"},
		{"a\r.\r", "a\r\n..\r\n", "a\r\n.\r\n"},
		{"a\n.\r\n", "a\r\n..\r\n", "a\r\n.\r\n"},
		{"a\r\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"x.y..z\n", "x.y..z\r\n", "x.y..z\r\n"},
	}
	for _, tt := range tests {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			if got := wireForm(t, r, true); got != tt.stuffed {
				t.Errorf("DATA form of %q: got %q, want %q", tt.in, got, tt.stuffed)
			}
		}
		if got := wireForm(t, strings.NewReader(tt.in), false); got != tt.plain {
			t.Errorf("BDAT form of %q: got %q, want %q", tt.in, got, tt.plain)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	nothing := func([]byte) error { return nil }
	if err := eachBlock(strings.NewReader("12345"), true, 5, nothing); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := eachBlock(strings.NewReader("123456"), true, 5, nothing); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the limit: %v, want ErrTooLarge", err)
	}
}

func FuzzWireForm(f *testing.F) {
	f.Add("a\n.\r\nb")
	f.Add(".\r.\r\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		out := wireForm(t, strings.NewReader(in), true)
		if out != "" && !strings.HasSuffix(out, "\r\n") {
			t.Fatalf("%q: last line is not ended", out)
		}
		bare := strings.ReplaceAll(out, "\r\n", "")
		if strings.ContainsAny(bare, "\r\n") {
			t.Fatalf("%q: bare CR or LF", out)
		}
		for line := range strings.SplitSeq(out, "\r\n") {
			if line == "." {
				t.Fatalf("%q: ends the message early", out)
			}
		}
		if again := wireForm(t, strings.NewReader(out), false); again != out {
			t.Fatalf("%q: not stable: %q", out, again)
		}
	})
}

func BenchmarkWireForm(b *testing.B) {
	in := strings.Repeat("A line of usual length in a mail body, seventy-six characters wide or so.\r\n", 14000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if err := eachBlock(strings.NewReader(in), true, 1<<30, func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
