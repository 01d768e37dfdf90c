package sanitize

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextOptions say how a plain text was written.
type TextOptions struct {
	Flowed bool // format=flowed (RFC 3676)
	DelSp  bool // delsp=yes
	Theme  Theme
}

// Text makes a document of plain text: quotations nested, the signature set
// apart, links live. Text longer than MaxInput is cut, and the findings say so.
func Text(src string, opt TextOptions) Result {
	c := newCleaner(context.Background(), Options{Theme: opt.Theme})
	if len(src) > MaxInput {
		src = strings.ToValidUTF8(src[:MaxInput], "")
		c.found.Truncated = true
	}
	src = strings.ReplaceAll(strings.ToValidUTF8(src, "\uFFFD"), "\x00", "")
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	lines := plainLines(src)
	if opt.Flowed {
		lines = flowedLines(src, opt.DelSp)
	}
	root := element("div", attr{"id", scopeID})
	body := element("div", attr{"class", "t"}, attr{"dir", "auto"})
	root.add(body)
	w := textWriter{c: c, stack: []*node{body}}
	for _, l := range lines {
		if w.full() {
			c.found.Truncated = true
			break
		}
		w.line(l)
	}
	w.end()
	p := page{mode: noQuirks, sheet: sheetBase + sheetText + opt.Theme.sheet()}
	return Result{Document: p.write(root), Findings: c.result()}
}

// textLine is one line or, when flowed, one paragraph.
type textLine struct {
	depth int
	text  string
	sig   bool // the signature separator
}

// plainLines cuts fixed text. "> > x" and ">> x" are two levels deep.
func plainLines(src string) []textLine {
	lines := make([]textLine, 0, strings.Count(src, "\n")+1)
	for line := range strings.SplitSeq(src, "\n") {
		depth, rest := quoteDepth(line)
		lines = append(lines, textLine{depth: depth, text: rest, sig: rest == "-- " || rest == "--" && depth == 0})
	}
	return lines
}

// quoteDepth takes quote marks off a line. One space after the last mark goes
// with it; "From" lines that mbox marked with ">" stay as they are.
func quoteDepth(line string) (depth int, rest string) {
	if strings.HasPrefix(line, ">From ") {
		return 0, line[1:]
	}
	for {
		switch {
		case strings.HasPrefix(line, ">"):
			depth++
			line = line[1:]
		case depth > 0 && strings.HasPrefix(line, " >"):
			line = line[1:]
		default:
			if depth > 0 {
				line = strings.TrimPrefix(line, " ")
			}
			return depth, line
		}
	}
}

// flowedLines joins the lines of a flowed text to paragraphs (RFC 3676, section
// 4): a line that ends in a space goes on in the next one of the same depth,
// except the signature separator; one space stuffed before a line is removed.
func flowedLines(src string, delSp bool) []textLine {
	var out []textLine
	open := false // the last line of out goes on
	for line := range strings.SplitSeq(src, "\n") {
		depth := len(line) - len(strings.TrimLeft(line, ">"))
		text := strings.TrimPrefix(line[depth:], " ")
		sig := text == "-- "
		flowed := strings.HasSuffix(text, " ") && !sig
		if flowed && delSp {
			text = text[:len(text)-1]
		}
		if last := len(out) - 1; open && out[last].depth == depth && !sig {
			out[last].text += text
		} else {
			out = append(out, textLine{depth: depth, text: text, sig: sig})
		}
		open = flowed
	}
	return out
}

// textWriter builds the tree of a text.
type textWriter struct {
	c     *cleaner
	stack []*node // open elements: the body, and a blockquote for each level
	text  strings.Builder
	fresh bool // something was written at this level: a line end comes first
	sig   bool
}

func (w *textWriter) top() *node { return w.stack[len(w.stack)-1] }

func (w *textWriter) full() bool { return w.c.nodes > MaxNodes }

func (w *textWriter) line(l textLine) {
	depth := min(l.depth, MaxQuote)
	if depth != w.depth() {
		w.quote(depth)
	}
	if l.sig && !w.sig {
		w.flush()
		sig := element("div", attr{"class", "sig"})
		w.top().add(sig)
		w.stack = append(w.stack, sig)
		w.sig, w.fresh = true, false
		w.c.nodes++
	}
	if w.fresh {
		w.text.WriteByte('\n')
	}
	w.fresh = true
	w.text.WriteString(l.text)
}

func (w *textWriter) depth() int {
	d := len(w.stack) - 1
	if w.sig {
		d--
	}
	return d
}

// quote opens and closes blockquotes; a signature ends where its level does.
func (w *textWriter) quote(depth int) {
	w.flush()
	if w.sig {
		w.stack = w.stack[:len(w.stack)-1]
		w.sig = false
	}
	w.stack = w.stack[:min(len(w.stack), depth+1)]
	for len(w.stack)-1 < depth {
		q := element("blockquote")
		w.top().add(q)
		w.stack = append(w.stack, q)
		w.c.nodes++
	}
	w.fresh = false
}

