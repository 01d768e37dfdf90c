package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text is the Text form (RFC 8621, section 4.1.2.2).
func (f Field) Text() string { return DecodeText(f.Value, "") }

// DecodeText is the Text form of a raw value. Hint is the charset to try first
// for bytes that are neither ASCII nor UTF-8, which no RFC allows in a header and
// which is common all the same; the charset of the first text part is a good one.
func DecodeText(value, hint string) string {
	s := strings.TrimLeft(unfold(value), " ")
	if isPlainASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	if utf8.ValidString(s) {
		return norm.NFC.String(decodeUnstructured(validUTF8(s, hint), nil))
	}
	// The bytes of an encoded word may themselves be unencoded, in the charset
	// that the word names: words are taken out first.
	return norm.NFC.String(decodeUnstructured(s, func(t string) string { return validUTF8(t, hint) }))
}

// unfold takes the line ends of folded white space out (RFC 5322, section
// 2.2.3), and NULs. A line end that is not followed by white space cannot occur
// in a parsed field; it becomes a space.
func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, 0) < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case 0:
		case '\r', '\n':
			next := i + 1
			if c == '\r' && next < len(s) && s[next] == '\n' {
				next++
			}
			if next < len(s) && s[next] != ' ' && s[next] != '\t' && s[next] != '\r' && s[next] != '\n' {
				b = append(b, ' ')
			}
			i = next - 1
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// isGraphic says that s has only printable ASCII, from least on.
func isGraphic(s string, least byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < least || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isPlainASCII says that s has only printable ASCII and tabs.
func isPlainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 127 || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// toUTF8 makes valid UTF-8 without controls of a header value.
func toUTF8(s, hint string) string { return dropControls(validUTF8(s, hint)) }

// validUTF8 makes valid UTF-8 of a header value. The Text form keeps the controls
// that are in it: RFC 8621, section 4.1.2.2 drops those that were encoded.
func validUTF8(s, hint string) string {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0x1b) >= 0 {
		s, _ = guessCharset([]byte(s), hint)
	}
	return s
}

// dropControls drops C0 and C1 controls and DEL; a tab, CR or LF becomes a space.
func dropControls(s string) string {
	if isGraphic(s, ' ') {
		return s // as most are
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, s)
}

// decodeLoose decodes a parameter or a name: raw bytes by guess, encoded words
// wherever they stand. RFC 2047 section 5 forbids them in parameters, and
// RFC 8621 section 4.1.4 asks to decode them in "name" for compatibility.
func decodeLoose(s string) string {
	if isPlainASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	return norm.NFC.String(decodeAnywhere(toUTF8(s, "")))
}
