package sanitize

import "strings"

// scope is the selector of the element that holds the mail, and bodyTag the
// element inside of it that stands for the mail's body.
const (
	scopeID = "mail"
	scope   = "#" + scopeID
	idStart = "m-" // before every id and name of the mail
)

// allowedPseudo are the pseudo-classes and elements that need no argument.
var allowedPseudo = set(`active after before checked empty first-child first-letter first-line first-of-type focus
	hover last-child last-of-type link only-child only-of-type visited`)

// nthPseudo take "an+b".
var nthPseudo = set(`nth-child nth-last-child nth-of-type nth-last-of-type`)

// selectorAttributes may be asked for in a selector: those we write.
var selectorAttributes = set(`align alt background bgcolor border class color dir face height href id lang name role
	size src style title type valign width`)

// selectors rewrites a selector list so that it matches inside of the mail
// alone; selectors that use anything else are dropped.
func selectors(toks []cssToken) string {
	var out []string
	for _, part := range splitComma(toks) {
		if s, ok := scopedSelector(trimSpace(part)); ok {
			out = append(out, s)
		}
		if len(out) == MaxSelectors {
			break
		}
	}
	return strings.Join(out, ",")
}

// compound is one step of a selector with the combinator before it.
type compound struct {
	combinator string // "", " ", ">", "+" or "~"
	tag        string // lower case, "*" or ""
	rest       string // the rest, written
	empty      bool   // nothing was read
}

func scopedSelector(toks []cssToken) (string, bool) {
	steps, ok := parseCompounds(toks)
	if !ok || len(steps) == 0 || len(steps) > MaxCompounds {
		return "", false
	}
	// "html body x" is "body x", and "html x" is "x": there is one of each.
	for len(steps) > 1 && (steps[0].tag == "html" || steps[0].rest == ":root" && steps[0].tag == "") {
		if steps[1].combinator != " " && steps[1].combinator != ">" {
			return "", false
		}
		steps = steps[1:]
	}
	var b strings.Builder
	b.WriteString(scope)
	for i, s := range steps {
		isBody := i == 0 && (s.tag == "body" || s.tag == "html")
		if !isBody && (s.tag == "body" || s.tag == "html") || strings.Contains(s.rest, ":root") && (i > 0 || s.rest != ":root") {
			return "", false
		}
		switch {
		case isBody:
			b.WriteString(">div" + s.rest)
		case s.rest == ":root":
			b.WriteString(">div")
		case i == 0:
			b.WriteString(" " + s.tag + s.rest)
		default:
			b.WriteString(s.combinator + s.tag + s.rest)
		}
	}
	return b.String(), true
}

// parseCompounds reads a complex selector (Selectors Level 4, section 17).
func parseCompounds(toks []cssToken) ([]compound, bool) {
	var steps []compound
	now := compound{empty: true}
	combinator := ""
	for i := 0; i < len(toks); {
		if c, n := combinatorAt(toks[i:]); n > 0 {
			if now.empty {
				return nil, false
			}
			steps = append(steps, now)
			combinator = c
			now = compound{combinator: combinator, empty: true}
			i += n
			continue
		}
		n, ok := now.simple(toks[i:])
		if !ok {
			return nil, false
		}
		i += n
	}
	if now.empty {
		return nil, false
	}
	return append(steps, now), true
}

// combinatorAt reads a combinator with the white space around it.
func combinatorAt(toks []cssToken) (string, int) {
	n, c := 0, ""
	for n < len(toks) {
		t := toks[n]
		if t.kind == cssSpace {
			if c == "" {
				c = " "
			}
		} else if t.kind == cssDelim && (t.text == ">" || t.text == "+" || t.text == "~") && (c == "" || c == " ") {
			c = t.text
		} else {
			break
		}
		n++
	}
	return c, n
}

// simple reads one simple selector.
func (c *compound) simple(toks []cssToken) (int, bool) {
	t := toks[0]
	var b strings.Builder
	switch {
	case t.kind == cssIdent && c.empty:
		c.tag, c.empty = strings.ToLower(t.text), false
		return 1, isTagName(c.tag)
	case t.kind == cssDelim && t.text == "*" && c.empty:
		c.tag, c.empty = "*", false
		return 1, true
	case t.kind == cssHash:
		b.WriteByte('#')
		writeIdent(&b, idStart+t.text)
		return c.take(b.String(), 1)
	case t.kind == cssDelim && t.text == "." && len(toks) > 1 && toks[1].kind == cssIdent:
		b.WriteByte('.')
		writeIdent(&b, toks[1].text)
		return c.take(b.String(), 2)
	case t.kind == cssOpen && t.text == "[":
		end := blockEnd(toks, 0)
		if s, ok := attributeSelector(trimSpace(toks[1:min(end, len(toks))])); ok && end < len(toks) {
			return c.take(s, end+1)
		}
	case t.kind == cssColon:
		return c.pseudo(toks)
	}
	return 0, false
}