func (w *textWriter) end() { w.flush() }

// flush writes the text so far, with its links.
func (w *textWriter) flush() {
	s := dropInvisible(w.text.String())
	w.text.Reset()
	n := w.top()
	for s != "" {
		start, end, href := findLink(s)
		if href == "" || w.full() {
			break
		}
		n.addText(s[:start])
		w.link(n, s[start:end], href)
		s = s[end:]
	}
	n.addText(s)
}

func (w *textWriter) link(n *node, text, href string) {
	target, host, ok := w.c.link(href)
	if !ok {
		n.addText(text)
		return
	}
	a := element("a", attr{"href", target}, attr{"target", "_blank"}, attr{"rel", "noopener noreferrer"})
	a.addText(text)
	n.add(a)
	w.c.nodes += 2
	w.c.addLink(target, host, text)
}

// dropInvisible drops controls other than tab and line end, which a parser would
// change or a terminal obey. The marks of bidirectional text stay: Arabic and
// Hebrew mail needs them.
func dropInvisible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// findLink finds the first link in s, by walking over its words: no pattern is
// matched across white space, and nothing is looked at twice.
func findLink(s string) (start, end int, href string) {
	for i := 0; i < len(s); {
		for i < len(s) && isBreak(s[i:]) > 0 {
			i += isBreak(s[i:])
		}
		word := i
		for i < len(s) && isBreak(s[i:]) == 0 {
			_, n := utf8.DecodeRuneInString(s[i:])
			i += n
		}
		if from, to, target := wordLink(s[word:i]); target != "" {
			return word + from, word + to, target
		}
	}
	return 0, 0, ""
}

// isBreak is the length of the character that s starts with when no link goes
// over it: white space, brackets and quotes around addresses, and the invisible
// characters that make a link look like another one. Else it is 0.
func isBreak(s string) int {
	c := s[0]
	if c < utf8.RuneSelf {
		if c <= ' ' || strings.IndexByte("<>\"`{}|\\^", c) >= 0 {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) ||
		strings.ContainsRune("“”„«»‹›‘’。，、；：！？（）【】「」『』《》〈〉", r) {
		return n
	}
	return 0
}

// wordLink finds a link in one word: a web address, or a mail address.
func wordLink(word string) (from, to int, href string) {
	for i := 0; i < len(word) && len(word) <= MaxAttr; i++ {
		if i > 0 && (isDigit(word[i-1]) || isNameStart(word[i-1])) {
			continue // in the middle of a word
		}
		rest := word[i:]
		switch {
		case hasFold(rest, "http://"), hasFold(rest, "https://"):
			to := i + trimEnd(rest)
			if strings.ContainsFunc(word[i+len("http://"):to], unicode.IsLetter) || strings.ContainsAny(word[i:to], "0123456789") {
				return i, to, word[i:to]
			}
		case hasFold(rest, "mailto:") && strings.Contains(rest, "@"):
			to := i + trimEnd(rest)
			return i, to, word[i:to]
		case hasFold(rest, "www.") && strings.Count(rest[:trimEnd(rest)], ".") >= 2:
			to := i + trimEnd(rest)
			return i, to, "http://" + word[i:to]
		}
	}
	return mailLink(word)
}

func hasFold(s, prefix string) bool {
	return len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// trimEnd is the length of a URL without the punctuation of the sentence around
// it, and without a closing bracket that has no opening one in the URL.
func trimEnd(s string) int {
	n := len(s)
	opened := map[byte]int{}
	for i := 0; i < n; i++ {
		opened[s[i]]++
	}
	for n > 0 {
		c := s[n-1]
		switch {
		case strings.IndexByte(".,;:!?'*_~", c) >= 0:
		case c == ')' && opened[')'] > opened['('], c == ']' && opened[']'] > opened['[']:
		default:
			return n
		}
		opened[c]--
		n--
	}
	return n
}

// mailLink finds a mail address in a word that has exactly one "@".
func mailLink(word string) (from, to int, href string) {
	at := strings.IndexByte(word, '@')
	if at <= 0 || strings.Count(word, "@") != 1 || len(word) > 320 {
		return 0, 0, ""
	}
	from = at
	for from > 0 && isLocal(word[from-1]) {
		from--
	}
	to = at + 1
	for to < len(word) && (isDigit(word[to]) || isNameByte(word[to]) && word[to] != '_' || word[to] == '.') {
		to++
	}
	for from < at && word[from] == '.' {
		from++
	}
	domain := strings.TrimRight(word[at+1:to], ".-")
	to = at + 1 + len(domain)
	if from == at || !strings.Contains(domain, ".") || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return 0, 0, ""
	}
	return from, to, "mailto:" + word[from:to]
}

func isLocal(c byte) bool { return isNameByte(c) && c < 0x80 || c == '.' || c == '+' || c == '=' }
