package message

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// snippetMatches bounds how many places of one term are looked at for the best
	// section of a text: the first ones are as good as any.
	snippetMatches = 64

	// snippetReach is how far apart, in octets, terms may stand to be shown together,
	// and snippetLead how much escaped text goes before the first: together with
	// marks they stay well below what a SearchSnippet may have.
	snippetReach = 150
	snippetLead  = 60
)

const (
	markOpen  = "<mark>"
	markClose = "</mark>"
	ellipsis  = "…"
)

// Mark returns s as HTML with the terms in mark elements (RFC 8621, section 5); ok
// is false if there is none in it.
func (t Terms) Mark(s string) (marked string, ok bool) {
	places := merged(t.find(s, 0))
	if len(places) == 0 {
		return "", false
	}
	w := marker{text: s, places: places}
	for w.next() {
	}
	return w.b.String(), true
}

// Snippet returns the section of s that has most of the terms, as HTML with the
// terms in mark elements, in most octets at most; ok is false if there is none. It
// is not cut inside of a character, an entity or a mark element. most is 100 at
// least. s is the result of SearchText.
func (t Terms) Snippet(s string, most int) (snippet string, ok bool) {
	list := t.find(s, snippetMatches)
	if len(list) == 0 {
		return "", false
	}
	begin := leadIn(s, best(list))
	w := marker{text: s, places: merged(list), at: begin, most: most - len(ellipsis)}
	if begin > 0 {
		w.b.WriteString(ellipsis)
	}
	for w.next() {
	}
	if w.at == len(s) {
		return w.b.String(), true
	}
	whole := w.b.String()
	if w.word > 0 { // end with a word, if one ends behind the first mark
		whole = whole[:w.word]
	}
	return whole + ellipsis, true
}

// best is the beginning of the section with the most different terms; the first
// one of equals.
func best(list []found) int {
	begin, most := list[0].from, 0
	for i, f := range list {
		var seen []int
		for _, g := range list[i:] {
			if g.to > f.from+snippetReach {
				break
			}
			if !slices.Contains(seen, g.term) {
				seen = append(seen, g.term)
			}
		}
		if len(seen) > most {
			begin, most = f.from, len(seen)
		}
	}
	return begin
}

// leadIn is where a section begins whose first term begins at from: some words
// before.
func leadIn(s string, from int) int {
	begin, size, word := from, 0, from
	for begin > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:begin])
		if size += len(escaped(r)); size > snippetLead {
			return word
		}
		if r == ' ' {
			word = begin
		}
		begin -= n
	}
	return 0
}

// merged joins places that overlap or touch.
func merged(list []found) []found {
	var out []found
	for _, f := range list {
		if last := len(out) - 1; last >= 0 && f.from <= out[last].to {
			out[last].to = max(out[last].to, f.to)
			continue
		}
		out = append(out, f)
	}
	return out
}

// marker writes text as HTML, character by character.
type marker struct {
	b      strings.Builder
	text   string
	places []found // merged
	at     int
	most   int  // octets; 0: no bound
	word   int  // octets written up to the latest end of a word behind a mark; 0: none yet
	inside bool // a mark is open
	closed bool // a mark has been closed
}

// next writes one character. It returns false at the end of the text, or where
// the next character has no room; then no mark is open.
func (w *marker) next() bool {
	w.shut()
	if w.at == len(w.text) {
		return false
	}
	r, n := utf8.DecodeRuneInString(w.text[w.at:])
	out := escaped(r)
	opens := !w.inside && len(w.places) > 0 && w.places[0].from <= w.at
	need := len(out)
	if opens {
		need += len(markOpen)
	}
	if opens || w.inside {
		need += len(markClose)
	}
	if w.most > 0 && w.b.Len()+need > w.most {
		w.close()
		return false
	}
	if opens {
		w.b.WriteString(markOpen)
		w.inside = true
	}
	if r == ' ' && w.closed && !w.inside {
		w.word = w.b.Len()
	}
	w.b.WriteString(out)
	w.at += n
	return true
}

// shut closes a mark that ends here, and drops places that lie behind.
func (w *marker) shut() {
	for len(w.places) > 0 && w.places[0].to <= w.at {
		w.places = w.places[1:]
		w.close()
	}
}

func (w *marker) close() {
	if w.inside {
		w.b.WriteString(markClose)
		w.inside, w.closed = false, true
	}
}

func escaped(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}
