package message

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// SearchText is what a search looks through in a text of the given type (RFC 8621,
// section 4.4.1): the text on one line; of HTML what is content, with alt and
// title, and neither tags nor other attributes nor what stands in the head.
func SearchText(mediaType, text string) string {
	if mediaType == "text/html" {
		text = htmlContent(text)
	}
	return oneLine(text)
}

// htmlContent reads tokens. All that a head may hold is left out by its name: a
// head has no other reliable end.
func htmlContent(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	skip := ""
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if skip == "" {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			raw, attributes := z.TagName()
			name := string(raw)
			if skip == "" && kind == html.StartTagToken && isUnshown(name) {
				skip = name
			}
			if skip == "" && !joinsWords(name) {
				b.WriteByte(' ')
			}
			if skip == "" && attributes && name != "meta" && name != "link" {
				presented(&b, z)
			}
		case html.EndTagToken:
			raw, _ := z.TagName()
			name := string(raw)
			if skip == "" && !joinsWords(name) {
				b.WriteByte(' ')
			} else if name == skip {
				skip = ""
			}
		}
	}
}

// presented writes the attributes that a person gets to see, as words apart.
func presented(b *strings.Builder, z *html.Tokenizer) {
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		if k := string(key); (k == "alt" || k == "title") && len(value) > 0 {
			b.WriteByte(' ')
			b.Write(value)
			b.WriteByte(' ')
		}
	}
}

// isUnshown: what is in these elements is no text of the mail.
func isUnshown(name string) bool {
	switch name {
	case "title", "style", "script", "template", "noframes", "iframe", "object", "svg", "math":
		return true
	}
	return false
}

// joinsWords: these elements part no words.
func joinsWords(name string) bool {
	switch name {
	case "b", "i", "em", "strong", "span", "font", "a", "u", "s", "small", "big", "sub", "sup", "mark", "code", "tt", "wbr", "abbr", "ins", "del":
		return true
	}
	return false
}

// oneLine makes one line of a text: white space becomes one space, and what takes
// no room is dropped.
func oneLine(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if isFiller(r) || unicode.IsControl(r) {
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}
