package imap

import "bytes"

// replyScanner follows the frame of what a server sends: it finds the lines
// that start a response, and skips literals, in which anybody's text stands.
type replyScanner struct {
	inLine  bool   // the present line has begun
	more    bool   // the line continues a response after a literal
	drop    bool   // the present line is not shown to the client
	head    []byte // first bytes of the line
	tail    []byte // last bytes of the line
	literal int64  // bytes of a literal still to come
}

// scan reads a first part of p, all of which has one fate: keep tells whether
// the client shall see it.
func (r *replyScanner) scan(p []byte, g *Guard) (n int, keep bool) {
	if r.literal > 0 {
		n = int(min(r.literal, int64(len(p))))
		r.literal -= int64(n)
		return n, true
	}
	if !r.inLine {
		r.inLine, r.drop = true, false
		r.head, r.tail = r.head[:0], r.tail[:0]
		if p[0] == '+' && !r.more {
			r.drop = !g.continuation()
		}
	}
	n = len(p)
	end := bytes.IndexByte(p, '\n')
	if end >= 0 {
		n = end + 1
	}
	r.head = append(r.head, p[:min(n, maxReplyHead-len(r.head))]...)
	r.tail = lastBytes(append(r.tail, p[max(0, n-tailLen):n]...), tailLen)
	if end >= 0 {
		r.lineEnds(g)
	}
	return n, !r.drop
}

// lineEnds sees a whole line.
func (r *replyScanner) lineEnds(g *Guard) {
	r.inLine = false
	tag, text := r.kind()
	if tag != "" {
		g.completed(tag)
	}
	_, size, isLit := literalMarker(bytes.TrimRight(r.tail, "\r\n"))
	r.more = isLit && !text
	if r.more {
		r.literal = size
	}
}

// kind tells whether the line is a tagged answer, and whether it is one whose
// rest is text for people, in which a marker means nothing: servers put folder
// names there, which a client chooses.
func (r *replyScanner) kind() (tag string, text bool) {
	if r.more {
		return "", false
	}
	word, rest := cutSpace(bytes.TrimRight(r.head, "\r\n"))
	switch string(word) {
	case "+":
		return "", true
	case "*":
		word, _ = cutSpace(bytes.TrimLeft(rest, " "))
		return "", statusKind(word) != StatusNone
	}
	if len(word) > 0 && word[0] == '+' {
		return "", true
	}
	return string(word), true
}