func (c *compound) take(s string, n int) (int, bool) {
	c.rest += s
	c.empty = false
	return n, true
}

// isTagName keeps what can be an element's name.
func isTagName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isNameByte(s[i]) || s[i] >= 0x80 {
			return false
		}
	}
	return s != "" && isNameStart(s[0])
}

// attributeSelector rewrites the inside of [..].
func attributeSelector(toks []cssToken) (string, bool) {
	if len(toks) == 0 || toks[0].kind != cssIdent || !selectorAttributes[strings.ToLower(toks[0].text)] {
		return "", false
	}
	name := strings.ToLower(toks[0].text)
	toks = trimSpace(toks[1:])
	if len(toks) == 0 {
		return "[" + name + "]", true
	}
	op := ""
	for len(toks) > 0 && toks[0].kind == cssDelim && len(op) < 2 {
		op += toks[0].text
		toks = toks[1:]
	}
	toks = trimSpace(toks)
	if !isAttributeOperator(op) || len(toks) == 0 || toks[0].kind != cssString && toks[0].kind != cssIdent {
		return "", false
	}
	value := toks[0].text
	if (name == "id" || name == "name") && op != "*=" && op != "$=" {
		value = idStart + value
	}
	var b strings.Builder
	b.WriteString("[" + name + op)
	writeCSSString(&b, value)
	if toks = trimSpace(toks[1:]); len(toks) == 1 && toks[0].kind == cssIdent && strings.EqualFold(toks[0].text, "i") {
		b.WriteString(" i")
	} else if len(toks) > 0 {
		return "", false
	}
	b.WriteByte(']')
	return b.String(), true
}

func isAttributeOperator(op string) bool {
	switch op {
	case "=", "~=", "|=", "^=", "$=", "*=":
		return true
	}
	return false
}

// pseudo reads a pseudo-class or pseudo-element.
func (c *compound) pseudo(toks []cssToken) (int, bool) {
	n := 1
	if n < len(toks) && toks[n].kind == cssColon {
		n++
	}
	if n >= len(toks) {
		return 0, false
	}
	colons := "::"[:n]
	t := toks[n]
	name := strings.ToLower(t.text)
	switch {
	case t.kind == cssIdent && allowedPseudo[name]:
		return c.take(colons+name, n+1)
	case t.kind == cssIdent && name == "root" && n == 1:
		return c.take(":root", n+1)
	case t.kind == cssFunction && nthPseudo[name] && n == 1:
		end := blockEnd(toks, n)
		if end >= len(toks) || !isNth(toks[n+1:end]) {
			return 0, false
		}
		var b strings.Builder
		writeCSS(&b, trimSpace(toks[n+1:end]))
		return c.take(":"+name+"("+b.String()+")", end+1)
	case t.kind == cssFunction && name == "not" && n == 1:
		end := blockEnd(toks, n)
		if end >= len(toks) {
			return 0, false
		}
		inner := compound{empty: true}
		arg := trimSpace(toks[n+1 : end])
		if len(arg) == 0 || arg[0].kind == cssColon {
			return 0, false
		}
		if m, ok := inner.simple(arg); !ok || m != len(arg) {
			return 0, false
		}
		return c.take(":not("+inner.tag+inner.rest+")", end+1)
	}
	return 0, false
}

// isNth keeps the tokens of "2n + 1", "odd".
func isNth(toks []cssToken) bool {
	for _, t := range toks {
		switch t.kind {
		case cssSpace, cssNumber, cssDimension:
		case cssIdent:
			if strings.Trim(strings.ToLower(t.text), "odevn-0123456789") != "" {
				return false
			}
		case cssDelim:
			if t.text != "+" && t.text != "-" {
				return false
			}
		default:
			return false
		}
	}
	return len(toks) > 0 && len(toks) < 10
}
