package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// DecodeCharset converts b to UTF-8 without NULs. An unknown charset is guessed:
// UTF-8 if it is that, else ISO-2022-JP if its escapes are there, else the hint,
// else Windows-1252. Problem is true when the charset was unknown or wrong, or
// b has bytes that it does not define; these become U+FFFD.
func DecodeCharset(charset, hint string, b []byte) (text string, problem bool) {
	label := charsetLabel(charset)
	switch {
	case isASCIILabel(label):
		if isASCII(b) && bytes.IndexByte(b, 0x1b) < 0 {
			return dropNUL(string(b)), false
		}
		text, _ = guessCharset(b, hint)
		return dropNUL(text), true
	case knownCharset(label):
		text, problem = decodeCharset(label, b)
		// Labelled wrongly: what is valid UTF-8 is UTF-8. ASCII alone says nothing: it
		// is how UTF-7 and ISO-2022 write everything.
		if problem && !isUTF8Label(label) && utf8.Valid(b) && !isASCII(b) {
			text = string(b)
		}
		return dropNUL(text), problem
	}
	text, _ = guessCharset(b, hint)
	return dropNUL(text), true
}

// decodeAsSaid is DecodeCharset without guesses.
func decodeAsSaid(charset string, b []byte) (text string, problem bool) {
	if label := charsetLabel(charset); !isASCIILabel(label) && knownCharset(label) {
		text, problem = decodeCharset(label, b)
		return dropNUL(text), problem
	} else if !isASCIILabel(label) {
		problem = true
	}
	var out strings.Builder
	for _, c := range b {
		if c > 127 {
			out.WriteRune(utf8.RuneError)
			problem = true
		} else {
			out.WriteByte(c)
		}
	}
	return dropNUL(out.String()), problem
}

func dropNUL(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "")
}

func isASCIILabel(label string) bool {
	switch label {
	case "", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "iso-ir-6", "646", "us":
		return true
	}
	return false
}

func isUTF8Label(label string) bool {
	return label == "utf-8" || label == "utf8" || label == "unicode-1-1-utf-8"
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// charsetLabel normalises the ways in which senders write a label: quotes,
// case, spaces.
func charsetLabel(s string) string {
	s = strings.Trim(s, " \t\r\n\"'<>;,")
	return strings.ToLower(s)
}

// knownCharset says whether a label can be decoded.
func knownCharset(charset string) bool {
	label := charsetLabel(charset)
	return isASCIILabel(label) && label != "" || isUTF8Label(label) || isUTF7Label(label) || lookup(label) != nil
}

// decodeCharset converts b from a charset that is known or not: an unknown one
// is guessed. Problem as in DecodeCharset.
func decodeCharset(charset string, b []byte) (text string, problem bool) {
	label := charsetLabel(charset)
	switch {
	case isASCIILabel(label) && isASCII(b) && bytes.IndexByte(b, 0x1b) < 0:
		return string(b), false
	case isASCIILabel(label):
		text, _ = guessCharset(b, "")
		return text, true
	case isUTF8Label(label):
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if utf8.Valid(b) {
			return string(b), false
		}
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	case isUTF7Label(label):
		return decodeUTF7(b)
	}
	enc := lookup(label)
	if enc == nil {
		text, _ = guessCharset(b, "")
		return text, true
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	}
	return string(out), bytes.Contains(out, []byte("\uFFFD"))
}

// guessCharset decodes bytes whose charset nobody said, and names the guess.
func guessCharset(b []byte, hint string) (text, charset string) {
	if bytes.IndexByte(b, 0x1b) >= 0 && isISO2022JP(b) {
		if text, problem := decodeCharset("iso-2022-jp", b); !problem {
			return text, "iso-2022-jp"
		}
	}
	if utf8.Valid(b) {
		return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), "utf-8"
	}
	hint = charsetLabel(hint)
	if hint != "" && !isASCIILabel(hint) && !isUTF8Label(hint) && knownCharset(hint) {
		if text, problem := decodeCharset(hint, b); !problem {
			return text, hint
		}
	}
	if mostlyUTF8(b) {
		return strings.ToValidUTF8(string(b), "\uFFFD"), "utf-8"
	}
	text, _ = decodeCharset("windows-1252", b)
	return text, "windows-1252"
}

