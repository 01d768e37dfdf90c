package sanitize

import (
	"strings"
	"unicode/utf8"
)

// cssKind is a kind of token of CSS Syntax Level 3, section 4.
type cssKind byte

const (
	cssEOF cssKind = iota
	cssIdent
	cssFunction // text is the name; "(" follows by itself
	cssAt
	cssHash
	cssString
	cssBad // bad string or bad url: what it stands in is dropped
	cssURL
	cssDelim
	cssNumber     // text is the number as written
	cssPercentage // the same, without %
	cssDimension  // num and text, the unit
	cssSpace
	cssCDO
	cssCDC
	cssColon
	cssSemicolon
	cssComma
	cssOpen  // text is one of [ ( {
	cssClose // text is one of ] ) }
)

// cssToken is a token with its escapes decoded.
type cssToken struct {
	kind cssKind
	text string
	num  string // of a dimension
}

// cssLexer cuts preprocessed CSS into tokens; time is linear.
type cssLexer struct {
	s string
	i int
}

// newCSSLexer preprocesses (section 3.3): line ends become LF, NUL becomes
// U+FFFD.
func newCSSLexer(s string) *cssLexer {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsAny(s, "\r\f\x00") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n", "\x00", "\uFFFD").Replace(s)
	}
	return &cssLexer{s: s}
}

// tokens cuts a whole text.
func cssTokens(s string) []cssToken {
	l := newCSSLexer(s)
	var out []cssToken
	for {
		t := l.next()
		if t.kind == cssEOF {
			return out
		}
		out = append(out, t)
	}
}

func (l *cssLexer) peek(n int) byte {
	if l.i+n < len(l.s) {
		return l.s[l.i+n]
	}
	return 0
}

// next is section 4.3.1.
func (l *cssLexer) next() cssToken {
	l.comments()
	if l.i >= len(l.s) {
		return cssToken{}
	}
	c := l.s[l.i]
	switch {
	case isCSSSpace(c):
		for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
			l.i++
		}
		return cssToken{kind: cssSpace}
	case c == '"' || c == '\'':
		l.i++
		return l.str(c)
	case c == '#' && (isNameByte(l.peek(1)) || l.escapeAt(1)):
		l.i++
		return cssToken{kind: cssHash, text: l.name()}
	case l.numberAt():
		return l.number()
	case c == '-' && l.peek(1) == '-' && l.peek(2) == '>':
		l.i += 3
		return cssToken{kind: cssCDC}
	case c == '<' && strings.HasPrefix(l.s[l.i:], "<!--"):
		l.i += 4
		return cssToken{kind: cssCDO}
	case l.identAt(0):
		return l.identLike()
	case c == '@' && l.identAt(1):
		l.i++
		return cssToken{kind: cssAt, text: l.name()}
	}
	return l.punctuation(c)
}

func (l *cssLexer) punctuation(c byte) cssToken {
	_, size := utf8.DecodeRuneInString(l.s[l.i:])
	t := cssToken{kind: cssDelim, text: l.s[l.i : l.i+size]}
	l.i += size
	switch c {
	case ':':
		t.kind = cssColon
	case ';':
		t.kind = cssSemicolon
	case ',':
		t.kind = cssComma
	case '(', '[', '{':
		t.kind = cssOpen
	case ')', ']', '}':
		t.kind = cssClose
	}
	return t
}

// comments skips comments (section 4.3.2).
func (l *cssLexer) comments() {
	for strings.HasPrefix(l.s[l.i:], "/*") {
		end := strings.Index(l.s[l.i+2:], "*/")
		if end < 0 {
			l.i = len(l.s)
			return
		}
		l.i += 2 + end + 2
	}
}

// str is section 4.3.5.
func (l *cssLexer) str(quote byte) cssToken {
	var b strings.Builder
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == quote:
			l.i++
			return cssToken{kind: cssString, text: b.String()}
		case c == '\n':
			return cssToken{kind: cssBad}
		case c == '\\' && l.i+1 >= len(l.s):
			l.i++
		case c == '\\' && l.s[l.i+1] == '\n':
			l.i += 2
		case c == '\\':
			l.i++
			b.WriteRune(l.escape())
		default:
			b.WriteByte(c)
			l.i++
		}
	}
	return cssToken{kind: cssString, text: b.String()}
}

// identLike is section 4.3.4.
func (l *cssLexer) identLike() cssToken {
	name := l.name()
	if l.peek(0) != '(' {
		return cssToken{kind: cssIdent, text: name}
	}
	l.i++
	if !strings.EqualFold(name, "url") {
		return cssToken{kind: cssFunction, text: strings.ToLower(name)}
	}
	j := l.i
	for j < len(l.s) && isCSSSpace(l.s[j]) {
		j++
	}
	if j < len(l.s) && (l.s[j] == '"' || l.s[j] == '\'') {
		return cssToken{kind: cssFunction, text: "url"}
	}
	return l.url()
}

