package message

import (
	"strings"
	"unicode/utf16"
)

func isUTF7Label(label string) bool {
	switch label {
	case "utf-7", "utf7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "unicode-2-0-utf-7", "csunicode11utf7":
		return true
	}
	return false
}

// decodeUTF7 is RFC 2152. It is decoded on the server, once, to UTF-8, and
// never handed to a browser under its own label.
func decodeUTF7(b []byte) (text string, problem bool) {
	var out strings.Builder
	for i := 0; i < len(b); {
		c := b[i]
		i++
		switch {
		case c == '+' && i < len(b) && b[i] == '-':
			out.WriteByte('+')
			i++
		case c == '+':
			end := i
			for end < len(b) && base64Value[b[end]] >= 0 {
				end++
			}
			ok := shifted(&out, b[i:end])
			problem = problem || !ok
			if i = end; i < len(b) && b[i] == '-' {
				i++
			}
		case c >= 0x80:
			out.WriteRune('\uFFFD')
			problem = true
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), problem
}

// shifted decodes one run of modified base64 as UTF-16.
func shifted(out *strings.Builder, b []byte) bool {
	var units []uint16
	var acc uint32
	bits := 0
	for _, c := range b {
		acc = acc<<6 | uint32(base64Value[c])
		if bits += 6; bits >= 16 {
			bits -= 16
			units = append(units, uint16(acc>>bits))
		}
	}
	ok := bits < 6 && acc&(1<<bits-1) == 0 && len(units) > 0
	for _, r := range utf16.Decode(units) {
		ok = ok && r != '\uFFFD'
		out.WriteRune(r)
	}
	return ok
}
