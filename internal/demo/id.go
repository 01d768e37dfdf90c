package demo

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// idReply is what the server says of itself (RFC 2971).
const idReply = `* ID ("name" "Cofferdam demo platform" "vendor" "Cofferdam")` + "\r\n"

// idListener adds the command ID to the IMAP library's server, which does not
// know it and hangs up on it before login. Towards the server ID looks like NOOP;
// towards the client the answer is put before the tagged OK of that NOOP.
type idListener struct{ net.Listener }

// Accept returns the next connection.
func (l idListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &idConn{Conn: nc, br: bufio.NewReader(nc)}, nil
}

// idConn is one connection.
type idConn struct {
	net.Conn
	br      *bufio.Reader
	literal int64  // bytes of a literal still to pass
	rest    []byte // of a line being passed
	inner   bool   // the line goes on after a literal: not the start of a command

	mu   sync.Mutex // guards what follows
	tags []string   // ID commands not answered yet
	out  position
}

// position is where in the server's answers we are.
type position struct {
	literal int64  // bytes of a literal still to come
	tail    []byte // of a line that has begun
}

// atStart reports whether the next byte begins a response.
func (o *position) atStart() bool { return o.literal == 0 && len(o.tail) == 0 }

// pass moves on by p.
func (o *position) pass(p []byte) {
	for len(p) > 0 {
		if o.literal > 0 {
			n := min(o.literal, int64(len(p)))
			o.literal -= n
			p = p[n:]
			if o.literal == 0 {
				o.tail = []byte{' '} // the line goes on
			}
			continue
		}
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		p = rest
		// The end of a line is enough to see a literal announced.
		o.tail = append(o.tail, line...)
		o.tail = o.tail[max(0, len(o.tail)-32):]
		if ended {
			o.literal, _ = literalSize(o.tail)
			o.tail = nil
		}
	}
}

// Read passes what the client sends, line by line.
func (c *idConn) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case len(c.rest) > 0:
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	case c.literal > 0:
		n, err := c.br.Read(p[:min(int64(len(p)), c.literal)])
		c.literal -= int64(n)
		return n, err
	}
	line, err := c.br.ReadSlice('\n')
	if len(line) == 0 {
		return 0, err
	}
	// A line that does not fit the buffer is passed in pieces; only its last
	// piece can announce a literal.
	whole := err == nil
	c.rest = c.line(bytes.Clone(line), whole)
	return c.Read(p)
}

// line looks at one line and returns what the server shall get.
func (c *idConn) line(line []byte, whole bool) []byte {
	first := !c.inner
	c.inner = !whole
	if !whole {
		return line
	}
	if n, ok := literalSize(line); ok {
		c.literal, c.inner = n, true
		return line
	}
	tag, rest, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
	command, _, _ := strings.Cut(rest, " ")
	if !first || !strings.EqualFold(command, "ID") || tag == "" || strings.ContainsAny(tag, "+*\"({\\%") {
		return line
	}
	c.mu.Lock()
	c.tags = append(c.tags, tag)
	c.mu.Unlock()
	return []byte(tag + " NOOP\r\n")
}

// literalSize reads {n} or {n+} at the end of a line.
func literalSize(line []byte) (int64, bool) {
	s := strings.TrimRight(string(line), "\r\n")
	open := strings.LastIndexByte(s, '{')
	if open < 0 || !strings.HasSuffix(s, "}") {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(s[open+1:len(s)-1], "+"), 10, 64)
	return n, err == nil && n >= 0
}

// Write passes what the server says. The library writes each response that fits
// its buffer, as these do, with one call.
func (c *idConn) Write(p []byte) (int, error) {
	out := p
	c.mu.Lock()
	if c.out.atStart() {
		out = append([]byte(c.answer(p)), announce(p)...)
	}
	c.out.pass(p)
	c.mu.Unlock()
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// announce adds ID to capability lists.
func announce(p []byte) []byte {
	for _, start := range []string{"* CAPABILITY ", "* OK [CAPABILITY "} {
		if bytes.HasPrefix(p, []byte(start)) {
			return bytes.Replace(p, []byte("CAPABILITY "), []byte("CAPABILITY ID "), 1)
		}
	}
	tag, rest, _ := bytes.Cut(p, []byte(" "))
	if len(tag) < 64 && bytes.HasPrefix(rest, []byte("OK [CAPABILITY ")) {
		return bytes.Replace(p, []byte("CAPABILITY "), []byte("CAPABILITY ID "), 1)
	}
	return p
}

// answer returns the ID reply if p ends an ID command. The caller has locked.
func (c *idConn) answer(p []byte) string {
	if len(c.tags) == 0 || !bytes.HasPrefix(p, []byte(c.tags[0]+" OK NOOP completed")) {
		return ""
	}
	c.tags = c.tags[1:]
	return idReply
}

var _ io.ReadWriteCloser = (*idConn)(nil)