// url is section 4.3.6.
func (l *cssLexer) url() cssToken {
	for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
		l.i++
	}
	var b strings.Builder
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == ')':
			l.i++
			return cssToken{kind: cssURL, text: b.String()}
		case isCSSSpace(c):
			for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
				l.i++
			}
			if l.i < len(l.s) && l.s[l.i] != ')' {
				return l.badURL()
			}
		case c == '"' || c == '\'' || c == '(' || c < ' ' || c == 127:
			return l.badURL()
		case c == '\\' && !l.escapeAt(0):
			return l.badURL()
		case c == '\\':
			l.i++
			b.WriteRune(l.escape())
		default:
			b.WriteByte(c)
			l.i++
		}
	}
	return cssToken{kind: cssURL, text: b.String()}
}

// badURL is section 4.3.14.
func (l *cssLexer) badURL() cssToken {
	for l.i < len(l.s) {
		c := l.s[l.i]
		l.i++
		if c == ')' {
			break
		}
		if c == '\\' && l.i < len(l.s) {
			l.i++
		}
	}
	return cssToken{kind: cssBad}
}

// number is section 4.3.3.
func (l *cssLexer) number() cssToken {
	start := l.i
	if c := l.peek(0); c == '+' || c == '-' {
		l.i++
	}
	l.digits()
	if l.peek(0) == '.' && isDigit(l.peek(1)) {
		l.i++
		l.digits()
	}
	if c := l.peek(0); c == 'e' || c == 'E' {
		n := 1
		if s := l.peek(1); s == '+' || s == '-' {
			n = 2
		}
		if isDigit(l.peek(n)) {
			l.i += n
			l.digits()
		}
	}
	num := l.s[start:l.i]
	switch {
	case l.peek(0) == '%':
		l.i++
		return cssToken{kind: cssPercentage, text: num}
	case l.identAt(0):
		return cssToken{kind: cssDimension, num: num, text: l.name()}
	}
	return cssToken{kind: cssNumber, text: num}
}

func (l *cssLexer) digits() {
	for isDigit(l.peek(0)) {
		l.i++
	}
}

// numberAt is section 4.3.10.
func (l *cssLexer) numberAt() bool {
	c, n := l.peek(0), 0
	if c == '+' || c == '-' {
		n = 1
	}
	return isDigit(l.peek(n)) || l.peek(n) == '.' && isDigit(l.peek(n+1))
}

// identAt is section 4.3.9, at an offset.
func (l *cssLexer) identAt(n int) bool {
	switch c := l.peek(n); {
	case c == '-':
		d := l.peek(n + 1)
		return isNameStart(d) || d == '-' || l.escapeAt(n+1)
	case c == '\\':
		return l.escapeAt(n)
	default:
		return isNameStart(c)
	}
}

// escapeAt is section 4.3.8.
func (l *cssLexer) escapeAt(n int) bool {
	return l.peek(n) == '\\' && l.i+n+1 < len(l.s) && l.peek(n+1) != '\n'
}

// name is section 4.3.11.
func (l *cssLexer) name() string {
	start := l.i
	for isNameByte(l.peek(0)) {
		l.i++
	}
	if !l.escapeAt(0) {
		return l.s[start:l.i]
	}
	var b strings.Builder
	b.WriteString(l.s[start:l.i])
	for l.i < len(l.s) {
		switch {
		case isNameByte(l.s[l.i]):
			b.WriteByte(l.s[l.i])
			l.i++
		case l.escapeAt(0):
			l.i++
			b.WriteRune(l.escape())
		default:
			return b.String()
		}
	}
	return b.String()
}

// escape is section 4.3.7, behind the backslash.
func (l *cssLexer) escape() rune {
	v, n := rune(0), 0
	for n < 6 && isHexByte(l.peek(n)) {
		v = v<<4 | rune(hexValue(l.peek(n)))
		n++
	}
	if n == 0 {
		r, size := utf8.DecodeRuneInString(l.s[l.i:])
		l.i += size
		return r
	}
	l.i += n
	if l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
		l.i++
	}
	if v == 0 || v > utf8.MaxRune || v >= 0xd800 && v < 0xe000 {
		return '\uFFFD'
	}
	return v
}

func isCSSSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' }
func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }
func isNameByte(c byte) bool  { return isNameStart(c) || isDigit(c) || c == '-' }
func isHexByte(c byte) bool   { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
