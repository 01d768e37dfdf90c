package system

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"cofferdam/e2e/platform"
)

// RawIMAP is a bare connection to the platform, with nothing of ours in it: the
// witness of what lies in a mailbox, and the floor that we are measured against.
type RawIMAP struct {
	conn net.Conn
	br   *bufio.Reader
	tag  int
}

// DialIMAP connects by TLS and logs in.
func DialIMAP(ctx context.Context, p *platform.Platform, u platform.User) (*RawIMAP, error) {
	d := tls.Dialer{Config: p.TLS()}
	conn, err := d.DialContext(ctx, "tcp", p.IMAPS)
	if err != nil {
		return nil, err
	}
	c := &RawIMAP{conn: conn, br: bufio.NewReaderSize(conn, 64<<10)}
	if _, err := c.line(nil); err != nil { // the greeting
		return nil, err
	}
	_, err = c.Do(fmt.Sprintf("LOGIN %s %q", u.Login, u.Password))
	return c, err
}

// Close drops the connection.
func (c *RawIMAP) Close() { c.conn.Close() }

// Do sends commands in one write and reads until the last is answered. It returns
// all that was said; a command that was not answered OK is an error.
func (c *RawIMAP) Do(commands ...string) ([]byte, error) {
	var out bytes.Buffer
	first := c.tag + 1
	for _, cmd := range commands {
		c.tag++
		fmt.Fprintf(&out, "r%d %s\r\n", c.tag, cmd)
	}
	if _, err := c.conn.Write(out.Bytes()); err != nil {
		return nil, err
	}
	var said []byte
	for next := first; next <= c.tag; {
		at := len(said)
		var err error
		if said, err = c.line(said); err != nil {
			return said, err
		}
		line := string(said[at:])
		if !strings.HasPrefix(line, "r"+strconv.Itoa(next)+" ") {
			continue
		}
		if !strings.Contains(line, " OK") {
			return said, fmt.Errorf("%s: %s", commands[next-first], strings.TrimSpace(line))
		}
		next++
	}
	return said, nil
}

// line reads one response line with its literals and appends it to said.
func (c *RawIMAP) line(said []byte) ([]byte, error) {
	for {
		part, err := c.br.ReadSlice('\n')
		said = append(said, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return said, err
		}
		open := bytes.LastIndexByte(said, '{')
		if open < 0 || !bytes.HasSuffix(said, []byte("}\r\n")) {
			return said, nil
		}
		n, err := strconv.Atoi(string(said[open+1 : len(said)-3]))
		if err != nil {
			return said, nil // no literal: a brace in text
		}
		at := len(said)
		said = append(said, make([]byte, n)...)
		if _, err := io.ReadFull(c.br, said[at:]); err != nil {
			return said, err
		}
	}
}

// Subjects is the header field Subject of every mail of a mailbox, as the server
// holds it.
func (c *RawIMAP) Subjects(mailbox string) ([]byte, error) {
	said, err := c.Do("EXAMINE " + mailbox)
	if err != nil || bytes.Contains(said, []byte("* 0 EXISTS")) {
		return nil, err
	}
	return c.Do("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
}
