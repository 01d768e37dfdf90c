package sanitize

import (
	"errors"
	"strings"

	"golang.org/x/net/html"
)

// cleaner copies one parsed mail to our own tree.
type cleaner struct {
	opt   Options
	bare  bool // a snippet: nothing refers to rules or names elsewhere
	found Findings
	kinds map[string]bool
	stop  func() error // non-nil when time is up

	nodes     int
	style     strings.Builder // the mail's own rules, scoped
	cssBytes  int
	inlined   map[string]string // style attributes done already
	inDark    bool
	darkRules bool // the mail has rules for dark color schemes
	ownColors bool // the mail sets colors
	err       error
}

// Reasons why a mail is shown as text.
var (
	errNodes  = errors.New("too many elements")
	errTime   = errors.New("took too long")
	errSize   = errors.New("too large")
	errParse  = errors.New("cannot be parsed") // nested too deep, or a fault of the parser
	errTree   = errors.New("cannot be written safely")
	errFrames = errors.New("consists of frames")
)

// document copies a whole document to the two elements that hold a mail: the
// scope, and in it the one that stands for body.
func (c *cleaner) document(doc *html.Node) (*node, error) {
	scopeNode := element("div", attr{"id", scopeID})
	bodyNode := element("div")
	scopeNode.add(bodyNode)
	htmlNode := child(doc, "html")
	if htmlNode == nil {
		return nil, errTree
	}
	c.collectStyles(doc)
	if c.err != nil {
		return nil, c.err
	}
	body := child(htmlNode, "body")
	if body == nil {
		return nil, errFrames
	}
	c.bodyAttributes(scopeNode, bodyNode, htmlNode, body)
	c.children(bodyNode, body, 2)
	return scopeNode, c.err
}

func child(n *html.Node, tag string) *html.Node {
	for k := n.FirstChild; k != nil; k = k.NextSibling {
		if k.Type == html.ElementNode && k.Data == tag && k.Namespace == "" {
			return k
		}
	}
	return nil
}

// collectStyles takes the text of each style element, wherever it stands.
func (c *cleaner) collectStyles(n *html.Node) {
	for d := range n.Descendants() {
		if c.err != nil {
			return
		}
		c.step()
		if d.Type != html.ElementNode || d.Namespace != "" {
			continue
		}
		switch d.Data {
		case "style":
			if inForeign(d) {
				continue
			}
			c.styleElement(d)
		case "link":
			if href := attribute(d, "href"); strings.Contains(strings.ToLower(attribute(d, "rel")), "stylesheet") {
				c.removed("style import")
				c.blocked(href)
			}
		case "base":
			c.removed("base address")
		case "meta":
			if strings.EqualFold(attribute(d, "http-equiv"), "refresh") {
				c.removed("redirect")
			}
		}
	}
}

// inForeign says whether an element stands in what is dropped as a whole.
func inForeign(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Namespace != "" || p.Data == "template" || p.Data == "noscript" {
			return true
		}
	}
	return false
}

