package sanitize

import (
	"strings"

	"golang.org/x/net/html"
)

// PlainText is the text of HTML, for a mail whose HTML cannot be shown. It is
// linear in the input and takes any.
func PlainText(src string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(src))
	z.SetMaxBuf(MaxInput + 1)
	skip := ""
	for b.Len() <= MaxInput {
		switch z.Next() {
		case html.ErrorToken:
			return tidyLines(b.String())
		case html.TextToken:
			if skip == "" {
				b.WriteString(strings.Join(strings.Fields(string(z.Text())), " "))
				b.WriteByte(' ')
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			tag := string(name)
			if skip == "" && skipsText(tag) {
				skip = tag
			}
			b.WriteString(breakFor(tag))
		case html.EndTagToken:
			name, _ := z.TagName()
			if tag := string(name); tag == skip {
				skip = ""
			} else {
				b.WriteString(breakFor(tag))
			}
		}
	}
	return tidyLines(b.String())
}

// skipsText says whether an element's text is not for reading.
func skipsText(tag string) bool {
	switch tag {
	case "style", "script", "title", "textarea", "select", "template":
		return true
	}
	return false
}

// breakFor is the line end that an element makes.
func breakFor(tag string) string {
	switch tag {
	case "br", "div", "tr", "li", "p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "ul", "ol", "center":
		return "\n"
	}
	return ""
}

// tidyLines trims lines and keeps at most one empty line between others.
func tidyLines(s string) string {
	var b strings.Builder
	empty := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(empty+1, 2)])
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}
