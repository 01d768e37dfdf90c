package message

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSearchText(t *testing.T) {
	for _, c := range []struct{ kind, in, want string }{
		{"text/plain", " one\r\n two\u00ad\tthree\x00 ", "one two three"},
		{"text/plain", "<b>no markup</b>", "<b>no markup</b>"},
		{"text/html", "<html><head><title>secret</title><style>p{color:red}</style><meta name=x content=secret></head><body class=secret><p>Shown<p>again</body>", "Shown again"},
		{"text/html", "<head><script>secret()</script><p>a head without an end", "a head without an end"},
		{"text/html", `<a href="https://secret.test" title="The &amp; title">he<b>l</b>lo</a><img src=secret alt="A boat"><!-- secret -->!`, "The & title hello A boat !"},
		{"text/html", "one<br>two<td>three</td>four &lt;five&gt;", "one two three four <five>"},
		{"text/html", "<svg><text>secret</text></svg>shown<template>secret", "shown"},
		{"text/html", "", ""},
	} {
		if got := SearchText(c.kind, c.in); got != c.want {
			t.Errorf("%s %q\n got %q\nwant %q", c.kind, c.in, got, c.want)
		}
	}
}

func TestMark(t *testing.T) {
	for _, c := range []struct {
		terms    []string
		in, want string
	}{
		{[]string{"foo"}, "The Foosball competition", "The <mark>Foo</mark>sball competition"},
		{[]string{"b", "<"}, `a<b & "c" > d`, `a<mark>&lt;b</mark> &amp; "c" &gt; d`},
		{[]string{"ab", "bc"}, "xabcx", "x<mark>abc</mark>x"},
		{[]string{"GRÖSSE", "über"}, "größe Größen ÜBER uber", "größe Größen <mark>ÜBER</mark> uber"},
		{[]string{"größe"}, "GRÖßE", "<mark>GRÖßE</mark>"},
		{[]string{"u"}, "ü u\u0308x", "<mark>ü</mark> <mark>u\u0308</mark>x"},
		{[]string{"two  words"}, "Two words", "<mark>Two words</mark>"},
		{[]string{"i"}, "ﬁn", "<mark>ﬁ</mark>n"},
		{[]string{"none", ""}, "The words", ""},
		{[]string{"mark"}, "<mark>", "&lt;<mark>mark</mark>&gt;"},
	} {
		if got, ok := NewTerms(c.terms).Mark(c.in); got != c.want || ok != (c.want != "") {
			t.Errorf("%q in %q\n got %q\nwant %q", c.terms, c.in, got, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	filler := strings.Repeat("filling words of no interest ", 40)
	for _, c := range []struct {
		name     string
		terms    []string
		in, want string
	}{
		{"a short text is whole", []string{"boat"}, "The boat & I", "The <mark>boat</mark> &amp; I"},
		{"some words stand before and after", []string{"boat"}, filler + "our boat sails " + filler,
			"…words of no interest filling words of no interest our <mark>boat</mark> sails" + strings.Repeat(" filling words of no interest", 5) + " filling words of no…"},
		{"the section with most terms wins", []string{"boat", "sails"}, "boat " + filler + "the boat that sails away. " + filler,
			"…words of no interest filling words of no interest the <mark>boat</mark> that <mark>sails</mark> away." + strings.Repeat(" filling words of no interest", 5) + "…"},
		{"nothing", []string{"ship"}, "The boat", ""},
	} {
		if got, ok := NewTerms(c.terms).Snippet(c.in, 255); got != c.want || ok != (c.want != "") {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// RFC 8621, section 5: 255 octets at most, and &, < and > escaped, wherever it
// has to be cut.
func TestSnippetIsCutBetweenThings(t *testing.T) {
	for _, unit := range []string{"&", "<b>", "€", "👍🏽", "x", "a ", "u\u0308", "\xff"} {
		for _, term := range []string{"z", "zzzz", strings.Repeat("z", 300), "&", "x"} {
			text := strings.Repeat(unit, 97) + term + strings.Repeat(unit, 301) + term
			for most := 100; most <= 255; most++ {
				checkSnippet(t, []string{term}, oneLine(text), most)
			}
		}
	}
}

var entityOrMark = regexp.MustCompile(`&(amp|lt|gt);|</?mark>`)

// checkSnippet checks what must be true of any snippet.
func checkSnippet(t *testing.T, words []string, text string, most int) {
	t.Helper()
	terms := NewTerms(words)
	got, ok := terms.Snippet(text, most)
	whole, marks := terms.Mark(text)
	if ok != marks {
		t.Fatalf("%q in %q: a snippet is %t, marks are %t", words, text, ok, marks)
	}
	if !ok {
		return
	}
	if len(got) > most || !utf8.ValidString(got) {
		t.Errorf("%q in %q: %d octets of %d: %q", words, text, len(got), most, got)
	}
	if !strings.Contains(got, "<mark>") {
		t.Errorf("%q in %q: nothing is marked in %q", words, text, got)
	}
	for _, s := range []string{got, whole} {
		if strings.ContainsAny(entityOrMark.ReplaceAllString(s, ""), "&<>") {
			t.Errorf("not escaped or cut inside: %q", s)
		}
		bare := strings.ReplaceAll(strings.ReplaceAll(s, "<mark>", ""), "</mark>", "")
		if opened := regexp.MustCompile(`<mark>[^<]+</mark>`).FindAllString(s, -1); len(opened)*13+len(bare) != len(s) {
			t.Errorf("marks do not open and close: %q", s)
		}
		plain := html.UnescapeString(bare)
		if !strings.Contains(strings.ToValidUTF8(text, "\ufffd"), strings.TrimSuffix(strings.TrimPrefix(plain, ellipsis), ellipsis)) &&
			!strings.Contains(strings.ToValidUTF8(text, "\ufffd"), plain) {
			t.Errorf("%q is no part of %q", plain, text)
		}
	}
}

func FuzzSnippet(f *testing.F) {
	f.Add("boat", "two words", "<p title='a boat'>The boat &amp; two\nwords</p>", true, 255)
	f.Add("&", "ü", "a & b u\u0308 \xff", false, 100)
	f.Add("", "", "", false, 100)
	f.Fuzz(func(t *testing.T, a, b, text string, isHTML bool, most int) {
		if len(text) > 4<<10 || len(a)+len(b) > 1<<10 {
			t.Skip("the time is linear in both; long ones teach nothing")
		}
		kind := "text/plain"
		if isHTML {
			kind = "text/html"
		}
		checkSnippet(t, []string{a, b}, SearchText(kind, strings.ToValidUTF8(text, "\ufffd")), 100+max(most, -most, 0)%156)
	})
}
