package account

import (
	"strings"

	"golang.org/x/net/html"
)

// htmlText is the text of HTML, for where a document cannot be shown: its words,
// a line for each block. It only reads tokens, so nothing of the HTML survives.
func htmlText(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	z.SetMaxBuf(1 << 20) // one token; a longer one ends the text
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(b.String())
		case html.TextToken:
			if hidden == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "script", "style", "title":
				hidden++
			case "br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "table":
				b.WriteByte('\n')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if n := string(name); hidden > 0 && (n == "script" || n == "style" || n == "title") {
				hidden--
			}
		}
	}
}
