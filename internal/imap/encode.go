package imap

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// encoder writes one command. Faults of arguments are remembered and refuse
// the whole command: nothing is sent.
type encoder struct {
	buf     []byte
	cuts    []cut
	maxLine int
	nonSync int64 // largest non-synchronizing literal
	utf8    bool  // UTF-8 in quoted strings and mailbox names (RFC 6855, RFC 9051)
	line    int   // where the present line starts in buf
	tag     string
	err     error
}

// cut is a place in the command where writing stops: for the server's
// continuation request, for a streamed body, or for both.
type cut struct {
	at   int // offset in buf
	sync bool
	body io.Reader
	size int64
}

// wipe overwrites what was encoded.
func (e *encoder) wipe() { clear(e.buf[:cap(e.buf)]) }

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("%w: "+format, append([]any{ErrBadArgument}, args...)...)
	}
}

// raw appends protocol text of ours.
func (e *encoder) raw(s string) *encoder {
	e.buf = append(e.buf, s...)
	return e
}

func (e *encoder) sp() *encoder { return e.raw(" ") }

// atom appends a caller's word that must be an atom.
func (e *encoder) atom(s string) *encoder {
	if !isAtom(s) {
		e.fail("not an atom")
	}
	return e.raw(s)
}

// label appends a caller's item or modifier as it stands: printable ASCII
// without braces, so that it can neither end the line nor open a literal.
func (e *encoder) label(s string) *encoder {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '{' || c == '}' {
			e.fail("bad character in an item")
		}
	}
	if s == "" {
		e.fail("empty item")
	}
	return e.raw(s)
}

func (e *encoder) num(n uint64) *encoder {
	e.buf = strconv.AppendUint(e.buf, n, 10)
	return e
}

// astring appends s in the shortest form that carries it.
func (e *encoder) astring(s string) *encoder {
	if isAtom(s) && !strings.EqualFold(s, "NIL") {
		return e.raw(s)
	}
	return e.str(s)
}

// str appends s as a quoted string or a literal.
func (e *encoder) str(s string) *encoder {
	if canQuote(s, e.utf8) {
		e.buf = append(e.buf, '"')
		for i := range len(s) {
			if s[i] == '"' || s[i] == '\\' {
				e.buf = append(e.buf, '\\')
			}
			e.buf = append(e.buf, s[i])
		}
		return e.raw(`"`)
	}
	return e.literal([]byte(s))
}

// secret appends a password without making a string of it.
func (e *encoder) secret(b []byte) *encoder {
	for _, c := range b {
		if c == '\r' || c == '\n' || c == 0 || c >= 0x80 {
			return e.literal(b)
		}
	}
	e.buf = append(e.buf, '"')
	for _, c := range b {
		if c == '"' || c == '\\' {
			e.buf = append(e.buf, '\\')
		}
		e.buf = append(e.buf, c)
	}
	return e.raw(`"`)
}

func (e *encoder) literal(b []byte) *encoder {
	for _, c := range b {
		if c == 0 {
			e.fail("NUL in a string")
			return e
		}
	}
	e.literalHead("", int64(len(b)))
	e.buf = append(e.buf, b...)
	e.line = len(e.buf)
	return e
}

// stream appends a literal whose bytes come from r when it is sent.
func (e *encoder) stream(prefix string, r io.Reader, size int64) *encoder {
	e.literalHead(prefix, size)
	if n := len(e.cuts); n > 0 && e.cuts[n-1].at == len(e.buf) {
		e.cuts[n-1].body, e.cuts[n-1].size = r, size
	} else {
		e.cuts = append(e.cuts, cut{at: len(e.buf), body: r, size: size})
	}
	e.line = len(e.buf)
	return e
}

// literalHead appends "{n}" or "{n+}" (RFC 7888) and the line's end. A
// literal8 is always synchronizing: a server that does not know it would take
// its bytes for commands.
func (e *encoder) literalHead(prefix string, size int64) {
	e.checkLine()
	e.raw(prefix).raw("{").num(uint64(size))
	if prefix == "" && size <= e.nonSync && size <= maxNonSync {
		e.raw("+}\r\n")
		return
	}
	e.raw("}\r\n")
	e.cuts = append(e.cuts, cut{at: len(e.buf), sync: true})
}

// mailbox appends a mailbox name: UTF-8 where enabled, else modified UTF-7.
func (e *encoder) mailbox(name string) *encoder {
	wire, err := encodeMailbox(name, e.utf8)
	if err != nil {
		e.fail("%s", err)
		return e
	}
	return e.astring(wire)
}

// pattern appends a LIST pattern, whose wildcards may stand in an atom.
func (e *encoder) pattern(p string) *encoder {
	wire, err := encodeMailbox(p, e.utf8)
	if err != nil {
		e.fail("%s", err)
		return e
	}
	if wire != "" && isAtom(strings.NewReplacer("%", "x", "*", "x").Replace(wire)) {
		return e.raw(wire)
	}
	return e.str(wire)
}

func (e *encoder) flags(list []Flag) *encoder {
	e.raw("(")
	for i, f := range list {
		if i > 0 {
			e.sp()
		}
		if !f.valid() {
			e.fail("bad flag")
		}
		e.raw(string(f))
	}
	return e.raw(")")
}

// dateTime appends RFC 9051's date-time.
func (e *encoder) dateTime(t time.Time) *encoder {
	return e.raw(t.Format(`"_2-Jan-2006 15:04:05 -0700"`))
}

// items appends a parenthesized list of labels.
func (e *encoder) items(items []string) *encoder {
	e.raw("(")
	for i, it := range items {
		if i > 0 {
			e.sp()
		}
		e.label(it)
	}
	return e.raw(")")
}

func (e *encoder) checkLine() {
	if e.err == nil && len(e.buf)-e.line > e.maxLine {
		e.err = &LimitError{What: "bytes in a command line", Limit: int64(e.maxLine)}
	}
}

// end closes the command.
func (e *encoder) end() {
	e.checkLine()
	e.raw("\r\n")
}

// isAtom reports whether s can be written as an atom: RFC 9051's ATOM-CHAR.
func isAtom(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7f:
			return false
		case c == '(', c == ')', c == '{', c == '%', c == '*', c == '"', c == '\\', c == ']':
			return false
		}
	}
	return s != ""
}

// canQuote reports whether s fits a quoted string. Long ones go as literals:
// some servers bound the length of quoted strings.
func canQuote(s string, utf8ok bool) bool {
	if len(s) > 1000 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 && !utf8ok {
			return false
		}
	}
	return !utf8ok || utf8.ValidString(s)
}