func (c *cleaner) styleElement(n *html.Node) {
	if t := strings.ToLower(strings.TrimSpace(attribute(n, "type"))); t != "" && t != "text/css" {
		return
	}
	var text strings.Builder
	for k := n.FirstChild; k != nil; k = k.NextSibling {
		text.WriteString(k.Data)
	}
	css := text.String()
	if media := strings.TrimSpace(attribute(n, "media")); media != "" {
		query, ok := c.query(cssTokens(media))
		if !ok {
			return
		}
		css = "@media " + query + "{" + css + "}"
	}
	c.sheet(css)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// bodyAttributes gives the element that stands for body what body and html had,
// but backgrounds to the scope: a browser paints a body's on the whole page.
func (c *cleaner) bodyAttributes(scope, n *node, htmlNode, body *html.Node) {
	style := ""
	for _, a := range body.Attr {
		switch a.Key {
		case "bgcolor":
			style += legacyColor("background-color", a.Val)
		case "text":
			style += legacyColor("color", a.Val)
		case "background":
			style += "background-image:url(" + cssQuoted(a.Val) + ");"
		case "link":
			c.sheet("a{" + legacyColor("color", a.Val) + "}")
		case "topmargin", "marginheight", "leftmargin", "marginwidth":
		case "class", "id", "title", "dir", "lang", "align":
			c.attribute(n, "div", a.Key, a.Val)
		}
	}
	for _, name := range []string{"dir", "lang"} {
		if v := attribute(htmlNode, name); v != "" && n.get(name) == "" {
			c.attribute(n, "div", name, v)
		}
	}
	style += strings.TrimRight(attribute(htmlNode, "style"), "; \t\r\n")
	if own := attribute(body, "style"); own != "" {
		style = strings.TrimRight(style, ";") + ";" + own
	}
	if len(style) > MaxInline {
		c.removed("style")
		return
	}
	list := c.declarations(parseDeclarations(cssTokens(style)))
	c.ownColors = c.ownColors || setsColor(list)
	back, rest := splitBackgrounds(list)
	setStyle(scope, back)
	setStyle(n, rest)
}

func setStyle(n *node, list []declaration) {
	if len(list) == 0 {
		return
	}
	var b strings.Builder
	writeDeclarations(&b, list)
	n.set("style", b.String())
}

// legacyColor writes an old color attribute as a declaration, if CSS can.
func legacyColor(property, v string) string {
	v = strings.TrimSpace(v)
	if len(v) == 6 && strings.Trim(strings.ToLower(v), "0123456789abcdef") == "" {
		v = "#" + v
	}
	if !isColorName(v) && (!strings.HasPrefix(v, "#") || strings.Trim(strings.ToLower(v[1:]), "0123456789abcdef") != "") {
		return ""
	}
	return property + ":" + v + ";"
}

func cssQuoted(s string) string {
	var b strings.Builder
	writeCSSString(&b, s)
	return b.String()
}

// step counts a node and looks at the limits.
func (c *cleaner) step() {
	c.nodes++
	switch {
	case c.err != nil:
	case c.nodes > MaxNodes:
		c.err = errNodes
	case c.nodes%1024 == 0:
		c.err = c.stop()
	}
}

// children copies what is in from to n.
func (c *cleaner) children(n *node, from *html.Node, depth int) {
	for k := from.FirstChild; k != nil && c.err == nil; k = k.NextSibling {
		c.step()
		switch k.Type {
		case html.TextNode:
			n.addText(strings.ReplaceAll(k.Data, "\x00", ""))
		case html.ElementNode:
			c.element(n, k, depth)
		}
	}
}

// element copies one element, or what is in it, or nothing.
func (c *cleaner) element(parent *node, from *html.Node, depth int) {
	tag := from.Data
	if from.Namespace != "" {
		c.removed(from.Namespace)
		return
	}
	if kind, ok := droppedTags[tag]; ok {
		c.dropped(from, kind)
		return
	}
	if to, ok := renamedTags[tag]; ok {
		tag = to
	}
	if depth >= MaxDepth || !allowedTags[tag] {
		if kind := unwrappedKinds[tag]; kind != "" {
			c.removed(kind)
		}
		if tag == "form" {
			c.found.Forms++
		}
		c.lostAddresses(from)
		c.children(parent, from, depth)
		return
	}
	n := element(tag)
	for _, a := range from.Attr {
		c.attribute(n, tag, a.Key, a.Val)
	}
	c.finish(n, from)
	parent.add(n)
	if isVoid(tag) {
		return
	}
	c.children(n, from, depth+1)
	if href := n.get("href"); tag == "a" && href != "" && !strings.HasPrefix(href, "#") {
		_, host, _ := c.link(href)
		c.addLink(href, host, textOf(n))
	}
}

// dropped records what a dropped element would have been.
func (c *cleaner) dropped(from *html.Node, kind string) {
	if kind != "" {
		c.removed(kind)
	}
	c.lostAddresses(from)
}

// lostAddresses counts what an element that is not copied would have loaded.
func (c *cleaner) lostAddresses(from *html.Node) {
	for _, a := range from.Attr {
		switch a.Key {
		case "src", "data", "poster", "background":
			c.blocked(a.Val)
		case "srcset":
			c.blocked(firstWord(a.Val))
		}
	}
}

func firstWord(s string) string {
	for _, w := range strings.Fields(s) {
		return w
	}
	return ""
}

// attribute copies one attribute if it is on the lists and its value passes.
// The first of a name counts, as in browsers.
func (c *cleaner) attribute(n *node, tag, name, value string) {
	kind, ok := kindOf(tag, name)
	if c.bare && (kind == ident || kind == classes || kind == idReference) {
		return
	}
	if !ok {
		c.lostAttribute(tag, name, value)
		return
	}
	for _, a := range n.attrs {
		if a.name == name {
			return
		}
	}
	value = strings.ReplaceAll(strings.ToValidUTF8(value, "\uFFFD"), "\x00", "")
	switch kind {
	case linkTarget:
		value, _, ok = c.link(value)
	case imageSource:
		value, ok = c.resource(value)
	case inlineStyle:
		value = c.inline(value)
		ok = value != ""
	default:
		value, ok = plainValue(kind, value)
	}
	if ok {
		if name == "bgcolor" || kind == color {
			c.ownColors = true
		}
		n.set(name, value)
	}
}

// lostAttribute records attributes that are more than unknown.
func (c *cleaner) lostAttribute(tag, name, value string) {
	switch {
	case strings.HasPrefix(name, "on") && len(name) > 2:
		c.removed("script")
	case name == "srcset" || name == "src" || name == "background" || name == "poster":
		c.blocked(firstWord(value))
	case name == "action" || name == "formaction":
		c.removed("form")
	}
}

// finish adds what we put on elements ourselves.
func (c *cleaner) finish(n *node, from *html.Node) {
	switch n.tag {
	case "a", "area":
		if href := n.get("href"); href != "" && !strings.HasPrefix(href, "#") {
			n.set("target", "_blank")
			n.set("rel", "noopener noreferrer")
		}
	case "img":
		if src := attribute(from, "src"); looksRemote(src) && isPixel(from) {
			c.found.Trackers++
		}
	}
}

// isPixel says whether a picture is made to be not seen.
func isPixel(n *html.Node) bool {
	w, h := strings.TrimSpace(attribute(n, "width")), strings.TrimSpace(attribute(n, "height"))
	tiny := func(s string) bool { s = strings.TrimSuffix(s, "px"); return s == "0" || s == "1" }
	return tiny(w) && tiny(h)
}

// textOf is the first text in a tree; it looks at a bounded part of it.
func textOf(n *node) string {
	var b strings.Builder
	budget := 1000
	n.collectText(&b, &budget)
	return b.String()
}

func (n *node) collectText(b *strings.Builder, budget *int) {
	if *budget--; *budget < 0 || b.Len() > 8*MaxLinkText {
		return
	}
	b.WriteString(n.text)
	for _, k := range n.kids {
		k.collectText(b, budget)
	}
}
