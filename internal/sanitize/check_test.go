package sanitize

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// This file holds a checker that shares nothing with the code under test but the
// parser: its own lists, its own reading of CSS.

var checkedTags = strings.Fields(`html head body meta title style
	a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del
	dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main
	map mark menu nav nobr ol p pre q rp rt ruby s samp section small span strike strong sub sup table tbody
	td tfoot th thead time tr tt u ul var wbr`)

var checkedAttributes = strings.Fields(`class id style title dir lang align role aria-label aria-hidden valign char width
	height bgcolor bordercolor background border cellpadding cellspacing hspace vspace frame rules summary colspan rowspan scope nowrap abbr
	span src alt usemap href name shape coords color face size noshade type start reversed value clear compact datetime target rel`)

// check parses a document as a browser with and without scripting would, and
// says what is not harmless in it.
func check(doc string) error {
	for _, scripting := range []bool{false, true} {
		root, err := html.ParseWithOptions(strings.NewReader(doc), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			return err
		}
		for n := range root.Descendants() {
			if err := checkNode(n); err != nil {
				return fmt.Errorf("scripting %v: %w", scripting, err)
			}
		}
	}
	return nil
}

func checkNode(n *html.Node) error {
	switch n.Type {
	case html.TextNode:
		if n.Parent.Data == "style" {
			return checkCSS(n.Data)
		}
		return nil
	case html.DoctypeNode:
		return nil
	case html.ElementNode:
	default:
		return fmt.Errorf("node of type %d: %q", n.Type, n.Data)
	}
	if n.Namespace != "" || !contains(checkedTags, n.Data) {
		return fmt.Errorf("element <%s> in namespace %q", n.Data, n.Namespace)
	}
	if n.Data == "meta" {
		return checkMeta(n)
	}
	for _, a := range n.Attr {
		if err := checkAttribute(n, a); err != nil {
			return fmt.Errorf("<%s %s=%q>: %w", n.Data, a.Key, a.Val, err)
		}
	}
	return nil
}

func checkMeta(n *html.Node) error {
	var b strings.Builder
	html.Render(&b, n)
	switch b.String() {
	case `<meta charset="utf-8"/>`, `<meta name="viewport" content="width=device-width,initial-scale=1"/>`,
		`<meta name="referrer" content="no-referrer"/>`, `<meta http-equiv="x-dns-prefetch-control" content="off"/>`:
		return nil
	}
	return fmt.Errorf("meta: %s", b.String())
}

func checkAttribute(n *html.Node, a html.Attribute) error {
	if a.Namespace != "" || !contains(checkedAttributes, a.Key) {
		return fmt.Errorf("attribute not on the list")
	}
	v := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, a.Val))
	switch a.Key {
	case "href":
		if !strings.HasPrefix(v, "#") && (attrOf(n, "target") != "_blank" || attrOf(n, "rel") != "noopener noreferrer") {
			return fmt.Errorf("link that stays in the frame")
		}
		for _, p := range []string{"http://", "https://", "mailto:", "tel:", "sms:", "xmpp:", "sip:", "#m-"} {
			if strings.HasPrefix(v, p) {
				return nil
			}
		}
		return fmt.Errorf("link of another kind")
	case "src", "background":
		if strings.HasPrefix(v, "data:image/") && !strings.HasPrefix(v, "data:image/svg") || strings.HasPrefix(v, "/b/") {
			return nil
		}
		return fmt.Errorf("loads something")
	case "style":
		return checkCSS(a.Val)
	case "id", "name":
		if a.Val != scopeID && !strings.HasPrefix(a.Val, "m-") {
			return fmt.Errorf("name without prefix")
		}
	}
	return nil
}

var (
	cssEscape     = regexp.MustCompile(`\\([0-9a-f]+) `)
	cssQuote      = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	cssURLPattern = regexp.MustCompile(`(?i)url\(`)
	cssBadPattern = regexp.MustCompile(`(?i)@import|@font-face|expression\s*\(|behavior|-moz-binding|javascript|image-set|position\s*:\s*(fixed|absolute|sticky)|<|\bsrc\(|-webkit-cross-fade`)
)

// checkCSS decodes no escapes: what we write has only those of characters that
// have no meaning in CSS, so none of these words can be spelt in another way.
func checkCSS(css string) error {
	css = strings.TrimPrefix(css, sheetBase+sheetHTML) // constant; TestOwnSheets reads it
	for _, m := range cssEscape.FindAllStringSubmatch(css, -1) {
		var c rune
		fmt.Sscanf(m[1], "%x", &c)
		if c >= 'a' && c <= 'z' && c != 'e' || c >= 'A' && c <= 'Z' && c != 'E' {
			return fmt.Errorf("css hides a letter: %s", css)
		}
	}
	bare := cssQuote.ReplaceAllStringFunc(css, func(s string) string {
		if strings.HasPrefix(s, `"/b/`) || strings.HasPrefix(s, `"data:image/`) {
			return "OURS"
		}
		return "STRING"
	})
	if m := cssBadPattern.FindString(bare); m != "" {
		return fmt.Errorf("css has %q: %s", m, css)
	}
	for _, at := range cssURLPattern.FindAllStringIndex(bare, -1) {
		if !strings.HasPrefix(bare[at[1]:], "OURS)") {
			return fmt.Errorf("css loads something: %s", css)
		}
	}
	return nil
}

func attrOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// visibleText is the text of a document without styles.
func visibleText(doc string) string {
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		return ""
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type != html.TextNode {
			continue
		}
		switch n.Parent.Data {
		case "style", "title", "script", "noscript", "textarea", "option", "select":
			continue
		}
		b.WriteString(n.Data + " ")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
