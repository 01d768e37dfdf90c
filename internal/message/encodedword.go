package message

import (
	"encoding/base64"
	"strings"
)

// encodedWord is one "=?charset?encoding?text?=" (RFC 2047, section 2), taken
// apart but not converted, so that characters split over two words join.
type encodedWord struct {
	charset string
	raw     []byte
}

// parseEncodedWord reads the encoded word that starts s, and its length. The
// text of a Q word has no space (strict) or may have some (loose).
func parseEncodedWord(s string, loose bool) (encodedWord, int) {
	if !strings.HasPrefix(s, "=?") {
		return encodedWord{}, 0
	}
	cs := strings.IndexByte(s[2:], '?')
	if cs <= 0 || cs > maxLabel || 2+cs+3 > len(s) || s[2+cs+2] != '?' {
		return encodedWord{}, 0
	}
	charset, enc, text := s[2:2+cs], s[2+cs+1], s[2+cs+3:]
	end := strings.Index(text[:min(len(text), maxWordText)], "?=")
	if end < 0 || !knownCharset(baseCharset(charset)) {
		return encodedWord{}, 0
	}
	text = text[:end]
	if !loose && (strings.ContainsAny(text, " \t?") || !isToken(charset)) {
		return encodedWord{}, 0
	}
	w := encodedWord{charset: baseCharset(charset)}
	switch enc {
	case 'q', 'Q':
		w.raw = decodeQ(text)
	case 'b', 'B':
		var ok bool
		if w.raw, ok = decodeB(text); !ok {
			return encodedWord{}, 0
		}
	default:
		return encodedWord{}, 0
	}
	return w, 2 + cs + 3 + end + 2
}

// baseCharset drops the language of RFC 2231, section 5: "us-ascii*en".
func baseCharset(charset string) string {
	base, _, _ := strings.Cut(charset, "*")
	return base
}

// decodeQ is RFC 2047, section 4.2.
func decodeQ(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return b
}

// decodeB is RFC 2047, section 4.1, where the padding may be missing.
func decodeB(s string) ([]byte, bool) {
	s = strings.TrimRight(s, "=")
	for i := 0; i < len(s); i++ {
		if base64Value[s[i]] < 0 {
			return nil, false
		}
	}
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}

// wordRun collects adjacent encoded words. Words of one charset are converted
// together: many senders split a character between two words.
type wordRun struct {
	out     *strings.Builder
	charset string
	raw     []byte
}

func (r *wordRun) add(w encodedWord) {
	if r.charset != "" && !strings.EqualFold(r.charset, w.charset) {
		r.flush()
	}
	r.charset = w.charset
	r.raw = append(r.raw, w.raw...)
}

func (r *wordRun) flush() {
	if r.charset == "" {
		return
	}
	text, _ := decodeCharset(r.charset, r.raw)
	r.out.WriteString(dropDecodedControls(text))
	r.charset, r.raw = "", r.raw[:0]
}

// dropDecodedControls drops NULs and controls that were hidden in an encoded
// word (RFC 8621, section 4.1.2.2).
func dropDecodedControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// decodeUnstructured decodes the encoded words of unstructured text. A word must
// have white space or an end on both sides (RFC 2047, section 5 (1)), and white
// space between two words goes away (section 6.2).
//
// What is no word goes through convert, unless that is nil.
func decodeUnstructured(s string, convert func(string) string) string {
	if convert == nil {
		convert = func(t string) string { return t }
	}
	if !strings.Contains(s, "=?") {
		return convert(s)
	}
	var b strings.Builder
	run := wordRun{out: &b}
	space := ""
	for s != "" {
		n := len(s) - len(strings.TrimLeft(s, " \t"))
		space, s = s[:n], s[n:]
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		if w, n := parseEncodedWord(s[:end], false); n == end && n > 0 {
			if run.charset == "" {
				b.WriteString(space)
			}
			run.add(w)
		} else {
			run.flush()
			b.WriteString(space)
			b.WriteString(convert(s[:end]))
		}
		s = s[end:]
	}
	run.flush()
	return b.String()
}

// decodeAnywhere decodes encoded words wherever they stand.
func decodeAnywhere(s string) string {
	var b strings.Builder
	run := wordRun{out: &b}
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 {
			break
		}
		w, n := parseEncodedWord(s[start:], true)
		if n == 0 {
			run.flush()
			b.WriteString(s[:start+2])
			s = s[start+2:]
			continue
		}
		if strings.TrimSpace(s[:start]) != "" || run.charset == "" {
			run.flush()
			b.WriteString(s[:start])
		}
		run.add(w)
		s = s[start+n:]
	}
	run.flush()
	b.WriteString(s)
	return b.String()
}
