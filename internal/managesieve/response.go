package managesieve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ErrProtocol says that a server does not keep to RFC 5804.
var ErrProtocol = errors.New("server broke the ManageSieve protocol")

// item is a string or an atom of a response line.
type item struct {
	text string
	atom bool
}

// status ends a response.
type status struct {
	word string // OK, NO or BYE
	code string // in upper case, with no arguments: "QUOTA/MAXSIZE"
	text string
}

// response is what follows a command: lines of data and a status. An
// AUTHENTICATE may be answered by a line alone, a challenge.
type response struct {
	lines  [][]item
	status status
}

type reader struct {
	br   *bufio.Reader
	left int // bytes of strings that this response may have yet
}

func broken(what string) error { return fmt.Errorf("%w: %s", ErrProtocol, what) }

// response reads until a status. With one set, a line of data ends it too, and
// the status is empty.
func (r *reader) response(one bool) (*response, error) {
	r.left = MaxResponse
	out := &response{}
	for {
		c, err := r.peek()
		if err != nil {
			return nil, err
		}
		if c != '"' && c != '{' {
			out.status, err = r.status()
			return out, err
		}
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		if out.lines = append(out.lines, line); one {
			return out, nil
		}
		if len(out.lines) > MaxLines {
			return nil, broken("too many lines")
		}
	}
}

func (r *reader) peek() (byte, error) {
	b, err := r.br.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// line reads strings and atoms up to the end of the line.
func (r *reader) line() ([]item, error) {
	var list []item
	for len(list) <= maxItems {
		c, err := r.peek()
		if err != nil {
			return nil, err
		}
		var it item
		switch c {
		case '\r', '\n':
			return list, r.end()
		case ' ':
			_, _ = r.br.Discard(1) // it was peeked
			continue
		case '"', '{':
			it.text, err = r.string()
		default:
			it.atom = true
			it.text, err = r.atom()
		}
		if err != nil {
			return nil, err
		}
		list = append(list, it)
	}
	return nil, broken("too many items in a line")
}

// status reads OK, NO or BYE, with what may follow.
func (r *reader) status() (s status, err error) {
	word, err := r.atom()
	if err != nil {
		return s, err
	}
	s.word = strings.ToUpper(word)
	if s.word != "OK" && s.word != "NO" && s.word != "BYE" {
		return s, broken("neither data nor OK, NO or BYE")
	}
	for {
		c, err := r.peek()
		if err != nil {
			return s, err
		}
		switch c {
		case '\r', '\n':
			return s, r.end()
		case ' ':
			_, _ = r.br.Discard(1) // it was peeked
		case '(':
			s.code, err = r.code()
		case '"', '{':
			s.text, err = r.string()
		default:
			return s, broken("what follows the status is no text")
		}
		if err != nil {
			return s, err
		}
	}
}

// code reads a response code and returns its name.
func (r *reader) code() (string, error) {
	var name strings.Builder
	depth, named := 0, false
	for range maxCode {
		c, err := r.peek()
		if err != nil {
			return "", err
		}
		switch {
		case c == '"' || c == '{' && depth > 0:
			if _, err := r.string(); err != nil {
				return "", err
			}
			named = true
			continue
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ' ':
			named = true
		case c < ' ':
			return "", broken("a control character in a response code")
		case !named:
			name.WriteByte(c)
		}
		_, _ = r.br.Discard(1) // it was peeked
		if depth == 0 {
			return strings.ToUpper(name.String()), nil
		}
	}
	return "", broken("response code too long")
}

func (r *reader) end() error {
	c, err := r.br.ReadByte()
	if err == nil && c == '\r' {
		c, err = r.br.ReadByte()
	}
	if err == nil && c != '\n' {
		return broken("a line does not end with CRLF")
	}
	return err
}

func (r *reader) atom() (string, error) {
	var b strings.Builder
	for b.Len() <= maxAtom {
		c, err := r.peek()
		if err != nil {
			return "", err
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){"`, c) >= 0 {
			if b.Len() == 0 {
				return "", broken("a character that begins nothing")
			}
			return b.String(), nil
		}
		b.WriteByte(c)
		_, _ = r.br.Discard(1) // it was peeked
	}
	return "", broken("word too long")
}

// take counts n bytes of strings against the response's limit.
func (r *reader) take(n int) error {
	if n > MaxString || n > r.left {
		return broken("response too large")
	}
	r.left -= n
	return nil
}

func (r *reader) string() (string, error) {
	c, err := r.br.ReadByte()
	if err != nil {
		return "", err
	}
	if c == '{' {
		return r.literal()
	}
	var b strings.Builder
	for b.Len() <= MaxString {
		c, err := r.br.ReadByte()
		if err == nil && c == '\\' {
			c, err = r.br.ReadByte()
		} else if err == nil && c == '"' {
			return b.String(), nil
		}
		if err == nil {
			err = r.take(1)
		}
		if err != nil {
			return "", err
		}
		// Dovecot quotes error texts that have line ends in them.
		b.WriteByte(c)
	}
	return "", broken("string too long")
}

// literal reads what follows "{". Some servers write the "+" of a client.
func (r *reader) literal() (string, error) {
	var digits strings.Builder
	for digits.Len() <= 11 {
		c, err := r.br.ReadByte()
		if err != nil {
			return "", err
		}
		if c != '}' {
			digits.WriteByte(c)
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(digits.String(), "+"), 10, 31)
		if err != nil {
			return "", broken("literal without a length")
		}
		if err := r.end(); err != nil {
			return "", err
		}
		if err := r.take(int(n)); err != nil {
			return "", err
		}
		b := make([]byte, n)
		_, err = io.ReadFull(r.br, b)
		return string(b), err
	}
	return "", broken("literal without a length")
}
