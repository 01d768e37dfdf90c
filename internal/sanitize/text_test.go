package sanitize

import (
	"strings"
	"testing"
)

func textInner(t *testing.T, src string, opt TextOptions) string {
	t.Helper()
	r := Text(src, opt)
	if err := check(r.Document); err != nil {
		t.Errorf("%q: %v", src, err)
	}
	_, s, ok := strings.Cut(r.Document, `<div id="mail"><div class="t" dir="auto">`)
	if !ok {
		t.Fatalf("no mail in %s", r.Document)
	}
	s = strings.TrimSuffix(s, "</div></div></body></html>")
	return strings.ReplaceAll(s, ` target="_blank" rel="noopener noreferrer"`, "")
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"lines", "a\r\n  b\n\nc", "a\n  b\n\nc"},
		{"markup", "<b>&amp;", "&lt;b&gt;&amp;amp;"},
		{"quotes", "a\n> b\n> > c\n>> d\n> e\nf", "a<blockquote>b<blockquote>c\nd</blockquote>e</blockquote>f"},
		{"from", ">From here", "From here"},
		{"signature", "a\n-- \nAl\nB", `a<div class="sig">-- ` + "\nAl\nB</div>"},
		{"signature in a quote", "> a\n> -- \n> Al\nb", `<blockquote>a<div class="sig">-- ` + "\nAl</div></blockquote>b"},
		{"controls", "a\x1b[31mb\x00\x7fc", "a[31mbc"},
		{"link", "see https://x.example/a?b=c, or", `see <a href="https://x.example/a?b=c">https://x.example/a?b=c</a>, or`},
		{"link in brackets", "(https://x.example/a_(b)) <http://y.example>", `(<a href="https://x.example/a_(b)">https://x.example/a_(b)</a>) &lt;<a href="http://y.example">http://y.example</a>&gt;`},
		{"two links", "http://a.example http://b.example", `<a href="http://a.example">http://a.example</a> <a href="http://b.example">http://b.example</a>`},
		{"www", "www.x.example.", `<a href="http://www.x.example">www.x.example</a>.`},
		{"mail", "ask a.b+c@d.example.", `ask <a href="mailto:a.b+c@d.example">a.b+c@d.example</a>.`},
		{"mailto", "mailto:a@b.example", `<a href="mailto:a@b.example">mailto:a@b.example</a>`},
		{"no link", "javascript:alert(1) data:text/html,x http:// a@b @x.y file:///etc", "javascript:alert(1) data:text/html,x http:// a@b @x.y file:///etc"},
		{"in a word", "xhttp://a.example", "xhttp://a.example"},
		{"quote ends link", `http://a.example/"onclick="x`, `<a href="http://a.example/">http://a.example/</a>"onclick="x`},
		{"direction ends link", "http://a.example/\u202egpj.exe", `<a href="http://a.example/">http://a.example/</a>` + "\u202egpj.exe"},
		{"zero width ends link", "http://bank.example\u200b.evil.example", `<a href="http://bank.example">http://bank.example</a>` + "\u200b.evil.example"},
		{"unicode host", "https://müller.example/ä", `<a href="https://müller.example/ä">https://müller.example/ä</a>`},
		{"chinese", "见https://x.example/。好", `见https://x.example/。好`},
		{"user", "http://bank.example@evil.example/", `<a href="http://bank.example@evil.example/">http://bank.example@evil.example/</a>`},
		{"ip", "http://10.0.0.1/x", `<a href="http://10.0.0.1/x">http://10.0.0.1/x</a>`},
	} {
		if got := textInner(t, c.in, TextOptions{}); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestTextFlowed(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		delSp          bool
	}{
		{"joined", "a \nb\nc", "a b\nc", false},
		{"deleted space", "日 \n本", "日本", true},
		{"stuffed", " >not a quote\n  x", "&gt;not a quote\n x", false},
		{"quote", ">> a \n>> b\n> c", "<blockquote><blockquote>a b</blockquote>c</blockquote>", false},
		{"depth ends", "> a \nb", "<blockquote>a </blockquote>b", false},
		{"signature", "a \n-- \nb", `a <div class="sig">-- ` + "\nb</div>", false},
	} {
		if got := textInner(t, c.in, TextOptions{Flowed: true, DelSp: c.delSp}); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestTextFindings(t *testing.T) {
	f := Text("http://bank.example@evil.example/ a@b.example", TextOptions{}).Findings
	if f.Links != 2 || f.LinkList[0].Host != "evil.example" || f.LinkList[1].Host != "" {
		t.Errorf("%+v", f)
	}
}

func TestTextLimits(t *testing.T) {
	if r := Text(strings.Repeat("x", MaxInput+1), TextOptions{}); !r.Findings.Truncated || len(r.Document) > MaxInput+5000 {
		t.Errorf("truncated %v, %d bytes", r.Findings.Truncated, len(r.Document))
	}
	deep := Text(strings.Repeat(">", 1000)+" x", TextOptions{})
	if n := strings.Count(deep.Document, "<blockquote>"); n != MaxQuote {
		t.Errorf("%d levels", n)
	}
	links := Text(strings.Repeat("http://a.example ", 300_000/stride), TextOptions{})
	if f := links.Findings; len(f.LinkList) != MaxLinks || strings.Count(links.Document, "<a ") > MaxNodes {
		t.Errorf("%d links listed", len(f.LinkList))
	}
	if r := Text(strings.Repeat("> a\nb\n", MaxNodes), TextOptions{}); strings.Count(r.Document, "<blockquote>") > MaxNodes+1 {
		t.Errorf("%d nodes, truncated %v", strings.Count(r.Document, "<blockquote>"), r.Findings.Truncated)
	}
}

func TestPlainText(t *testing.T) {
	got := PlainText("<title>T</title><style>a{}</style><p>Hello&nbsp;<b>w</b>orld</p><p>two<br>three</p><script>x</script><ul><li>one</ul>")
	if want := "Hello w orld\n\ntwo\nthree\n\none"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
