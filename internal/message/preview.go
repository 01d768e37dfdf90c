package message

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Preview is the preview property (RFC 8621, section 4.1.4): the first words of
// the body, at most PreviewRunes characters, on one line.
func (m *Message) Preview() string { return PreviewOf(m.Bodies(), (*Part).Value) }

// PreviewOf makes a preview from the first text part that gives one. Read is
// Part.Value or Part.ValueAsSaid.
func PreviewOf(b Bodies, read func(p *Part, maxBytes int) BodyValue) string {
	for _, list := range [][]*Part{b.Text, b.HTML} {
		for _, p := range list {
			if !p.IsText() {
				continue
			}
			if s := p.preview(read); s != "" {
				return s
			}
		}
	}
	return ""
}

// preview looks at the start of one part only, so that a large one costs no
// more than a small one.
func (p *Part) preview(read func(*Part, int) BodyValue) string {
	start := *p
	// Encodings need at most three bytes for one.
	start.body = p.body[:min(len(p.body), 3*PreviewScanBytes)]
	return PreviewText(p.Type, read(&start, PreviewScanBytes).Value)
}

// PreviewText makes a preview of a text of the given type.
func PreviewText(mediaType, text string) string {
	if mediaType == "text/html" {
		return collapse(htmlText(text))
	}
	if s := collapse(ownWords(text)); s != "" {
		return s
	}
	return collapse(text)
}

// ownWords drops quoted lines, the line that introduces them, and the signature.
func ownWords(text string) string {
	var b strings.Builder
	intro := ""
	for b.Len() < 8*PreviewRunes && text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		line = strings.TrimRight(line, "\r")
		switch {
		case line == "-- ":
			return b.String() + intro
		case strings.HasPrefix(line, ">"):
			intro = ""
		case strings.HasSuffix(strings.TrimSpace(line), ":"):
			b.WriteString(intro)
			intro = line + "\n" // shown unless a quotation follows
		case strings.TrimSpace(line) == "" && intro != "":
		default:
			b.WriteString(intro)
			b.WriteString(line + "\n")
			intro = ""
		}
	}
	return b.String() + intro
}

// htmlText is the text of HTML, without styles, scripts and titles. Text that
// the sender hides is kept: newsletters put their preview there.
func htmlText(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	skip := ""
	for b.Len() < 16*PreviewRunes {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if skip == "" {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			switch t := string(name); t {
			case "style", "script", "title", "textarea", "select", "noscript":
				if skip == "" {
					skip = t
				}
			case "b", "i", "em", "strong", "span", "font", "a", "u", "s", "small", "big", "sub", "sup":
			default:
				b.WriteByte(' ')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) == skip {
				skip = ""
			}
		case html.SelfClosingTagToken:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// collapse makes one line of at most PreviewRunes characters: white space and
// the invisible filler that newsletters append become one space.
func collapse(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || isFiller(r) {
			space = space || unicode.IsSpace(r)
			continue
		}
		if unicode.IsControl(r) {
			continue
		}
		if space && n > 0 {
			b.WriteByte(' ')
			n++
		}
		space = false
		if n >= PreviewRunes {
			break
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimRight(b.String(), " ")
}

// isFiller says that a character takes no room: soft hyphen, zero-width space
// and (non-)joiners used as padding, combining grapheme joiner, Hangul fillers,
// byte order mark. A zero-width joiner binds emoji and is kept.
func isFiller(r rune) bool {
	switch r {
	case 0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180e, 0x200b, 0x2060, 0x2800, 0x3164, 0xfeff, 0xffa0:
		return true
	}
	return false
}
