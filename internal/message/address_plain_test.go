package message

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var plainSeeds = []struct {
	value string
	plain bool
}{
	{"ann@example.org", true},
	{" <ann.b+x@example.org> ", true},
	{"Ann <ann@example.org>", true},
	{"Ann B. O'Hara  <ann@example.org>", true},
	{"Ann<ann@example.org>", true},
	{`"B., Ann (x)" <ann@example.org>`, true},
	{`"Ann: B; <c@d>" <ann@example.org>`, false}, // the first "<" is in the quotes
	{`"" <ann@example.org>`, false},
	{`"Ann \"x\"" <ann@example.org>`, false},
	{"=?utf-8?Q?x?= <ann@example.org>", false},
	{`"=?utf-8?Q?x?=" <ann@example.org>`, false},
	{"Ann  B <ann@example.org>", false},
	{"Ann (x) <ann@example.org>", false},
	{"ann@example.org (Ann)", false},
	{"ann@example.org, bob@example.org", false},
	{"ann @example.org", false},
	{"<@a:ann@example.org>", false},
	{"a@b@c", false},
	{"ann", false},
	{"", false},
	{"\"\x01\" <a@b>", false},
	{"Ünal <a@b>", false},
	{"\tAnn <a@b>", false},
	{"Group: a@b;", false},
	{"a@[127.0.0.1]", false},
}

func TestPlainMailbox(t *testing.T) {
	for _, c := range plainSeeds {
		if _, ok := plainMailbox(c.value); ok != c.plain {
			t.Errorf("%q: plain %v, want %v", c.value, ok, c.plain)
		}
	}
}

// FuzzPlainMailbox: the short way reads what the whole reader reads.
func FuzzPlainMailbox(f *testing.F) {
	for _, c := range plainSeeds {
		f.Add(c.value)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, ok := plainMailbox(s); ok {
			if diff := cmp.Diff(parseGroups(s), []Group{{Addresses: []Address{a}}}); diff != "" {
				t.Errorf("%q: %s", s, diff)
			}
		}
	})
}

func BenchmarkAddresses(b *testing.B) {
	for name, parse := range map[string]func(string) []Group{"whole": parseGroups, "plain": ParseGroups} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parse(`"B., Ann" <ann.b@mail.example.org>`)
			}
		})
	}
}
