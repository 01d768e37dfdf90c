package sanitize

import (
	"context"
	"strings"
	"testing"
)

func TestSnippet(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text", `Joe &amp; <b>Ann</b>`, `Joe &amp; <b>Ann</b>`},
		{"a whole page", `<!DOCTYPE html><html><head><title>x</title><style>p{color:red}</style></head><body class=b><p style="color:red">Joe</p></body></html>`,
			`<p style="color:red">Joe</p>`},
		{"script", `<p onclick=x>a</p><script>y</script><iframe src=z></iframe>`, `<p>a</p>`},
		{"names", `<p id=send class="btn primary"><a name=top href="#top">a</a></p>`, `<p><a>a</a></p>`},
		{"link", `<a href="https://example.org/">a</a><a href="javascript:x">b</a>`,
			`<a href="https://example.org/" target="_blank" rel="noopener noreferrer">a</a><a>b</a>`},
		{"pictures", `<img src="https://example.org/logo.png" width=10><img src="http://example.org/a.png"><img src="data:image/png;base64,AAAA"><img src="cid:x">`,
			`<img src="https://example.org/logo.png" width="10"><img><img src="data:image/png;base64,AAAA"><img>`},
		{"it ends what is around it", `</div></body><p>a</p></html>`, `<p>a</p>`},
		{"unclosed", `<table><tr><td><b>a`, `<table><tbody><tr><td><b>a</b></td></tr></tbody></table>`},
	} {
		got, err := Snippet(context.Background(), c.in)
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
		if again, err := Snippet(context.Background(), got); err != nil || again != got {
			t.Errorf("%s, made again: %s, %v", c.name, again, err)
		}
	}
	for name, in := range map[string]string{
		"frames":   `<frameset><frame src=x></frameset>`,
		"too long": strings.Repeat("a", MaxInput+1),
	} {
		if got, err := Snippet(context.Background(), in); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzSnippet(f *testing.F) {
	for _, s := range []string{
		"<p onclick=x style='color:red'>a<b>b</p>c", "</div></div><svg><style><img src=x onerror=y>", "<table><a href=x><td><a href=//y>",
		"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=x&gt;\">", "<select><template><style><!--</select>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := Snippet(context.Background(), s)
		if err != nil {
			return
		}
		back, err := readSnippet(context.Background(), out)
		if err != nil {
			t.Fatalf("%v\n%q\n%s", err, s, out)
		}
		back.each(func(n *node) {
			if n.get("id") != "" || n.get("class") != "" || n.get("name") != "" || strings.HasPrefix(n.get("src"), "http:") {
				t.Errorf("<%s %v> in %s", n.tag, n.attrs, out)
			}
			if n.tag != "" && !contains(checkedTags, n.tag) {
				t.Errorf("<%s> in %s", n.tag, out)
			}
		})
	})
}

func (n *node) each(f func(*node)) {
	f(n)
	for _, k := range n.kids {
		k.each(f)
	}
}
