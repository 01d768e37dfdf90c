package imap

import "bytes"

// lex turns t.buf[pos:stop] into tokens. end is where the line really ends; it
// lies behind stop when a literal marker stands between. inQuote reports that
// a quoted string ran over stop, so that the marker was none.
func (p *parser) lex(pos, stop, end int) (inQuote bool) {
	buf := p.t.buf
	for i := pos; i < stop; {
		switch c := buf[i]; c {
		case ' ':
			i++
		case '(':
			p.push(i)
			i++
		case ')':
			i++
			p.pop(i)
		case '"':
			i = p.quoted(i, end)
			if i > stop {
				return true
			}
		default:
			i = p.atom(i, stop)
		}
	}
	return false
}

// quoted lexes a quoted string that starts at i and unescapes it in place. A
// missing end quote is taken to stand at the end of the line.
func (p *parser) quoted(i, end int) int {
	buf := p.t.buf
	start := i + 1
	if q := bytes.IndexByte(buf[start:end], '"'); q >= 0 && bytes.IndexByte(buf[start:start+q], '\\') < 0 {
		p.add(KindQuoted, start, start+q)
		return start + q + 1
	}
	w := start
	for r := start; r < end; r++ {
		c := buf[r]
		switch {
		case c == '"':
			p.add(KindQuoted, start, w)
			return r + 1
		case c == '\\' && r+1 < end && (buf[r+1] == '"' || buf[r+1] == '\\'):
			r++
			c = buf[r]
		}
		buf[w] = c
		w++
	}
	p.add(KindQuoted, start, w)
	return end
}

// atom lexes an atom. BODY[...] and BINARY[...] run to their bracket, spaces
// and parentheses included; without one they are plain atoms.
func (p *parser) atom(i, stop int) int {
	buf := p.t.buf
	start := i
	for i < stop {
		c := buf[i]
		if c == '[' && isSectionName(buf[start:i]) {
			if end := sectionEnd(buf[i:stop]); end > 0 {
				i += end
			}
		} else if c == ' ' || c == '(' || c == ')' {
			break
		}
		i++
	}
	p.add(KindAtom, start, i)
	return i
}

func isSectionName(b []byte) bool {
	return equalFold(b, "BODY") || equalFold(b, "BINARY") || equalFold(b, "BINARY.SIZE") ||
		equalFold(b, "BODY.PEEK") || equalFold(b, "BINARY.PEEK")
}

// sectionEnd finds the closing bracket, outside of quotes.
func sectionEnd(b []byte) int {
	quoted := false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return i
		}
	}
	return -1
}

// full reports whether no more tokens are kept.
func (p *parser) full() bool { return len(p.t.tok) >= p.tokRoom }

func (p *parser) add(kind Kind, start, end int) {
	if p.deep > 0 {
		return
	}
	if p.full() {
		p.resp.Truncated = true
		return
	}
	p.t.tok = append(p.t.tok, token{kind, uint32(start), uint32(end), uint32(len(p.t.tok) + 1)})
}

// push opens a list. Below maxDepth lists are counted and dropped: one mail
// with absurd nesting must not cost the connection.
func (p *parser) push(at int) {
	if p.deep > 0 || len(p.open) > maxDepth || p.full() {
		if p.deep == 0 {
			p.add(KindDropped, at, at)
		}
		p.deep++
		p.resp.Truncated = true
		return
	}
	p.open = append(p.open, uint32(len(p.t.tok)))
	p.add(KindList, at, at)
}

// pop closes a list. One parenthesis too many is ignored.
func (p *parser) pop(end int) {
	if p.deep > 0 {
		p.deep--
		return
	}
	if len(p.open) <= 1 {
		return
	}
	i := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	p.t.tok[i].end = uint32(end)
	p.t.tok[i].after = uint32(len(p.t.tok))
}

// settle makes the tree consistent although lists may be open: at the end of
// the response, and before a literal is offered to a caller.
func (p *parser) settle() {
	for _, i := range p.open {
		p.t.tok[i].end = uint32(len(p.t.buf))
		p.t.tok[i].after = uint32(len(p.t.tok))
	}
}
