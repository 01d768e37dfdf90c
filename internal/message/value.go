package message

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// BodyValue is EmailBodyValue of RFC 8621, section 4.1.4.
type BodyValue struct {
	Value             string // UTF-8, lines end in LF
	IsEncodingProblem bool
	IsTruncated       bool
}

// Value is the text of a text/* part of at most maxBytes bytes; 0 is no limit. Its
// charset is guessed where the part names none that is right (docs/operating/running.md).
func (p *Part) Value(maxBytes int) BodyValue {
	data, badEncoding := p.Decoded()
	hint := ""
	if p.Type == "text/html" {
		hint = sniffHTML(data)
	}
	text, badCharset := DecodeCharset(p.Charset, hint, data)
	return p.value(text, badEncoding || badCharset, maxBytes)
}

// ValueAsSaid is Value without guesses: the charset is the one that the part
// names, else US-ASCII (RFC 2045, section 5.2). What that does not define is
// U+FFFD.
func (p *Part) ValueAsSaid(maxBytes int) BodyValue {
	data, badEncoding := p.Decoded()
	text, badCharset := decodeAsSaid(p.Charset, data)
	return p.value(text, badEncoding || badCharset, maxBytes)
}

func (p *Part) value(text string, problem bool, maxBytes int) BodyValue {
	v := BodyValue{Value: unixLines(text), IsEncodingProblem: problem}
	if maxBytes > 0 && len(v.Value) > maxBytes {
		v.Value, v.IsTruncated = truncate(v.Value, maxBytes, p.Type == "text/html"), true
	}
	return v
}

// BodyValues are the values of the given parts that are text, by part id.
func BodyValues(parts []*Part, maxBytes int) map[string]BodyValue {
	m := map[string]BodyValue{}
	for _, p := range parts {
		if _, done := m[p.PartID]; p.IsText() && !done {
			m[p.PartID] = p.Value(maxBytes)
		}
	}
	return m
}

// unixLines replaces each CRLF by LF, with further CRs before it: a conversion done
// twice leaves them, and one done here would leave CRLFs. A text of CRs alone gets
// LFs too.
func unixLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	if strings.IndexByte(s, '\n') < 0 {
		return strings.ReplaceAll(s, "\r", "\n")
	}
	if !strings.Contains(s, "\r\r\n") {
		return strings.ReplaceAll(s, "\r\n", "\n")
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == '\n' {
			out = bytes.TrimRight(out, "\r")
		}
		out = append(out, s[i])
	}
	return string(out)
}

// truncate cuts s to at most n bytes, between characters and, in HTML, not
// inside of a tag (RFC 8621, section 4.2).
func truncate(s string, n int, html bool) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	if html {
		n = beforeTag(s, n)
	}
	return s[:n]
}

// beforeTag is n, or the start of the tag or comment that n lies in.
func beforeTag(s string, n int) int {
	for pos := 0; pos < n; {
		open := strings.IndexByte(s[pos:n], '<')
		if open < 0 {
			return n
		}
		open += pos
		if end := tagEnd(s, open); end > n {
			return open
		} else {
			pos = end
		}
	}
	return n
}

// tagEnd is the position behind the tag or comment at open. A "<" that starts
// none ends at once; one that never ends reaches behind s.
func tagEnd(s string, open int) int {
	rest := s[open+1:]
	switch {
	case strings.HasPrefix(rest, "!--"):
		if i := strings.Index(rest, "-->"); i >= 0 {
			return open + 1 + i + 3
		}
		return len(s) + 1
	case rest == "":
		return len(s) + 1
	case rest[0] != '/' && rest[0] != '!' && rest[0] != '?' && !isLetter(rest[0]):
		return open + 1
	}
	var quote byte
	for i := open + 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case (c == '"' || c == '\'') && s[i-1] == '=':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s) + 1
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// sniffHTML is the charset that an HTML text declares in a meta element, "".
func sniffHTML(data []byte) string {
	head := bytes.ToLower(data[:min(len(data), maxSniff)])
	i := bytes.Index(head, []byte("charset="))
	if i < 0 {
		return ""
	}
	label := bytes.TrimLeft(head[i+len("charset="):], " \t\"'")
	end := bytes.IndexAny(label, " \t\r\n\"'>;/")
	if end < 0 {
		return ""
	}
	return string(label[:end])
}
