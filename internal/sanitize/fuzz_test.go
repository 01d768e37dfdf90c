package sanitize

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		"<p onclick=x style='color:red'>a<b>b</p>c", "<svg><style><img src=x onerror=y>", "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=x&gt;\">",
		"<table><a href=x><td><a href=//y>", "<style>p{background:url(http://x)}</style>", "<form><button><a><form>", "<noscript><p title=\"</noscript><img src=x onerror=y>\">",
		"<select><template><style><!--</select>", "<a href='java\tscript:x'>", "<img src=cid:x><img src='data:image/png;base64,AA'>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := HTML(context.Background(), s, testOptions)
		if err := check(r.Document); err != nil {
			t.Errorf("%v\n%q\n%s", err, s, r.Document)
		}
		if back, err := readBack(context.Background(), r.Document); err != nil || back == nil {
			t.Errorf("cannot be read back: %v", err)
		}
	})
}

func FuzzCSS(f *testing.F) {
	for _, s := range []string{
		"p{color:red}", "@media (max-width:1px){a:hover{margin:0 auto}}", "a{background:url(x)}", `\61{c\6flor:"\3c"}`, "p{width:calc(1px + (2px))", "<!--@import 'x';-->",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := newCleaner(context.Background(), testOptions)
		c.sheet(s)
		out := c.style.String()
		if err := checkCSS(out); err != nil {
			t.Errorf("%v\n%q", err, s)
		}
		if err := checkCSS(newCleaner(context.Background(), testOptions).inline(s)); err != nil {
			t.Errorf("inline: %v\n%q", err, s)
		}
		// Tokens mean the same after they were written.
		toks := cssTokens(s)
		var b strings.Builder
		writeCSS(&b, toks)
		if d := cmp.Diff(meaning(toks), meaning(cssTokens(b.String())), cmp.AllowUnexported(cssToken{})); d != "" && !hasBad(toks) {
			t.Errorf("%q written as %q (-want +got):\n%s", s, b.String(), d)
		}
	})
}

// meaning leaves out what writing may change: white space, and url("x") for
// url(x).
func meaning(toks []cssToken) []cssToken {
	var out []cssToken
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch {
		case t.kind == cssSpace, t.kind == cssCDO, t.kind == cssCDC:
			continue
		case t.kind == cssFunction && t.text == "url" && i+2 < len(toks) && toks[i+1].kind == cssString && toks[i+2].kind == cssClose && toks[i+2].text == ")":
			t = cssToken{kind: cssURL, text: toks[i+1].text}
			i += 2
		}
		out = append(out, t)
	}
	return out
}

// hasBad says whether there are tokens that cannot be written; those never are.
func hasBad(toks []cssToken) bool {
	for _, t := range toks {
		if t.kind == cssBad || t.kind == cssCDO || t.kind == cssCDC || t.kind == cssDelim && strings.ContainsAny(t.text, `<\-#@`) {
			return true
		}
	}
	return false
}

func FuzzText(f *testing.F) {
	f.Add("a\n> b https://x.example/\n-- \nc", true, false)
	f.Add("www.a.b mailto:x@y.z <http://a>", false, true)
	f.Fuzz(func(t *testing.T, s string, flowed, delSp bool) {
		r := Text(s, TextOptions{Flowed: flowed, DelSp: delSp})
		if err := check(r.Document); err != nil {
			t.Errorf("%v\n%q", err, s)
		}
		PlainText(s)
	})
}
