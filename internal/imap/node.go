package imap

import (
	"bytes"
	"iter"
	"math"
	"strings"
)

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens. KindNone is the zero Node: nothing is there.
const (
	KindNone    Kind = iota
	KindAtom         // an atom, a number, a flag, NIL
	KindQuoted       // a quoted string, unescaped
	KindLiteral      // a literal or literal8
	KindList         // a parenthesized list
	KindDropped      // a literal that was streamed away or skipped, or a list nested too deep
)

// token is one node of the tree, in the order of the wire. A list is followed
// by its children; after is the index behind the whole subtree.
type token struct {
	kind       Kind
	start, end uint32 // bytes in tree.buf; of a dropped literal, none
	after      uint32
}

// tree holds one response: its bytes and its tokens. It is reused.
type tree struct {
	buf  []byte
	tok  []token
	used int // how far buf was written to since wipe
}

// wipe overwrites the responses that the tree held.
func (t *tree) wipe() {
	t.reset()
	clear(t.buf[:t.used])
	t.used = 0
}

func (t *tree) reset() {
	t.used = max(t.used, len(t.buf))
	if cap(t.buf) > keepBuffer {
		t.buf, t.used = nil, 0
	}
	if cap(t.tok) > keepTokens {
		t.tok = nil
	}
	t.buf, t.tok = t.buf[:0], t.tok[:0]
}

// Node is one token of a response with what is below it. It is a small handle
// into the response and valid as long as that is: within a callback, only
// until the callback returns. The zero Node is absent: every accessor works on
// it and finds nothing.
type Node struct {
	t *tree
	i uint32
}

func (n Node) tok() token {
	if n.t == nil || int(n.i) >= len(n.t.tok) {
		return token{}
	}
	return n.t.tok[n.i]
}

// Kind returns the kind of the token.
func (n Node) Kind() Kind { return n.tok().kind }

// Present reports whether there is a token at all.
func (n Node) Present() bool { return n.Kind() != KindNone }

// IsNil reports whether the token is the atom NIL, or absent.
func (n Node) IsNil() bool {
	k := n.tok()
	return k.kind == KindNone || k.kind == KindAtom && k.end-k.start == 3 && equalFold(n.t.buf[k.start:k.end], "NIL")
}

// IsList reports whether the token is a list.
func (n Node) IsList() bool { return n.Kind() == KindList }

// IsString reports whether the token is quoted or a literal.
func (n Node) IsString() bool { k := n.Kind(); return k == KindQuoted || k == KindLiteral }

// Dropped reports whether the value was streamed away or exceeded a limit.
func (n Node) Dropped() bool { return n.Kind() == KindDropped }

// Bytes returns the content of an atom or string, without a copy; nil for NIL
// and for lists. The slice is valid as long as the node and must not change.
func (n Node) Bytes() []byte {
	k := n.tok()
	switch k.kind {
	case KindAtom, KindQuoted, KindLiteral:
		if n.IsNil() {
			return nil
		}
		return n.t.buf[k.start:k.end:k.end]
	}
	return nil
}

// Raw returns the content as Bytes does, "NIL" included: a folder may be
// called NIL.
func (n Node) Raw() []byte {
	k := n.tok()
	switch k.kind {
	case KindAtom, KindQuoted, KindLiteral:
		return n.t.buf[k.start:k.end:k.end]
	}
	return nil
}

// Text returns Bytes as a string.
func (n Node) Text() string { return string(n.Bytes()) }

// Is reports whether the token is the atom or string word, whatever its case.
func (n Node) Is(word string) bool { return equalFold(n.Raw(), word) }

// Number returns the value of an atom (or, from odd servers, a string) of
// digits. Values above 63 bits are refused, as RFC 9051's number64.
func (n Node) Number() (uint64, bool) { return parseNumber(n.Raw()) }

// Number32 is Number for values of 32 bits.
func (n Node) Number32() (uint32, bool) {
	v, ok := n.Number()
	return uint32(v), ok && v <= math.MaxUint32
}

// Children yields the elements of a list.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		k := n.tok()
		if k.kind != KindList {
			return
		}
		for i := n.i + 1; i < k.after; i = n.t.tok[i].after {
			if !yield(Node{n.t, i}) {
				return
			}
		}
	}
}

// First returns the first element of a list, or the absent Node.
func (n Node) First() Node {
	k := n.tok()
	if k.kind != KindList || n.i+1 >= k.after {
		return Node{}
	}
	return Node{n.t, n.i + 1}
}

// Len returns how many elements a list has.
func (n Node) Len() int {
	c := 0
	for range n.Children() {
		c++
	}
	return c
}

// At returns the element at index i of a list, or the absent Node.
func (n Node) At(i int) Node {
	for c := range n.Children() {
		if i == 0 {
			return c
		}
		i--
	}
	return Node{}
}

// cursor walks siblings without closures: the hot path.
type cursor struct {
	t    *tree
	i, n uint32
}

func (n Node) cursor() cursor {
	k := n.tok()
	if k.kind != KindList {
		return cursor{}
	}
	return cursor{n.t, n.i + 1, k.after}
}

// next returns the next sibling, or the absent Node at the end.
func (c *cursor) next() Node {
	if c.i >= c.n {
		return Node{}
	}
	at := c.i
	c.i = c.t.tok[at].after
	return Node{c.t, at}
}

// peek returns the next sibling without taking it.
func (c *cursor) peek() Node {
	if c.i >= c.n {
		return Node{}
	}
	return Node{c.t, c.i}
}

// clone copies the subtree of n into a tree of its own.
func (n Node) clone() Node {
	k := n.tok()
	if k.kind == KindNone {
		return Node{}
	}
	t := &tree{
		buf: bytes.Clone(n.t.buf[k.start:k.end]),
		tok: append([]token(nil), n.t.tok[n.i:k.after]...),
	}
	for i := range t.tok {
		t.tok[i].start -= k.start
		t.tok[i].end -= k.start
		t.tok[i].after -= n.i
	}
	return Node{t, 0}
}

// equalFold compares bytes with an upper-case ASCII word.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		if upper(b[i]) != upper(word[i]) {
			return false
		}
	}
	return true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 32
	}
	return c
}

func parseNumber(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, v <= math.MaxInt64
}

// upperString returns b in upper case ASCII.
func upperString(b []byte) string { return strings.ToUpper(string(b)) }
