package imap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// rawMark starts a decoded mailbox name that stands for undecoded bytes. A
// name that is not canonical modified UTF-7 (or UTF-8) must be sent back byte
// for byte, so it is handed out as the mark followed by the bytes as they are.
// U+FDD0 is a noncharacter: no sane name holds it.
const rawMark = "\uFDD0"

var mUTF7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

var errMailboxName = errors.New("mailbox name cannot be sent")

// DisplayMailbox returns a name fit to show for a decoded mailbox name: names
// of servers that are not well formed lose their mark and get replacement
// characters.
func DisplayMailbox(name string) string {
	return strings.ToValidUTF8(strings.TrimPrefix(name, rawMark), "\uFFFD")
}

// EncodeMailbox returns the modified UTF-7 of a mailbox name (RFC 3501,
// section 5.1.3).
func EncodeMailbox(name string) (string, error) { return encodeMailbox(name, false) }

// DecodeMailbox decodes modified UTF-7. It never fails: what is not canonical
// comes back in a form that EncodeMailbox turns into the same bytes.
func DecodeMailbox(wire string) string { return decodeMailbox([]byte(wire), false) }

func encodeMailbox(name string, utf8ok bool) (string, error) {
	if raw, ok := strings.CutPrefix(name, rawMark); ok {
		if strings.ContainsAny(raw, "\r\n\x00") {
			return "", errMailboxName
		}
		return raw, nil
	}
	if !utf8.ValidString(name) {
		return "", errMailboxName
	}
	if utf8ok {
		if strings.ContainsAny(name, "\r\n\x00") {
			return "", errMailboxName
		}
		return name, nil
	}
	return utf7Encode(name), nil
}

func decodeMailbox(wire []byte, utf8ok bool) string {
	var name string
	ok := true
	if utf8ok {
		name = string(wire)
	} else {
		name, ok = utf7Decode(wire)
	}
	if back, err := encodeMailbox(name, utf8ok); !ok || err != nil || back != string(wire) {
		return rawMark + string(wire)
	}
	return name
}

// utf7Encode writes printable ASCII as it is, "&" as "&-", and the rest as
// UTF-16BE in modified base64 between "&" and "-".
func utf7Encode(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c < 0x20 || c > 0x7e || c == '&' {
			plain = false
			break
		}
	}
	if plain {
		return name
	}
	var out strings.Builder
	var run []rune
	flush := func() {
		if len(run) > 0 {
			out.WriteByte('&')
			out.WriteString(mUTF7.EncodeToString(utf16Bytes(run)))
			out.WriteByte('-')
			run = run[:0]
		}
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			run = append(run, r)
			continue
		}
		flush()
		out.WriteRune(r)
		if r == '&' {
			out.WriteByte('-')
		}
	}
	flush()
	return out.String()
}

func utf16Bytes(runes []rune) []byte {
	units := utf16.Encode(runes)
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// utf7Decode decodes; ok is false when the bytes are not modified UTF-7.
// Whether they are canonical the caller finds by encoding again.
func utf7Decode(wire []byte) (name string, ok bool) {
	var out strings.Builder
	for len(wire) > 0 {
		c := wire[0]
		if c != '&' {
			if c < 0x20 || c > 0x7e {
				return "", false
			}
			out.WriteByte(c)
			wire = wire[1:]
			continue
		}
		end := bytes.IndexByte(wire, '-')
		if end < 0 {
			return "", false
		}
		if !decodeShift(&out, wire[1:end]) {
			return "", false
		}
		wire = wire[end+1:]
	}
	return out.String(), true
}

// decodeShift decodes what stands between "&" and "-".
func decodeShift(out *strings.Builder, b64 []byte) bool {
	if len(b64) == 0 {
		out.WriteByte('&')
		return true
	}
	b, err := mUTF7.DecodeString(string(b64))
	if err != nil || len(b)%2 != 0 {
		return false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	for _, r := range utf16.Decode(units) {
		if r == utf8.RuneError {
			return false // a lone surrogate
		}
		out.WriteRune(r)
	}
	return true
}
