package submission

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func parse(s string) (Reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(s), MaxReplyLine))
}

func TestReadReply(t *testing.T) {
	tests := []struct {
		in   string
		want Reply
	}{
		{"250 ok\r\n", Reply{250, EnhancedStatus{}, "ok"}},
		{"250\r\n", Reply{250, EnhancedStatus{}, ""}},
		{"250 ok\n", Reply{250, EnhancedStatus{}, "ok"}},
		{"550-5.1.1 no such\r\n550 5.1.1 person\r\n", Reply{550, EnhancedStatus{5, 1, 1}, "no such\nperson"}},
		{"550 5.1.1\r\n", Reply{550, EnhancedStatus{5, 1, 1}, ""}},
		// A status of another class belongs to the text.
		{"250 5.1.1 is what I would say\r\n", Reply{250, EnhancedStatus{}, "5.1.1 is what I would say"}},
		{"250 2.0 x\r\n", Reply{250, EnhancedStatus{}, "2.0 x"}},
		{"450 4.1234.1 x\r\n", Reply{450, EnhancedStatus{}, "4.1234.1 x"}},
		{"550 \x1b[31mred\x07 \u202etxt\r\n", Reply{550, EnhancedStatus{}, "\ufffd[31mred\ufffd \ufffdtxt"}},
		{"550 \xffbad\r\n", Reply{550, EnhancedStatus{}, "\ufffdbad"}},
	}
	for _, tt := range tests {
		got, err := parse(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, d)
		}
	}
}

func TestReadReplyRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"no code":         "hello\r\n",
		"code of class 1": "150 x\r\n",
		"code of class 6": "650 x\r\n",
		"no space":        "250x\r\n",
		"codes differ":    "250-a\r\n251 b\r\n",
		"long line":       "250 " + strings.Repeat("x", MaxReplyLine) + "\r\n",
		"many lines":      strings.Repeat("250-x\r\n", MaxReplyLines) + "250 x\r\n",
	} {
		if r, err := parse(in); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: got %+v, %v; want ErrProtocol", name, r, err)
		}
	}
	if _, err := parse("250-ok\r\n"); !errors.Is(err, io.EOF) {
		t.Errorf("cut reply: %v, want EOF", err)
	}
}

func TestLongestReplyIsRead(t *testing.T) {
	line := "250-" + strings.Repeat("x", MaxReplyLine-6) + "\r\n"
	in := strings.Repeat(line, MaxReplyLines-1) + "250 x\r\n"
	if _, err := parse(in); err != nil {
		t.Error(err)
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add("250-mx\r\n250-SIZE 10\r\n250 AUTH=LOGIN PLAIN\r\n")
	f.Add("550 5.1.1 no\n")
	f.Add("421")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parse(s)
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 {
			t.Fatalf("code %d", r.Code)
		}
		for _, c := range r.Text {
			if c != '\n' && unicode.IsControl(c) {
				t.Fatalf("control character %q in text", c)
			}
		}
		parseExtensions(r.lines()[1:]).MaxSize()
	})
}

func TestExtensions(t *testing.T) {
	x := parseExtensions([]string{"size 35882577", "AUTH PLAIN", "AUTH=LOGIN", "8BITMIME "})
	if x.MaxSize() != 35882577 || !x.Has("8BITMIME") || x.Has("DSN") {
		t.Errorf("got %v", x)
	}
	if !x.HasParam("AUTH", "LOGIN") || !x.HasParam("AUTH", "plain") || x.HasParam("AUTH", "PLA") {
		t.Errorf("AUTH: got %q", x["AUTH"])
	}
	if n := (Extensions{"SIZE": "-5"}).MaxSize(); n != 0 {
		t.Errorf("negative size read as %d", n)
	}
}
