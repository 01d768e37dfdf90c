package sanitize

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sheetOf is what a mail's style sheet becomes.
func sheetOf(t *testing.T, css string) string {
	t.Helper()
	r := HTML(context.Background(), "<style>"+css+"</style><p>x", testOptions)
	if err := check(r.Document); err != nil {
		t.Errorf("%s: %v", css, err)
	}
	parts := strings.Split(r.Document, "<style>")
	if len(parts) < 3 {
		return ""
	}
	s, _, _ := strings.Cut(parts[2], "</style>")
	return strings.ReplaceAll(s, "\n", "")
}

func TestSheet(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"p{color:red}", "#mail p{color:red}"},
		{"body{margin:0}", "#mail>div{margin:0}"},
		{"body{color:red;background:#eee}", "#mail>div{color:red;background:#eee}#mail{background:#eee}"},
		{"body td{background:#eee}", "#mail>div td{background:#eee}"},
		{"html,body,:root{margin:0}", "#mail>div,#mail>div,#mail>div{margin:0}"},
		{"html body .a>td{margin:0}", "#mail>div .a>td{margin:0}"},
		{"body.x #id[class~=\"a b\"]{margin:0}", `#mail>div.x #m-id[class~="a b"]{margin:0}`},
		{"*{margin:0}", "#mail *{margin:0}"},
		{"#mail{margin:0}", "#mail #m-mail{margin:0}"},
		{"td[id=x],td[id*=x]{margin:0}", `#mail td[id="m-x"],#mail td[id*="x"]{margin:0}`},
		{"a:hover,tr:nth-child( 2n + 1 ),p::first-line{margin:0}", "#mail a:hover,#mail tr:nth-child(2n + 1),#mail p::first-line{margin:0}"},
		{"p:not(.x){margin:0}", "#mail p:not(.x){margin:0}"},
		{"p:has(img){margin:0}", ""},
		{"p:is(a,b){margin:0}q{margin:0}", "#mail q{margin:0}"},
		{"p > , q{margin:0}", "#mail q{margin:0}"},
		{"td body{margin:0}", ""},
		{"[data-x] p{margin:0}", ""},
		{"@media screen and (max-width: 600px){p{margin:0}}", "@media screen and (max-width: 600px){#mail p{margin:0}}"},
		{"@media (width<600px){p{margin:0}}", ""},
		{"@media print{@media (color){p{margin:0}}}", "@media print{@media (color){#mail p{margin:0}}}"},
		{"@import url(x);p{margin:0}", "#mail p{margin:0}"},
		{"@font-face{font-family:x;src:url(x)}", ""},
		{"@keyframes x{from{margin:0}}", ""},
		{"@supports (display:grid){p{margin:0}}", ""},
		{"<!-- p{margin:0} -->", "#mail p{margin:0}"},
		{"p{margin:0", "#mail p{margin:0}"},
		{"p{margin:0}}q{margin:1px}", "#mail p{margin:0}"},
		{"p{;;margin:0;:x;color:}", "#mail p{margin:0}"},
		{"p{position:absolute;position:relative;position:FIXED}", "#mail p{position:relative}"},
		{"p{width:calc(100% - 10px)}", "#mail p{width:calc(100% - 10px)}"},
		{"p{width:expression(alert(1))}", ""},
		{"p{background:image-set('http://x.example/a' 1x)}", ""},
		{`p{content:'\3c/style>\3cscript>'}`, `#mail p{content:"\3c /style\3e \3c script\3e "}`},
		{"p{font-family:'A \\22 B',serif}", `#mail p{font-family:"A \22 B",serif}`},
		{"p{color:\\75 rl(x)}", ""},
		{"p{background:u\\72l(http://x.example/)}", ""},
		{"p{color:red;/* } */margin:0}", "#mail p{color:red;margin:0}"},
		{"p{color:var(--x);--x:red}", ""},
		{"p{margin:0 /**/ auto}", "#mail p{margin:0 auto}"},
		{".\\31 0{margin:0}", `#mail .\31 0{margin:0}`},
		{"p{-moz-binding:url(x);mso-line-height-rule:exactly;margin:0}", "#mail p{margin:0}"},
	} {
		if got := sheetOf(t, c.in); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestCSSTokens(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []cssToken
	}{
		{"a-b", []cssToken{{cssIdent, "a-b", ""}}},
		{"-1.5e3px", []cssToken{{cssDimension, "px", "-1.5e3"}}},
		{"1e", []cssToken{{cssDimension, "e", "1"}}},
		{"+.5%", []cssToken{{cssPercentage, "+.5", ""}}},
		{"#fff", []cssToken{{cssHash, "fff", ""}}},
		{"url( x )", []cssToken{{cssURL, "x", ""}}},
		{"url(x y)", []cssToken{{cssBad, "", ""}}},
		{"URL('x')", []cssToken{{cssFunction, "url", ""}, {cssString, "x", ""}, {cssClose, ")", ""}}},
		{"'a\nb", []cssToken{{cssBad, "", ""}, {cssSpace, "", ""}, {cssIdent, "b", ""}}},
		{`"a\
b"`, []cssToken{{cssString, "ab", ""}}},
		{`\61 b`, []cssToken{{cssIdent, "ab", ""}}},
		{`\0 x`, []cssToken{{cssIdent, "\uFFFDx", ""}}},
		{"a/**/b", []cssToken{{cssIdent, "a", ""}, {cssIdent, "b", ""}}},
		{"<!---->", []cssToken{{cssCDO, "", ""}, {cssCDC, "", ""}}},
		{"@media{", []cssToken{{cssAt, "media", ""}, {cssOpen, "{", ""}}},
		{"/*", nil},
		{"--x", []cssToken{{cssIdent, "--x", ""}}},
		{"é€", []cssToken{{cssIdent, "é€", ""}}},
	} {
		if d := cmp.Diff(c.want, cssTokens(c.in), cmp.AllowUnexported(cssToken{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, d)
		}
	}
}

func TestSheetLimits(t *testing.T) {
	if got := sheetOf(t, strings.Repeat("p{margin:0}", MaxStyle/11+100)); got != "" {
		t.Errorf("%d bytes of a sheet that is too large", len(got))
	}
	if got := sheetOf(t, strings.Repeat("a,", 10*MaxSelectors)+"a{margin:0}"); strings.Count(got, "a") > 2*MaxSelectors+10 {
		t.Errorf("%d selectors", strings.Count(got, "#mail a"))
	}
	if got := sheetOf(t, strings.Repeat("a ", 2*MaxCompounds)+"{margin:0}"); got != "" {
		t.Errorf("steps are not limited: %s", got)
	}
	deep := strings.Repeat("@media print{", 2*MaxCSSDepth) + "p{margin:0}"
	if got := sheetOf(t, deep); got != "" {
		t.Errorf("nesting is not limited: %s", got)
	}
	if got := sheetOf(t, "p{width:"+strings.Repeat("calc(", 2*MaxCSSDepth)+"1px}"); got != "" {
		t.Errorf("brackets are not limited: %s", got)
	}
	many := sheetOf(t, "p{"+strings.Repeat("margin:0;", 2*MaxDeclarations)+"}")
	if n := strings.Count(many, "margin"); n != MaxDeclarations {
		t.Errorf("%d declarations", n)
	}
}
