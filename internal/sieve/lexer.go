package sieve

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says where and why a script is not Sieve.
type Error struct {
	Line int // from 1
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

type kind uint8

const (
	tokEnd kind = iota
	tokName
	tokTag
	tokNumber
	tokString
	tokMark // one of ; , ( ) [ ] { }
)

// token is one of RFC 5228, section 8.1.
type token struct {
	kind       kind
	text       string // name or tag in lower case, string with its escapes undone
	number     uint64
	mark       byte
	start, end int
	line       int
}

type lexer struct {
	src  string
	at   int
	line int
}

func (l *lexer) fail(format string, args ...any) error {
	return &Error{Line: l.line, Text: fmt.Sprintf(format, args...)}
}

// checkText refuses what servers read differently from each other.
func checkText(src string) error {
	line := 1
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\n':
			line++
		case c == '\r' && (i+1 == len(src) || src[i+1] != '\n'):
			return &Error{Line: line, Text: "a carriage return without a line feed"}
		case c == 0:
			return &Error{Line: line, Text: "a NUL"}
		}
	}
	if !utf8.ValidString(src) {
		return &Error{Line: 1, Text: "the script is not UTF-8"}
	}
	return nil
}

// next reads one token.
func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	t := token{start: l.at, line: l.line}
	if l.at == len(l.src) {
		t.end = l.at
		return t, nil
	}
	var err error
	switch c := l.src[l.at]; {
	case strings.IndexByte(";,()[]{}", c) >= 0:
		t.kind, t.mark = tokMark, c
		l.at++
	case c == '"':
		t.kind = tokString
		t.text, err = l.quoted()
	case c == ':':
		l.at++
		t.kind, t.text = tokTag, l.name()
		if t.text == "" {
			err = l.fail("a colon without a name")
		}
	case c >= '0' && c <= '9':
		t.kind = tokNumber
		t.number, err = l.number()
	case isName(c, true):
		t.kind, t.text = tokName, l.name()
		if t.text == "text" && l.at < len(l.src) && l.src[l.at] == ':' {
			t.kind = tokString
			t.text, err = l.multiline()
		}
	default:
		err = l.fail("a character that has no meaning here")
	}
	t.end = l.at
	return t, err
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\n':
			l.line++
			l.at++
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '#':
			l.skipLine()
		case strings.HasPrefix(l.src[l.at:], "/*"):
			n := strings.Index(l.src[l.at+2:], "*/")
			if n < 0 {
				return l.fail("a comment without an end")
			}
			l.line += strings.Count(l.src[l.at:l.at+2+n], "\n")
			l.at += n + 4
		default:
			return nil
		}
	}
	return nil
}

// skipLine goes to the line feed, or to the end.
func (l *lexer) skipLine() {
	if n := strings.IndexByte(l.src[l.at:], '\n'); n >= 0 {
		l.at += n
	} else {
		l.at = len(l.src)
	}
}

func isName(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

func (l *lexer) name() string {
	from := l.at
	for l.at < len(l.src) && isName(l.src[l.at], l.at == from) {
		l.at++
	}
	return strings.ToLower(l.src[from:l.at])
}

func (l *lexer) number() (n uint64, err error) {
	for ; l.at < len(l.src) && l.src[l.at] >= '0' && l.src[l.at] <= '9'; l.at++ {
		if n = n*10 + uint64(l.src[l.at]-'0'); n > 1<<31-1 {
			return 0, l.fail("a number over 2147483647") // RFC 5228, section 2.4.1
		}
	}
	if l.at < len(l.src) {
		switch l.src[l.at] | 0x20 {
		case 'k':
			n <<= 10
			l.at++
		case 'm':
			n <<= 20
			l.at++
		case 'g':
			n <<= 30
			l.at++
		}
	}
	if l.at < len(l.src) && isName(l.src[l.at], false) {
		return 0, l.fail("a number with letters behind it")
	}
	return n, nil
}

// quoted reads a string in quotes. A backslash stands for what follows it
// (section 2.4.2.1).
func (l *lexer) quoted() (string, error) {
	begun := *l
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		switch c := l.src[l.at]; c {
		case '"':
			l.at++
			return b.String(), nil
		case '\\':
			if l.at++; l.at == len(l.src) {
				return "", begun.fail("a string without an end")
			}
			if c = l.src[l.at]; c == '\n' || c == '\r' {
				return "", l.fail("a backslash at the end of a line")
			}
			b.WriteByte(c)
		case '\n':
			l.line++
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", begun.fail("a string without an end")
}

// multiline reads what follows "text" (section 2.4.2).
func (l *lexer) multiline() (string, error) {
	begun := *l
	l.at++
	for l.at < len(l.src) && (l.src[l.at] == ' ' || l.src[l.at] == '\t') {
		l.at++
	}
	if l.at < len(l.src) && l.src[l.at] == '#' {
		l.skipLine()
	}
	if rest := l.src[l.at:]; strings.HasPrefix(rest, "\r\n") {
		l.at++
	} else if !strings.HasPrefix(rest, "\n") {
		return "", begun.fail("text: is not followed by the end of its line")
	}
	l.at++
	l.line++
	var b strings.Builder
	for {
		n := strings.IndexByte(l.src[l.at:], '\n')
		if n < 0 {
			return "", begun.fail("text: without a line that is a single dot")
		}
		line := l.src[l.at : l.at+n+1]
		l.at += n + 1
		l.line++
		if line == ".\r\n" || line == ".\n" {
			return b.String(), nil
		}
		b.WriteString(strings.TrimPrefix(line, ".")) // dot-stuffing
	}
}
