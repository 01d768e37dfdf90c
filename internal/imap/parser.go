package imap

import (
	"bytes"
	"io"
)

// parser reads responses. It belongs to one goroutine.
type parser struct {
	rd       *reader
	desks    *Desks
	desk     *desk // nil while nothing comes
	t        tree
	resp     Response
	open     []uint32 // indexes of the lists not yet closed
	deep     int      // lists open beyond maxDepth, whose content is dropped
	cut      bool     // a line exceeded its limit: what follows is only skipped
	maxKeep  int64    // largest literal kept in memory
	maxLit   int64    // largest literal at all
	sink     func(LiteralInfo) sinkAnswer
	lineRoom int // maxLine, smaller in tests
	respRoom int // maxResponse, smaller in tests
	tokRoom  int // maxTokens, smaller in tests
}

func newParser(src io.Reader, opts Options) *parser {
	return &parser{
		rd: newReader(src), desks: opts.Desks, maxKeep: opts.MaxLiteralInMemory, maxLit: opts.MaxLiteral,
		lineRoom: maxLine, respRoom: maxResponse, tokRoom: maxTokens,
	}
}

// next reads one response, which is valid until the next call. Errors are of
// the connection or the frame; odd content is no error.
func (p *parser) next() (*Response, error) {
	for {
		if err := p.await(); err != nil {
			return nil, err
		}
		p.t.reset()
		p.open, p.deep, p.cut = p.open[:0], 0, false
		p.resp = Response{tree: &p.t}
		tail, err := p.readLine()
		if err != nil {
			return nil, err
		}
		if len(p.t.buf) == 0 {
			continue // an empty line: nothing was said
		}
		if err := p.response(tail); err != nil {
			return nil, err
		}
		return &p.resp, nil
	}
}

// await returns when there is something to parse, with a desk to do it on.
func (p *parser) await() error {
	if len(p.rd.buffered()) > 0 {
		return nil
	}
	p.leave()
	if err := p.rd.fill(); err != nil {
		return err
	}
	p.desk = p.desks.take()
	p.t = p.desk.tree
	p.rd.move(p.desk.in)
	return nil
}

// leave gives the desk to others: the last response is not valid any more, and
// nothing is buffered.
func (p *parser) leave() {
	if p.desk == nil {
		return
	}
	p.desk.tree, p.t = p.t, tree{}
	p.desks.give(p.desk, p.rd.used)
	p.desk = nil
	p.rd.leave()
}

func (p *parser) readLine() (tail []byte, err error) {
	room := min(p.lineRoom, max(0, p.respRoom-len(p.t.buf)))
	var cut bool
	p.t.buf, tail, cut, err = p.rd.line(p.t.buf, room)
	p.cut = p.cut || cut
	p.resp.Truncated = p.resp.Truncated || cut
	return tail, err
}

// response parses the first line in t.buf and reads on while literals follow.
func (p *parser) response(tail []byte) error {
	line := p.t.buf
	switch {
	case line[0] == '+':
		p.resp.cont = true
		p.resp.Text = clipText(bytes.TrimPrefix(line[1:], []byte(" ")))
		return nil
	case line[0] != '*':
		tag, rest := cutSpace(line)
		p.resp.Tag = clipText(tag)
		p.status(rest)
		return nil
	}
	word, rest := cutSpace(bytes.TrimLeft(line[1:], " "))
	if n, ok := parseNumber(word); ok && n <= 0xffffffff {
		p.resp.Num, p.resp.hasNum = uint32(n), true
		word, rest = cutSpace(rest)
	}
	p.resp.Word = internWord(word)
	switch p.resp.Word {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		p.status(line[len(line)-len(rest)-len(word)-min(1, len(rest)):])
		p.resp.Word = p.resp.Kind.String()
		return nil
	case "SEARCH", "SORT", "THREAD":
		p.resp.rest = rest
		return nil
	}
	return p.arguments(len(line)-len(rest), tail)
}

// arguments lexes the rest of the line, and further lines after literals.
func (p *parser) arguments(pos int, tail []byte) error {
	p.push(pos) // the list of all arguments
	wasCut := false
	for {
		end := len(p.t.buf)
		marker, size, isLit := literalMarker(tail)
		stop := end
		if isLit && !p.cut {
			stop = end - marker
		}
		if !wasCut && p.lex(pos, stop, end) {
			isLit = false // the marker stood inside of a quoted string
		}
		if p.cut && !wasCut {
			wasCut = true
			p.dropLast(end)
		}
		if !isLit {
			break
		}
		if err := p.literal(size); err != nil {
			return err
		}
		pos = len(p.t.buf)
		var err error
		if tail, err = p.readLine(); err != nil {
			return err
		}
	}
	p.settle()
	p.resp.args = Node{&p.t, 0}
	return nil
}

// dropLast makes the last token absent if it reaches to where a line was cut:
// half of a number is another number.
func (p *parser) dropLast(end int) {
	if n := len(p.t.tok); n > 1 && int(p.t.tok[n-1].end) == end && p.t.tok[n-1].kind != KindList {
		p.t.tok[n-1].kind = KindDropped
	}
}

