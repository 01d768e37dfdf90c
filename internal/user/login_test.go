package user

import (
	"errors"
	"strings"
	"testing"
)

func TestParseLogin(t *testing.T) {
	fold := Policy{}
	for _, c := range []struct {
		typed  string
		policy Policy
		want   string
	}{
		{"anna@example.org", fold, "anna@example.org"},
		{"  Anna@EXAMPLE.org ", fold, "anna@example.org"},
		{"Anna@example.org", Policy{Local: KeepLocal}, "Anna@example.org"},
		{"anna+news@example.org", fold, "anna+news@example.org"},
		{"anna@Bücher.example", fold, "anna@xn--bcher-kva.example"},
		{"anna@xn--bcher-kva.example", fold, "anna@xn--bcher-kva.example"},
		{"anna@example.org.", fold, "anna@example.org"},
		{"anna", fold, "anna"},
		{"anna", Policy{DefaultDomain: "Example.Org"}, "anna@example.org"},
		{"anna@other.example", Policy{DefaultDomain: "example.org"}, "anna@other.example"},
		{"ａｎｎａ@example.org", fold, "anna@example.org"},                     // full-width
		{"e\u0301mile@example.org", fold, "\u00e9mile@example.org"},        // NFC
		{"Ünal@example.org", fold, "ünal@example.org"},                     // not ASCII alone
		{"anna@faß.example", fold, "anna@xn--fa-hia.example"},              // IDNA 2008 keeps it apart from fass
		{"anna@例え。テスト", fold, "anna@xn--r8jz45g.xn--zckzah"},               // ideographic full stop
		{"first.last_x-y@example.org", fold, "first.last_x-y@example.org"}, //
	} {
		got, err := ParseLogin(c.typed, c.policy)
		if err != nil || got.String() != c.want {
			t.Errorf("ParseLogin(%q) = %q, %v; want %q", c.typed, got, err, c.want)
		}
	}
}

func TestParseLoginRefuses(t *testing.T) {
	for name, typed := range map[string]string{
		"empty":           "",
		"only spaces":     "   ",
		"no local part":   "@example.org",
		"no domain":       "anna@",
		"two at":          "an@na@example.org",
		"quoted":          `"anna"@example.org`,
		"full-width at":   "anna＠example.com@example.org",
		"full-width mark": "an＼na@example.org",
		"space within":    "an na@example.org",
		"control":         "an\x00na@example.org",
		"line break":      "anna\r\nx@example.org",
		"not utf-8":       "an\xffna@example.org",
		"address literal": "anna@[192.0.2.1]",
		"empty label":     "anna@example..org",
		"long local":      strings.Repeat("a", MaxLocal+1) + "@example.org",
		"long label":      "anna@" + strings.Repeat("a", 64) + ".org",
		"long domain":     "anna@" + strings.Repeat("abcdefg.", 32) + "org",
		"long at all":     strings.Repeat("a", MaxLogin+1),
		"path in domain":  "anna@example.org/x",
	} {
		if got, err := ParseLogin(typed, Policy{}); !errors.Is(err, ErrBadLogin) {
			t.Errorf("%s: ParseLogin = %q, %v; want ErrBadLogin", name, got, err)
		}
	}
	if _, err := ParseLogin("anna", Policy{Local: "other"}); err == nil {
		t.Error("an unknown case policy was accepted")
	}
}

func TestLoginParts(t *testing.T) {
	l, err := ParseLogin("Anna@Example.org", Policy{})
	if err != nil || l.Local() != "anna" || l.Domain() != "example.org" || l.IsZero() {
		t.Errorf("got %q %q %v %v", l.Local(), l.Domain(), l.IsZero(), err)
	}
}

func FuzzParseLogin(f *testing.F) {
	for _, s := range []string{"anna@example.org", "Ünal@bücher.example", "ａ@b.c", "a@xn--a.b", "\"a\"@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLogin(s, Policy{})
		if err != nil {
			return
		}
		again, err := ParseLogin(l.String(), Policy{})
		if err != nil || again != l {
			t.Errorf("canonical %q of %q is not stable: %q, %v", l, s, again, err)
		}
	})
}
