package sanitize

import "strings"

// sheet sanitises one style element's text and appends it to the document's
// own style.
func (c *cleaner) sheet(text string) {
	if len(text) > MaxStyle || c.cssBytes > MaxStyle {
		c.removed("style")
		return
	}
	c.cssBytes += len(text)
	c.rules(&c.style, parseRules(cssTokens(text)), 0)
}

// rules writes the rules that may stay.
func (c *cleaner) rules(b *strings.Builder, rules []cssRule, depth int) {
	for _, r := range rules {
		if b.Len() > MaxStyle {
			c.removed("style")
			return
		}
		switch r.at {
		case "":
			c.rule(b, r)
		case "media":
			c.media(b, r, depth)
		case "charset", "namespace", "page", "viewport", "-ms-viewport":
		case "import":
			c.removed("style import")
			c.blockAll(r.prelude)
		case "font-face":
			c.removed("font")
			c.blockAll(r.block)
		case "keyframes", "-webkit-keyframes", "-moz-keyframes", "-o-keyframes":
			c.removed("animation")
		default:
			c.blockAll(r.block)
		}
	}
}

// blockAll counts the addresses in tokens that are dropped.
func (c *cleaner) blockAll(toks []cssToken) {
	for _, t := range toks {
		if t.kind == cssURL || t.kind == cssString && looksRemote(t.text) {
			c.blocked(t.text)
		}
	}
}

func (c *cleaner) rule(b *strings.Builder, r cssRule) {
	list := c.declarations(parseDeclarations(r.block))
	if len(list) == 0 {
		return
	}
	sel := selectors(r.prelude)
	if sel == "" {
		return
	}
	if !c.darkRules && c.inDark && setsColor(list) {
		c.darkRules = true
	}
	b.WriteString(sel)
	b.WriteByte('{')
	writeDeclarations(b, list)
	b.WriteString("}\n")
	if back, _ := splitBackgrounds(list); len(back) > 0 && selectsBody(r.prelude) {
		b.WriteString(scope + "{")
		writeDeclarations(b, back)
		b.WriteString("}\n")
	}
}

// splitBackgrounds takes the backgrounds out of a list.
func splitBackgrounds(list []declaration) (back, rest []declaration) {
	for _, d := range list {
		if strings.HasPrefix(d.name, "background") {
			back = append(back, d)
		} else {
			rest = append(rest, d)
		}
	}
	return back, rest
}

// selectsBody says whether one of the selectors is just the body.
func selectsBody(prelude []cssToken) bool {
	for _, part := range splitComma(prelude) {
		if s, ok := scopedSelector(trimSpace(part)); ok && s == scope+">div" {
			return true
		}
	}
	return false
}

// media writes an @media rule whose query is made of harmless tokens.
func (c *cleaner) media(b *strings.Builder, r cssRule, depth int) {
	query, ok := c.query(r.prelude)
	if !ok || depth >= MaxCSSDepth {
		return
	}
	was := c.inDark
	c.inDark = c.inDark || isDarkQuery(r.prelude)
	var inner strings.Builder
	c.rules(&inner, parseRules(r.block), depth+1)
	c.inDark = was
	if inner.Len() > 0 {
		b.WriteString("@media " + query + "{\n" + inner.String() + "}\n")
	}
}

// query writes a media query (Media Queries Level 4), or refuses it. Ranges
// with "<" are refused: no style of ours holds that character.
func (c *cleaner) query(toks []cssToken) (string, bool) {
	toks = c.chooseScheme(trimSpace(toks))
	depth := 0
	for _, t := range toks {
		switch t.kind {
		case cssSpace, cssIdent, cssColon, cssComma, cssNumber, cssDimension:
		case cssOpen:
			depth++
			if t.text != "(" || depth > MaxCSSDepth {
				return "", false
			}
		case cssClose:
			depth--
		case cssDelim:
			if t.text != "/" {
				return "", false
			}
		default:
			return "", false
		}
		if depth < 0 {
			return "", false
		}
	}
	if len(toks) == 0 || depth != 0 || len(toks) > 200 {
		return "", false
	}
	var b strings.Builder
	writeCSS(&b, toks)
	return b.String(), true
}

// chooseScheme answers (prefers-color-scheme: x) when the person chose a theme: a
// frame's own color scheme does not, the system's decides there. The answer is a
// query that is always or never true.
func (c *cleaner) chooseScheme(toks []cssToken) []cssToken {
	if c.opt.Theme == ThemeAuto {
		return toks
	}
	out := make([]cssToken, 0, len(toks))
	for i := 0; i < len(toks); i++ {
		if toks[i].kind != cssOpen || toks[i].text != "(" {
			out = append(out, toks[i])
			continue
		}
		end := blockEnd(toks, i)
		scheme, ok := schemeAsked(toks[i+1 : min(end, len(toks))])
		if !ok || end >= len(toks) {
			out = append(out, toks[i])
			continue
		}
		feature := "max-width"
		if scheme == string(c.opt.Theme) {
			feature = "min-width"
		}
		out = append(out, toks[i], cssToken{kind: cssIdent, text: feature}, cssToken{kind: cssColon, text: ":"}, cssToken{kind: cssNumber, text: "0"}, toks[end])
		i = end
	}
	return out
}

// schemeAsked reads "prefers-color-scheme: x".
func schemeAsked(toks []cssToken) (string, bool) {
	var words []string
	for _, t := range toks {
		if t.kind != cssSpace {
			words = append(words, strings.ToLower(t.text))
		}
	}
	if len(words) != 3 || words[0] != "prefers-color-scheme" || words[1] != ":" {
		return "", false
	}
	return words[2], true
}

// isDarkQuery says whether a query asks for a dark color scheme.
func isDarkQuery(toks []cssToken) bool {
	asked := false
	for _, t := range toks {
		if t.kind != cssIdent {
			continue
		}
		asked = asked || strings.EqualFold(t.text, "prefers-color-scheme")
		if asked && strings.EqualFold(t.text, "dark") {
			return true
		}
	}
	return false
}

func setsColor(list []declaration) bool {
	for _, d := range list {
		if d.name == "color" || strings.HasPrefix(d.name, "background") {
			return true
		}
	}
	return false
}

// inline sanitises a style attribute; the answer is "" when nothing is left.
// Newsletters repeat the same few hundreds of times, so answers are kept, unless
// something was counted on the way.
func (c *cleaner) inline(text string) string {
	if s, ok := c.inlined[text]; ok {
		return s
	}
	if len(text) > MaxInline {
		c.removed("style")
		return ""
	}
	was := c.found.Remote
	list := c.declarations(parseDeclarations(cssTokens(text)))
	if !c.ownColors && setsColor(list) {
		c.ownColors = true
	}
	var b strings.Builder
	writeDeclarations(&b, list)
	if c.found.Remote == was && len(c.inlined) < maxInlined {
		c.inlined[text] = b.String()
	}
	return b.String()
}