// literalMarker reports whether a line with this end announces a literal:
// "{n}", "{n+}" or "~{n}". n is the marker's length.
func literalMarker(tail []byte) (n int, size int64, ok bool) {
	i := len(tail) - 1
	if i < 2 || tail[i] != '}' {
		return 0, 0, false
	}
	end := i
	if tail[end-1] == '+' {
		end--
	}
	start := end
	for start > 0 && tail[start-1] >= '0' && tail[start-1] <= '9' {
		start--
	}
	if start == end || start == 0 || tail[start-1] != '{' {
		return 0, 0, false
	}
	v, ok := parseNumber(tail[start:end])
	if !ok {
		v = 1 << 62 // beyond any limit
	}
	start--
	if start > 0 && tail[start-1] == '~' {
		start--
	}
	return len(tail) - start, int64(v), true
}

// literal reads the bytes of a literal into the tree, to a caller's writer, or
// nowhere.
func (p *parser) literal(size int64) error {
	if size > p.maxLit {
		return &LimitError{What: "bytes in a literal", Limit: p.maxLit}
	}
	if info, ok := p.literalInfo(size); ok && p.sink != nil {
		if ans := p.sink(info); ans.stream {
			p.add(KindDropped, len(p.t.buf), len(p.t.buf))
			return p.rd.copyTo(ans.w, size)
		}
	}
	if size > p.maxKeep || int64(len(p.t.buf))+size > int64(p.respRoom) || p.full() || p.deep > 0 || p.cut {
		p.add(KindDropped, len(p.t.buf), len(p.t.buf))
		p.resp.Truncated = true
		return p.rd.copyTo(nil, size)
	}
	from := len(p.t.buf)
	var err error
	p.t.buf, err = p.rd.keep(p.t.buf, size)
	p.add(KindLiteral, from, len(p.t.buf))
	return err
}

// literalInfo describes the literal about to be read if it is the value of an
// item of a FETCH.
func (p *parser) literalInfo(size int64) (LiteralInfo, bool) {
	if p.resp.Word != "FETCH" || len(p.open) != 2 || p.deep > 0 || p.resp.Truncated {
		return LiteralInfo{}, false
	}
	p.settle()
	info := LiteralInfo{Seq: SeqNum(p.resp.Num), Size: size}
	cur := (Node{&p.t, p.open[1]}).cursor()
	for name := cur.next(); name.Present(); name = cur.next() {
		value := cur.next()
		if !value.Present() {
			info.Item = string(name.Raw())
			return info, true
		}
		if name.Is("UID") {
			n, _ := value.Number32()
			info.UID = UID(n)
		}
	}
	return info, false
}

// status parses "OK [CODE args] text".
func (p *parser) status(b []byte) {
	word, rest := cutSpace(b)
	r := &p.resp
	r.Kind = statusKind(word)
	if r.Kind == StatusNone {
		r.Text = clipText(b)
		return
	}
	r.Word = r.Kind.String()
	if len(rest) > 0 && rest[0] == '[' {
		if end := codeEnd(rest); end > 0 {
			r.Code = parseCode(rest[1:end])
			rest = bytes.TrimPrefix(rest[end+1:], []byte(" "))
		}
	}
	r.Text = clipText(rest)
}

func statusKind(word []byte) StatusKind {
	for k := StatusOK; k <= StatusPREAUTH; k++ {
		if equalFold(word, k.String()) {
			return k
		}
	}
	return StatusNone
}

// codeEnd finds the bracket that ends a response code: the first one outside
// of quotes and parentheses, or else the first one at all.
func codeEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ']' && depth <= 0:
			return i
		}
	}
	return bytes.IndexByte(b, ']')
}

// parseCode makes a Code that owns its bytes.
func parseCode(b []byte) Code {
	name, args := cutSpace(b)
	c := Code{Name: internWord(name[:min(len(name), maxCapName)])}
	if len(args) > 0 && len(args) <= maxCodeArgs {
		c.args = lexAll(args)
	}
	return c
}

// lexAll makes a tree of its own from the bytes of a line.
func lexAll(b []byte) Node {
	p := &parser{tokRoom: maxTokens}
	p.t.buf = bytes.Clone(b)
	p.push(0)
	p.lex(0, len(p.t.buf), len(p.t.buf))
	p.settle()
	return Node{&p.t, 0}
}

func cutSpace(b []byte) (word, rest []byte) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

func clipText(b []byte) string { return string(b[:min(len(b), maxText)]) }

// internWord returns the word in upper case, without an allocation for those
// that come often.
func internWord(b []byte) string {
	for _, w := range [...]string{"FETCH", "OK", "EXISTS", "VANISHED", "EXPUNGE", "STATUS", "LIST", "NO", "RECENT", "FLAGS"} {
		if equalFold(b, w) {
			return w
		}
	}
	return upperString(b[:min(len(b), maxCapName)])
}
