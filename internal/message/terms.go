package message

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Terms are words and phrases that are looked for inside of texts, as IMAP's
// SEARCH does: anywhere, and without regard to case (RFC 5051). The zero value
// finds nothing. It is safe for concurrent use.
type Terms struct {
	folded []string
}

// NewTerms takes words and phrases; white space in a phrase is one space.
func NewTerms(words []string) Terms {
	var t Terms
	for _, w := range words {
		folded, _ := fold(oneLine(w))
		if folded != "" && !slices.Contains(t.folded, folded) {
			t.folded = append(t.folded, folded)
		}
	}
	return t
}

// Len is the number of different terms.
func (t Terms) Len() int { return len(t.folded) }

// AllIn reports whether every term is found in s.
func (t Terms) AllIn(s string) bool {
	folded, _ := fold(s)
	return !slices.ContainsFunc(t.folded, func(term string) bool { return !strings.Contains(folded, term) })
}

// found is a place in a text, in octets, half open, and which term stands there.
type found struct{ from, to, term int }

// find returns where the terms stand in s, in order, perTerm of each at most; 0:
// all. Places may overlap.
func (t Terms) find(s string, perTerm int) []found {
	folded, at := fold(s)
	var list []found
	for n, term := range t.folded {
		for from, count := 0, 0; perTerm == 0 || count < perTerm; count++ {
			i := strings.Index(folded[from:], term)
			if i < 0 {
				break
			}
			from += i + len(term)
			list = append(list, found{int(at[from-len(term)]), endOf(s, int(at[from-1])), n})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return list
}

// endOf is the end of the character that begins at i: its marks belong to it.
func endOf(s string, i int) int {
	_, n := utf8.DecodeRuneInString(s[i:])
	for i += n; i < len(s); i += n {
		var r rune
		if r, n = utf8.DecodeRuneInString(s[i:]); !unicode.Is(unicode.M, r) {
			break
		}
	}
	return i
}

// fold returns s in the form in which texts are compared, and for each octet of
// that where the character that it comes of begins in s.
func fold(s string) (folded string, at []int32) {
	b := make([]byte, 0, len(s)+len(s)/8)
	at = make([]int32, 0, cap(b))
	var one [utf8.UTFMax]byte
	for i, r := range s {
		before := len(b)
		if r < utf8.RuneSelf {
			b = append(b, byte(r))
		} else {
			title := utf8.AppendRune(one[:0], unicode.ToTitle(r))
			if parts := norm.NFKD.Properties(title).Decomposition(); parts != nil {
				title = parts
			}
			b = append(b, title...)
		}
		for j, c := range b[before:] {
			if 'a' <= c && c <= 'z' {
				b[before+j] = c - 'a' + 'A'
			}
		}
		for range len(b) - before {
			at = append(at, int32(i))
		}
	}
	return string(b), at
}
