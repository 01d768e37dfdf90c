package ijson

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var errNonchar = errors.New("a noncharacter in a string") // RFC 7493, section 2.1

// str reads a string and reports whether it has escapes.
func (p *parser) str() (esc bool, err error) {
	for p.at++; p.at < len(p.text); {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return esc, nil
		case c == '\\':
			esc = true
			if err := p.escape(); err != nil {
				return esc, err
			}
		case c < ' ':
			return esc, errors.New("a control character in a string")
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, n := utf8.DecodeRuneInString(p.text[p.at:])
			if nonchar(r) {
				return esc, errNonchar
			}
			p.at += n
		}
	}
	return esc, errEnd
}

// escape checks one escape sequence; \u of a surrogate needs the other half.
func (p *parser) escape() error {
	if len(p.text)-p.at < 2 {
		return errEnd
	}
	switch p.text[p.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.at += 2
		return nil
	case 'u':
	default:
		return errors.New("an unknown escape")
	}
	r, n := unicodeEscape(p.text[p.at:])
	switch {
	case n == 0:
		return errors.New("an escape that is no character")
	case nonchar(r):
		return errNonchar
	}
	p.at += n
	return nil
}

// unicodeEscape decodes \uXXXX, or a pair of them, at the beginning of s. n is 0
// if there is none or only half a pair.
func unicodeEscape(s string) (r rune, n int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hex4(s[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// nonchar reports whether r is one of the 66 code points that are never
// characters.
func nonchar(r rune) bool { return r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe }

// unescape decodes what escape has accepted.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b = append(b, s[i])
			i++
			continue
		}
		switch c := s[i+1]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, n := unicodeEscape(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		default:
			b = append(b, c)
		}
		i += 2
	}
	return string(b)
}

// plain is what may stand in a string as it is.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// AppendString appends s as a JSON string. Octets that are not UTF-8 and
// noncharacters become U+FFFD.
func AppendString[S ~string](dst []byte, str S) []byte {
	s := string(str)
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if !plain[c] {
				dst = appendEscape(append(dst, s[from:i]...), c)
				from = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || nonchar(r) {
			dst = append(append(dst, s[from:i]...), "\uFFFD"...)
			from = i + n
		}
		i += n
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendStrings appends s as an array of strings.
func AppendStrings[S ~string](dst []byte, s []S) []byte {
	dst = append(dst, '[')
	for i, x := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, x)
	}
	return append(dst, ']')
}

// AppendBool appends b.
func AppendBool(dst []byte, b bool) []byte { return strconv.AppendBool(dst, b) }

// AppendUint appends n, which must not be beyond the safe range.
func AppendUint[N ~int | ~int64 | ~uint32 | ~uint64](dst []byte, n N) []byte {
	return strconv.AppendUint(dst, uint64(n), 10)
}
