package message

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// maxEncodedWord is RFC 2047, section 2: a word has at most 75 characters.
const maxEncodedWord = 75

// encoded writes s as encoded words, each with whole characters (RFC 2047,
// section 5). In a phrase, Q uses only the characters of section 5 (3).
func (w *folder) encoded(s string, phrase bool) {
	kind := "B"
	if qLen(s, phrase) <= base64.StdEncoding.EncodedLen(len(s)) {
		kind = "Q"
	}
	for s != "" {
		n := wordLen(s, kind, phrase, w.room())
		text := base64.StdEncoding.EncodeToString([]byte(s[:n]))
		if kind == "Q" {
			text = encodeQ(s[:n], phrase)
		}
		w.word("=?utf-8?" + kind + "?" + text + "?=")
		s = s[n:]
	}
}

// room is how long the text of the next encoded word may be: it cannot move to
// the next line when it is the first.
func (w *folder) room() int {
	line := maxEncodedWord
	if len(w.out) > 0 && w.out[len(w.out)-1] == ' ' {
		line = min(line, max(foldLine-w.column, 30))
	}
	return line - len("=?utf-8?Q??=")
}

// wordLen is how many bytes of s, in whole characters, fit in room.
func wordLen(s, kind string, phrase bool, room int) int {
	if kind == "B" {
		room = room / 4 * 3
	}
	n := 0
	for used := 0; n < len(s); {
		_, size := utf8.DecodeRuneInString(s[n:])
		cost := size
		if kind == "Q" {
			cost = qLen(s[n:n+size], phrase)
		}
		if used+cost > room {
			break
		}
		used += cost
		n += size
	}
	return n
}

// qPlain says whether a byte stands for itself in Q.
func qPlain(c byte, phrase bool) bool {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return true
	}
	if strings.IndexByte("!*+-/", c) >= 0 {
		return true
	}
	return !phrase && c > ' ' && c < 127 && strings.IndexByte("=?_\"", c) < 0
}

func qLen(s string, phrase bool) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if n++; s[i] != ' ' && !qPlain(s[i], phrase) {
			n += 2
		}
	}
	return n
}

const upperHex = "0123456789ABCDEF"

func encodeQ(s string, phrase bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case qPlain(c, phrase):
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
