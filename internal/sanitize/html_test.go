package sanitize

import (
	"context"
	"strings"
	"testing"
	"time"
)

// inner is what a document shows of a mail, without our own two elements.
func inner(t *testing.T, r Result) string {
	t.Helper()
	_, s, ok := strings.Cut(r.Document, `<div id="mail"><div>`)
	if !ok {
		_, s, ok = strings.Cut(r.Document, `<div id="mail">`)
	}
	if !ok {
		t.Fatalf("no mail in %s", r.Document)
	}
	// The parser sorts attributes of elements like <a>.
	s = strings.ReplaceAll(s, `rel="noopener noreferrer" target="_blank"`, `target="_blank" rel="noopener noreferrer"`)
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(s, "</body></html>"), "</div>"), "</div>")
}

func TestHTML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text", `a<b>c</b>&amp;&lt;`, `a<b>c</b>&amp;&lt;`},
		{"script", `a<script>x</script>b`, `ab`},
		{"handler", `<p onclick="x" ONLOAD=y>a</p>`, `<p>a</p>`},
		{"unknown element", `<o:p>a</o:p><blink>b</blink>`, `ab`},
		{"svg", `a<svg><p>in</p><a xlink:href=x>y</a></svg>b`, `a<p>in</p><a>y</a>b`},
		{"math", `a<math><mtext><style><img src=x onerror=y></style></mtext></math>b`, `ab`},
		{"noscript", `a<noscript><img src=http://x.example></noscript>b`, `ab`},
		{"template", `a<template><p>x</p></template>b`, `ab`},
		{"form", `<form action=x><p>a<input value=b><button>c</button></form>`, `<p>ac</p>`},
		{"javascript", `<a href="java&#10;script:x">a</a>`, `<a>a</a>`},
		{"link", `<a href=" HTTPS:\\evil.example\x?y#z ">a</a>`, `<a href="https://evil.example/x?y#z" target="_blank" rel="noopener noreferrer">a</a>`},
		{"link without scheme", `<a href="//x.example/y">a</a>`, `<a href="https://x.example/y" target="_blank" rel="noopener noreferrer">a</a>`},
		{"relative link", `<a href="/settings">a</a>`, `<a>a</a>`},
		{"own target", `<a href="https://x.example/" target="_top" rel="opener">a</a>`, `<a href="https://x.example/" target="_blank" rel="noopener noreferrer">a</a>`},
		{"fragment", `<a href="#top">a</a><a name="top">b</a><p id=mail>c</p>`, `<a href="#m-top">a</a><a name="m-top">b</a><p id="m-mail">c</p>`},
		{"mailto", `<a href="mailto:a@b.example">a</a>`, `<a href="mailto:a@b.example" target="_blank" rel="noopener noreferrer">a</a>`},
		{"remote picture", `<img src="http://x.example/a.png" alt="A" width=10 srcset="http://y.example 2x">`, `<img alt="A" width="10">`},
		{"cid picture", `<img src="cid:a%40b">`, `<img src="/b/a-b">`},
		{"data picture", `<img src="data:image/png;base64,AAAA">`, `<img src="data:image/png;base64,AAAA">`},
		{"data svg", `<img src="data:image/svg+xml;base64,AAAA">`, `<img>`},
		{"data html", `<a href="data:text/html,x">a</a>`, `<a>a</a>`},
		{"style", `<p style="color:red;position:fixed;behavior:url(x);margin:0 auto !important">a</p>`, `<p style="color:red;margin:0 auto!important">a</p>`},
		{"style with remote", `<p style="background:#fff url(http://x.example/) no-repeat">a</p>`, `<p style="background:#fff">a</p>`},
		{"style with cid", `<p style="background-image:url('cid:x')">a</p>`, `<p style="background-image:url(&#34;/b/x&#34;)">a</p>`},
		{"escaped property", `<p style="\70osition:\66ixed;c\6flor:blue">a</p>`, `<p style="color:blue">a</p>`},
		{"table", `<table width="100%" bgcolor=#fff onfoo=x><tr><td align=center colspan=2>a</table>`, `<table width="100%" bgcolor="#fff"><tbody><tr><td align="center" colspan="2">a</td></tr></tbody></table>`},
		{"entities in attributes", `<p title="&quot;><script>">a</p>`, `<p title="&#34;&gt;&lt;script&gt;">a</p>`},
		{"pre", "<pre>\n\nx</pre>", "<pre>\n\nx</pre>"},
		{"xmp", "<xmp><b>x</b></xmp>", "<pre>&lt;b&gt;x&lt;/b&gt;</pre>"},
		{"nested anchors settle", `<a href=https://x.example/><object><a href=https://y.example/>b</a></object></a>`,
			`<a href="https://x.example/" target="_blank" rel="noopener noreferrer"></a><a href="https://y.example/" target="_blank" rel="noopener noreferrer">b</a>`},
		{"image map", `<img usemap="#m"><map name=m><area href="https://x.example/" shape=rect coords="1,2,3,4"></map>`,
			`<img usemap="#m-m"><map name="m-m"><area href="https://x.example/" shape="rect" coords="1,2,3,4" target="_blank" rel="noopener noreferrer"></map>`},
		{"comment", `a<!-- x --><![if !mso]>b<![endif]>`, `ab`},
		{"role", `<table role="presentation"><tr><td>a</table>`, `<table role="presentation"><tbody><tr><td>a</td></tr></tbody></table>`},
	} {
		r := HTML(context.Background(), c.in, testOptions)
		if got := inner(t, r); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if err := check(r.Document); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestBody(t *testing.T) {
	r := HTML(context.Background(), `<!DOCTYPE html><html dir=rtl lang=ar><body bgcolor=#eeeeee text=black link=red class=c style="margin:0" onload=x background="http://x.example/">a`, testOptions)
	want := `<div id="mail" style="background-color:#eeeeee"><div class="c" dir="rtl" lang="ar" style="color:black;margin:0">a</div></div>`
	if !strings.Contains(r.Document, want) {
		t.Errorf("no %s in\n%s", want, r.Document)
	}
	if !strings.Contains(r.Document, "#mail a{color:red}") || r.Findings.Remote != 1 {
		t.Errorf("link color or background: %s %+v", r.Document, r.Findings)
	}
	if !strings.HasPrefix(r.Document, "<!DOCTYPE html><html>") {
		t.Error("mode is not kept")
	}
}

func TestMode(t *testing.T) {
	for doctype, want := range map[string]mode{
		"": quirks, "<!DOCTYPE html>": noQuirks, "<!doctype HTML>": noQuirks,
		`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">`:                                                           quirks,
		`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">`:                    limitedQuirks,
		`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">`: limitedQuirks,
		`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">`:             noQuirks,
		`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2//EN">`:                                                                         quirks,
		`<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML//EN">`:                                                                            quirks,
	} {
		doc, err := parse(context.Background(), doctype+"<p>x", false)
		if err != nil {
			t.Fatal(err)
		}
		got := modeOf(doc)
		if got != want {
			t.Errorf("%s: mode %d, want %d", doctype, got, want)
		}
		again, err := parse(context.Background(), got.doctype()+"<p>x", false)
		if err != nil || modeOf(again) != got {
			t.Errorf("mode %d is not what its doctype makes", got)
		}
	}
}

func TestFindings(t *testing.T) {
	f := HTML(context.Background(), `
		<style>@import "http://i.example/x.css";@font-face{src:url(http://f.example/f.woff)}p{background:url(http://c.example/b.png)}</style>
		<link rel=stylesheet href="http://l.example/x.css"><base href="http://b.example/"><meta http-equiv=refresh content="0;url=x">
		<img src="http://t.example/p.gif" width=1 height=1><img src="//u.example/a"><img srcset="http://s.example/a 1x">
		<iframe src="http://if.example/"></iframe><video poster="http://p.example/x"></video>
		<a href="https://evil.example/login">https://www.bank.example/</a><a href="https://x.bank.example">bank.example</a>
		<a href="https://paypal.com@evil.example/">paypal.com</a><a href="https://ok.example">read more</a>
		<form action=x></form><form></form><a href="javascript:x">x</a>`, Options{}).Findings
	want := "i.example f.example c.example l.example t.example u.example s.example if.example p.example"
	if got := strings.Join(f.RemoteHosts, " "); got != want || f.Remote != 9 || f.Trackers != 1 {
		t.Errorf("%d remote at %s, %d trackers", f.Remote, got, f.Trackers)
	}
	if f.Forms != 2 || f.Links != 4 {
		t.Errorf("%d forms, %d links", f.Forms, f.Links)
	}
	for i, mismatch := range []bool{true, false, true, false} {
		if f.LinkList[i].Mismatch != mismatch {
			t.Errorf("link %+v", f.LinkList[i])
		}
	}
	if got := strings.Join(f.Removed, ","); got != "base address,font,form,frame,media,redirect,script link,style import" {
		t.Errorf("removed %s", got)
	}
}

func TestRemoteAllowed(t *testing.T) {
	opt := Options{Remote: func(u string) (string, bool) {
		if u == "http://bad.example/" {
			return "//elsewhere.example/", true // a mistake of ours
		}
		return "/b/" + strings.Map(onlyWord, u), true
	}}
	r := HTML(context.Background(), `<img src="http://x.example/a"><img src="http://bad.example/"><p style="background:url(https://y.example/)">`, opt)
	want := `<img src="/b/http---x-example-a"><img><p style="background:url(&#34;/b/https---y-example-&#34;)"></p>`
	if got := inner(t, r); got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
	if r.Findings.Remote != 3 {
		t.Errorf("%d remote", r.Findings.Remote)
	}
}

func TestTheme(t *testing.T) {
	for _, c := range []struct {
		theme Theme
		in    string
		want  string
	}{
		{ThemeAuto, "<p>x", sheetAuto}, {ThemeDark, "<p>x", sheetDark}, {ThemeLight, "<p>x", sheetLight},
		{ThemeDark, "<p style='color:black'>x", sheetLight}, {ThemeAuto, "<table bgcolor=white>x", sheetLight},
		{ThemeDark, "<style>p{color:#000}@media (prefers-color-scheme:dark){p{color:#fff}}</style><p style='color:black'>x", sheetDark},
	} {
		if r := HTML(context.Background(), c.in, Options{Theme: c.theme}); !strings.Contains(r.Document, c.want) {
			t.Errorf("%q %s: no %s", c.theme, c.in, c.want)
		}
	}
}

// TestForcedTheme asserts that a chosen theme decides queries too.
func TestForcedTheme(t *testing.T) {
	src := "<style>@media (prefers-color-scheme:dark){p{color:#fff}}@media (prefers-color-scheme:light){p{color:#000}}</style><p>x"
	for theme, want := range map[Theme]string{
		ThemeAuto:  "@media (prefers-color-scheme:dark){",
		ThemeDark:  "@media (min-width:0){\n#mail p{color:#fff}",
		ThemeLight: "@media (min-width:0){\n#mail p{color:#000}",
	} {
		if r := HTML(context.Background(), src, Options{Theme: theme}); !strings.Contains(r.Document, want) {
			t.Errorf("%q: no %s in %s", theme, want, r.Document)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct{ name, in, why string }{
		{"size", strings.Repeat("x", MaxInput+1), "too large"},
		{"nodes", strings.Repeat("<br>", MaxNodes+1), "too many elements, took too long"},
		{"depth", strings.Repeat("<div>", 600) + "text", "cannot be parsed, took too long"},
		// 500 open elements, opened again in each of many paragraphs.
		{"formatting bomb", fonts(450) + strings.Repeat("<p>x", 100_000), "too many elements, took too long"},
		{"frameset", "<frameset><frame src=x></frameset>", "consists of frames"},
	} {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		r := HTML(ctx, c.in, Options{})
		cancel()
		if !r.IsText || !strings.Contains(c.why, r.Findings.Fallback[:min(len(r.Findings.Fallback), 14)]) || r.LimitHit != (c.name != "frameset") {
			t.Errorf("%s: text %v, limit %v, %q", c.name, r.IsText, r.LimitHit, r.Findings.Fallback)
		}
		if err := check(r.Document); err != nil && c.name == "frameset" {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("%s took %v", c.name, d)
		}
	}
}

func fonts(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("<font size=" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ">")
	}
	return b.String()
}

func TestDeepIsFlattened(t *testing.T) {
	r := HTML(context.Background(), strings.Repeat("<div>", MaxDepth+50)+"text", Options{})
	if n := strings.Count(r.Document, "<div"); r.IsText || n > MaxDepth+1 || !strings.Contains(r.Document, "text") {
		t.Errorf("%d elements, text %v", n, r.IsText)
	}
}

func TestTimeLimit(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := HTML(ctx, "<p>words</p>", Options{})
	if !r.IsText || !r.LimitHit || r.Findings.Fallback != "took too long" || !strings.Contains(r.Document, "words") {
		t.Errorf("%+v", r)
	}
}

// TestOwnSheets asserts that our own style loads nothing: check leaves it out.
func TestOwnSheets(t *testing.T) {
	for _, s := range []string{sheetBase, sheetHTML, sheetText, sheetAuto, sheetDark, sheetLight} {
		if strings.Contains(s, "url") || strings.ContainsAny(s, "<@\\") {
			t.Errorf("sheet: %s", s)
		}
	}
}

func TestIsOurPath(t *testing.T) {
	for p, want := range map[string]bool{
		"/b/x": true, "p/abc": true, "//x.example/": false, `/\x.example`: false, "": false, "https://x": false, "javascript:x": false,
		"../x": false, "/a//b": false, "/a b": false, "/a\"": false, "?x": false, "%2f": false,
	} {
		if got := isOurPath(p); got != want {
			t.Errorf("%q: %v", p, got)
		}
	}
}
