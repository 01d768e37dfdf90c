package message

import (
	"sort"
	"strconv"
	"strings"
)

// paramValue is a value with parameters, as in Content-Type.
type paramValue struct {
	value string
	list  []param
}

type param struct{ name, value string } // name in lower case

// parseParamValue reads `value; name=value; ...` (RFC 2045, section 5.1) with
// comments, quoted strings and the extensions of RFC 2231. It takes what
// senders do: missing semicolons, unquoted values with spaces or with
// tspecials, encoded words in quotes, quotes that never end.
func parseParamValue(s string) paramValue {
	s = unfold(s[:min(len(s), MaxParamBytes)])
	var o openers
	head, rest := splitParam(s, &o)
	v := paramValue{value: strings.TrimSpace(stripComments(head))}
	// "multipart/mixed boundary=x": the semicolon was forgotten.
	if main, tail, ok := strings.Cut(v.value, " "); ok && strings.Contains(tail, "=") {
		v.value, rest = main, tail+";"+rest
	}
	for rest != "" && len(v.list) < MaxParams {
		var item string
		item, rest = splitParam(rest, &o)
		if p, ok := parseParam(item); ok {
			v.list = append(v.list, p)
		}
	}
	return v
}

// splitParam cuts s at its first semicolon outside of quotes and comments.
func splitParam(s string, o *openers) (item, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += max(o.quoted(s[i:])-1, 0)
		case '(':
			n, _ := o.comment(s[i:])
			i += max(n-1, 0)
		case ';':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// openers finds the ends of quotes and comments. After maxTries that never end
// it takes no more: each failure cost a walk to the end of the field.
type openers struct{ failed int }

const maxTries = 16

func (o *openers) quoted(s string) int {
	if o.failed > maxTries {
		return 0
	}
	n := quotedLen(s)
	if n == 0 {
		o.failed++
	}
	return n
}

func (o *openers) comment(s string) (int, string) {
	if o.failed > maxTries {
		return 0, ""
	}
	n, text := comment(s)
	if n == 0 {
		o.failed++
	}
	return n, text
}

// quotedLen is the length of the quoted string that starts s with both quotes,
// or 0 when it never ends.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

func parseParam(item string) (param, bool) {
	name, value, ok := strings.Cut(item, "=")
	if !ok {
		return param{}, false
	}
	name = strings.ToLower(strings.TrimSpace(stripComments(name)))
	if name == "" || !isToken(name) {
		return param{}, false
	}
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, `"`) {
		return param{name, unquote(value)}, true
	}
	if name == "name" || name == "filename" {
		return param{name, value}, true // "filename=a (1).pdf" is a common mistake, a comment there is none
	}
	return param{name, strings.TrimSpace(stripComments(value))}, true
}

// unquote reads the quoted string at the start of s. Without an end it goes to
// the end of s.
func unquote(s string) string {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			// Windows paths in file names: "C:\dir\x" is not quoted pairs, but no
			// rule tells them apart; RFC 5322 section 3.2.4 is followed.
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String()
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// params are all parameters with RFC 2231 undone; the first of a name wins, and
// an extended one (name*) wins over a plain one.
func (v paramValue) params() map[string]string {
	if len(v.list) == 0 {
		return nil
	}
	of := make(map[string][]param, len(v.list))
	for _, p := range v.list {
		if base, _, _ := strings.Cut(p.name, "*"); base != "" {
			of[base] = append(of[base], p)
		}
	}
	m := make(map[string]string, len(of))
	for base, list := range of {
		m[base] = paramValue{list: list}.get(base)
	}
	return m
}

// plain is the first parameter of that name as it stands, without RFC 2231.
func (v paramValue) plain(name string) string {
	for _, p := range v.list {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// get is the decoded value of one parameter, "" if there is none.
func (v paramValue) get(name string) string {
	if s, ok := v.extended(name); ok {
		return s
	}
	for _, p := range v.list {
		if p.name == name {
			return decodeLoose(p.value)
		}
	}
	return ""
}

// segment is one of the pieces name*0*, name*1 ... of RFC 2231, section 3.
type segment struct {
	n       int
	encoded bool
	value   string
}

// extended joins the RFC 2231 pieces of a parameter.
func (v paramValue) extended(name string) (string, bool) {
	segs := v.segments(name)
	if len(segs) == 0 {
		return "", false
	}
	charset := ""
	if segs[0].encoded {
		charset, segs[0].value = cutCharset(segs[0].value)
	}
	var raw strings.Builder
	for _, s := range segs {
		if s.encoded {
			raw.WriteString(percentDecode(s.value))
		} else {
			raw.WriteString(s.value)
		}
	}
	if charset == "" {
		return decodeLoose(raw.String()), true
	}
	text, _ := decodeCharset(charset, []byte(raw.String()))
	return text, true
}

// segments are the pieces of name in order, up to the first gap.
func (v paramValue) segments(name string) []segment {
	var segs []segment
	for _, p := range v.list {
		rest, ok := strings.CutPrefix(p.name, name+"*")
		if !ok {
			continue
		}
		s := segment{value: p.value}
		rest, s.encoded = strings.CutSuffix(rest, "*")
		if rest == "" && !s.encoded {
			// "name*=": the single extended form; its star was cut above.
			return []segment{{encoded: true, value: p.value}}
		}
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > MaxParams {
			continue
		}
		s.n = n
		segs = append(segs, s)
	}
	sort.SliceStable(segs, func(i, j int) bool { return segs[i].n < segs[j].n })
	out := segs[:0]
	for _, s := range segs {
		if s.n == len(out) {
			out = append(out, s)
		}
	}
	return out
}

// cutCharset takes "charset'language'value" apart.
func cutCharset(s string) (charset, value string) {
	charset, rest, ok := strings.Cut(s, "'")
	if !ok {
		return "", s
	}
	_, value, ok = strings.Cut(rest, "'")
	if !ok {
		return charset, rest
	}
	return charset, value
}

func percentDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}

// isToken says whether s is a token (RFC 2045, section 5.1), where bytes over
// 127 are let through.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 127 || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// firstToken is the first word of s.
func firstToken(s string) string {
	s = strings.TrimLeft(s, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n;,(\"")
	if end < 0 {
		end = len(s)
	}
	return s[:end]
}

// stripComments takes comments (RFC 5322, section 3.2.2) out of s, each for one
// space. What stands in quotes is kept, and so is a "(" that never closes.
func stripComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var b strings.Builder
	var o openers
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if n := o.quoted(s[i:]); n > 0 {
				b.WriteString(s[i : i+n])
				i += n - 1
				continue
			}
		case '(':
			if n, _ := o.comment(s[i:]); n > 0 {
				b.WriteByte(' ')
				i += n - 1
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// comment reads the comment that starts s: its length with both parentheses, 0
// when it never closes, and its text.
func comment(s string) (n int, text string) {
	depth := 0
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
			continue
		case '(':
			if depth++; depth > MaxCommentDepth {
				return 0, ""
			}
			if depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				return i + 1, b.String()
			}
		}
		b.WriteByte(s[i])
	}
	return 0, ""
}