// isISO2022JP looks for an escape that only Japanese mail has.
func isISO2022JP(b []byte) bool {
	for _, esc := range []string{"\x1b$B", "\x1b$@", "\x1b$(D", "\x1b(J"} {
		if bytes.Contains(b, []byte(esc)) {
			return isASCII(b)
		}
	}
	return false
}

// mostlyUTF8 says that b was UTF-8 before something cut or damaged it.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good > 4*bad
}

// lookup finds the encoding of a label in lower case, or nil.
func lookup(label string) encoding.Encoding {
	if len(label) > maxLabel {
		return nil
	}
	if e, ok := lookupAlias(label); ok {
		return e
	}
	if e, err := htmlindex.Get(label); err == nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(label); err == nil && e != nil {
		return e
	}
	// "x-gbk", "cs_iso8859_5", "gb2312_charset": try what is left without the
	// decoration that senders add.
	for _, cut := range []string{strings.TrimPrefix(label, "x-"), strings.ReplaceAll(label, "_", "-"), strings.TrimSuffix(label, "_charset")} {
		if cut != label {
			return lookup(cut)
		}
	}
	return nil
}

// lookupAlias knows the labels seen in mail that no registry has, and those
// whose registered meaning is narrower than what senders put under them.
func lookupAlias(label string) (encoding.Encoding, bool) {
	switch label {
	case "iso-8859-1", "latin1", "iso8859-1", "8859-1", "ansi", "cp1252", "win-1252", "windows1252", "iso-8859-1-windows-3.1-latin-1", "default":
		return charmap.Windows1252, true
	case "iso-8859-8-i", "iso-8859-8-e", "iso-8859-8", "iso8859-8":
		return charmap.ISO8859_8, true
	case "gb2312", "gbk", "gb18030", "gb_2312-80", "csgb2312", "cp936", "ms936", "936", "eucgb2312_cn", "euc-cn", "x-euc-cn", "gb-2312", "gb", "chinesegb", "gb2312-80":
		return simplifiedchinese.GB18030, true // a superset of the older ones
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312, true
	case "big5", "big-5", "chinesebig5", "cp950", "950", "big5-hkscs", "big5hkscs", "x-x-big5", "x-big5":
		return traditionalchinese.Big5, true
	case "euc-kr", "ks_c_5601-1987", "ks_c_5601", "ksc5601", "cp949", "uhc", "ms949", "x-windows-949", "949", "korean", "ks_c_5601-1989", "5601":
		return korean.EUCKR, true
	case "shift_jis", "shift-jis", "sjis", "x-sjis", "cp932", "ms932", "windows-31j", "ms_kanji":
		return japanese.ShiftJIS, true
	case "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "iso-2022-jp-ms", "cp50220", "cp50221", "cp50222", "csiso2022jp", "jis":
		return japanese.ISO2022JP, true
	case "koi8-r", "koi8r", "koi-8-r", "koi8":
		return charmap.KOI8R, true
	case "koi8-u", "koi8u", "koi8-ru":
		return charmap.KOI8U, true
	case "cp437", "ibm437":
		return charmap.CodePage437, true
	case "cp850", "ibm850":
		return charmap.CodePage850, true
	case "cp852", "ibm852":
		return charmap.CodePage852, true
	case "cp858", "ibm00858":
		return charmap.CodePage858, true
	case "utf-16", "utf16", "unicode", "ucs-2", "iso-10646-ucs-2":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), true
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true
	case "utf-32", "utf32", "ucs-4":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM), true
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), true
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), true
	case "uft-8", "utf_8", "utf-8-sig", "cp65001", "65001", "utf8mb4":
		return unicode.UTF8BOM, true
	}
	return lookupCodePage(label)
}

// lookupCodePage knows "cp1251", "cp-1251", "win1251", "windows1251", "1251".
func lookupCodePage(label string) (encoding.Encoding, bool) {
	for _, prefix := range []string{"windows-cp", "windows-", "windows", "win-", "win", "cp-", "cp", "ibm", "x-cp", ""} {
		n, ok := strings.CutPrefix(label, prefix)
		if !ok || len(n) != 4 {
			continue
		}
		if e, err := htmlindex.Get("windows-" + n); err == nil && strings.HasPrefix(n, "125") {
			return e, true
		}
	}
	return nil, false
}
