package sanitize

import "strings"

// node is an element or, when tag is "", a text of our own tree. Only build,
// style and text code of this package makes nodes, from lists of known tags and
// attributes.
type node struct {
	tag   string
	attrs []attr
	text  string
	kids  []*node
}

type attr struct{ name, value string }

func element(tag string, attrs ...attr) *node { return &node{tag: tag, attrs: attrs} }

func (n *node) set(name, value string) { n.attrs = append(n.attrs, attr{name, value}) }

func (n *node) get(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func (n *node) has(x attr) bool {
	for _, a := range n.attrs {
		if a == x {
			return true
		}
	}
	return false
}

// add appends a child.
func (n *node) add(k *node) { n.kids = append(n.kids, k) }

// addText appends text, joining it with text before it, as a parser would.
func (n *node) addText(s string) {
	if s == "" {
		return
	}
	if last := len(n.kids) - 1; last >= 0 && n.kids[last].tag == "" {
		n.kids[last].text += s
		return
	}
	n.add(&node{text: s})
}

// equal says whether two trees are the same. The order of attributes means
// nothing, and the parser does change it.
func equal(a, b *node) bool {
	if a.tag != b.tag || a.text != b.text || len(a.attrs) != len(b.attrs) || len(a.kids) != len(b.kids) {
		return false
	}
	for i, x := range a.attrs {
		if b.attrs[i] != x && !b.has(x) {
			return false
		}
	}
	for i := range a.kids {
		if !equal(a.kids[i], b.kids[i]) {
			return false
		}
	}
	return true
}

// void elements have no end tag.
func isVoid(tag string) bool {
	switch tag {
	case "area", "br", "col", "hr", "img", "wbr":
		return true
	}
	return false
}

// write serialises n. Text and values are escaped so that no parser state other
// than data and double-quoted value is ever entered.
func (n *node) write(b *strings.Builder) {
	if n.tag == "" {
		writeEscaped(b, n.text, false)
		return
	}
	b.WriteByte('<')
	b.WriteString(n.tag)
	for _, a := range n.attrs {
		b.WriteByte(' ')
		b.WriteString(a.name)
		b.WriteString(`="`)
		writeEscaped(b, a.value, true)
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if isVoid(n.tag) {
		return
	}
	// A parser drops one line feed after <pre>.
	if n.tag == "pre" && len(n.kids) > 0 && strings.HasPrefix(n.kids[0].text, "\n") {
		b.WriteByte('\n')
	}
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</")
	b.WriteString(n.tag)
	b.WriteByte('>')
}

// writeEscaped writes text or, with quote, a value in double quotes.
func writeEscaped(b *strings.Builder, s string, quote bool) {
	last := 0
	for i := 0; i < len(s); i++ {
		var esc string
		switch s[i] {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '\r': // a parser would make it a line feed
			esc = "&#13;"
		case '"':
			if !quote {
				continue
			}
			esc = "&#34;"
		case '`': // old parsers took it for a quote
			if !quote {
				continue
			}
			esc = "&#96;"
		default:
			continue
		}
		b.WriteString(s[last:i])
		b.WriteString(esc)
		last = i + 1
	}
	b.WriteString(s[last:])
}
