package sanitize

import (
	"fmt"
	"strings"
)

// writeCSS writes tokens from their values. No written token holds "<", so that
// a style element cannot be ended, and none depends on how the mail spelt it.
func writeCSS(b *strings.Builder, toks []cssToken) {
	prev := cssToken{kind: cssSpace}
	for _, t := range toks {
		if t.kind == cssSpace && prev.kind == cssSpace {
			continue
		}
		if needsSpace(prev, t) {
			b.WriteByte(' ')
		}
		t.write(b)
		prev = t
	}
}

// needsSpace says whether two tokens would be read as others when written side
// by side (section 9).
func needsSpace(a, b cssToken) bool {
	switch a.kind {
	case cssIdent, cssHash, cssDimension, cssNumber, cssPercentage, cssAt, cssDelim:
		switch b.kind {
		case cssIdent, cssFunction, cssHash, cssDimension, cssNumber, cssPercentage, cssURL, cssAt, cssDelim, cssCDC:
			return true
		case cssOpen:
			return a.kind != cssDelim
		}
	}
	return false
}

func (t cssToken) write(b *strings.Builder) {
	switch t.kind {
	case cssIdent:
		writeIdent(b, t.text)
	case cssFunction:
		writeIdent(b, t.text)
		b.WriteByte('(')
	case cssAt:
		b.WriteByte('@')
		writeIdent(b, t.text)
	case cssHash:
		b.WriteByte('#')
		writeName(b, t.text)
	case cssString:
		writeCSSString(b, t.text)
	case cssURL:
		b.WriteString("url(")
		writeCSSString(b, t.text)
		b.WriteByte(')')
	case cssNumber:
		b.WriteString(t.text)
	case cssPercentage:
		b.WriteString(t.text + "%")
	case cssDimension:
		b.WriteString(t.num)
		writeUnit(b, t.text)
	case cssSpace:
		b.WriteByte(' ')
	case cssColon, cssSemicolon, cssComma, cssOpen, cssClose, cssDelim:
		b.WriteString(t.text)
	}
}

// writeIdent writes a name that starts as an identifier must.
func writeIdent(b *strings.Builder, s string) {
	if s != "" && isDigit(s[0]) || len(s) > 1 && s[0] == '-' && isDigit(s[1]) || s == "-" {
		if s[0] == '-' {
			b.WriteString(`\-`)
			writeName(b, s[1:])
			return
		}
		fmt.Fprintf(b, `\%x `, s[0])
		s = s[1:]
	}
	writeName(b, s)
}

// writeUnit writes a dimension's unit; "e3" would be read as an exponent.
func writeUnit(b *strings.Builder, s string) {
	if len(s) > 1 && s[0]|0x20 == 'e' && (isDigit(s[1]) || s[1] == '-' || s[1] == '+') {
		fmt.Fprintf(b, `\%x `, s[0])
		s = s[1:]
	}
	writeIdent(b, s)
}

func writeName(b *strings.Builder, s string) {
	for _, r := range s {
		switch {
		case r < 0x80 && isNameByte(byte(r)):
			b.WriteByte(byte(r))
		case r >= 0xa0:
			b.WriteRune(r)
		default:
			fmt.Fprintf(b, `\%x `, r)
		}
	}
}

func writeCSSString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(b, `\%x `, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
