package submission

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	good := []string{
		"a@b", "ada@cofferdam.test", "first.last+tag@sub.example.org", `"two words"@x.test`,
		`"a\"b"@x.test`, "dots..here.@x.test", "jörg@bücher.test", "用户@例子.测试", "x@[192.0.2.1]",
		"x@[IPv6:2001:db8::1]", "Postmaster", "o'neil@x.test", "x@under_score.test",
		strings.Repeat("l", MaxAddress-len("@x.test")) + "@x.test",
	}
	for _, s := range good {
		a, err := ParseAddress(s)
		if err != nil {
			t.Errorf("ParseAddress(%q): %v", s, err)
		} else if a.String() != s {
			t.Errorf("ParseAddress(%q).String() = %q", s, a)
		}
	}
	bad := []string{
		"", "nobody", "@x.test", "a@", "a b@x.test", "a@x test", "a@x.test\r\nRCPT TO:<evil@x.test>",
		"a\x00@x.test", "a\n@x.test", "<a@x.test>", "a>@x.test", "a@x.test>", `"a@x.test`, `"a\"@x.test`,
		"\"a\rb\"@x.test", "@relay:a@x.test", "a@-x.test", "a@x..test", "a@[1.2.3]", "a@[IPv6:1.2.3.4]",
		"a@[2001:db8::1]", "a@[fe80::1%eth0]", "a\u2028@x.test", "a\u0085@x.test", "a@x\u00a0.test", "\xff@x.test",
		"a,b@x.test", "a;b@x.test", "a@x.test SIZE=1",
		strings.Repeat("l", MaxAddress-len("@x.test")+1) + "@x.test",
	}
	for _, s := range bad {
		if a, err := ParseAddress(s); !errors.Is(err, ErrAddress) {
			t.Errorf("ParseAddress(%q) = %q, %v; want ErrAddress", s, a, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"a@b", `"a b"@x.test`, "jörg@bücher.test", "x@[IPv6:::1]", "a@x\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		x := Extensions{"SMTPUTF8": "", "8BITMIME": "", "DSN": ""}
		env := Envelope{MailFrom: a, RcptTo: []Address{a}, DSN: DSN{Notify: []Notify{NotifyDelay}}}
		lines, err := env.commands(x)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		for _, l := range lines {
			if strings.ContainsAny(l, "\r\n\x00") || len(l) > 4*commandLine {
				t.Fatalf("%q makes the command %q", s, l)
			}
		}
		if b, err := ParseAddress(a.String()); err != nil || b != a {
			t.Fatalf("%q does not read back: %v", a, err)
		}
	})
}
