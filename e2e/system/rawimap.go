package system

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

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
	c, err := connectIMAP(ctx, p)
	if err != nil {
		return nil, err
	}
	_, err = c.Do(fmt.Sprintf("LOGIN %s %q", u.Login, u.Password))
	return c, err
}

// connectIMAP connects by TLS and reads the greeting.
func connectIMAP(ctx context.Context, p *platform.Platform) (*RawIMAP, error) {
	d := tls.Dialer{Config: p.TLS()}
	conn, err := d.DialContext(ctx, "tcp", p.IMAPS)
	if err != nil {
		return nil, err
	}
	c := &RawIMAP{conn: conn, br: bufio.NewReaderSize(conn, 64<<10)}
	_, err = c.line(nil)
	return c, err
}

// Say sends text as it stands and returns what is said until words are among it,
// or all that is said within a second or two.
func (c *RawIMAP) Say(text, words string) (string, error) {
	if _, err := io.WriteString(c.conn, text); err != nil {
		return "", err
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(sayTime)); err != nil {
		return "", err
	}
	var said []byte
	for !bytes.Contains(said, []byte(words)) {
		line, err := c.br.ReadBytes('\n')
		said = append(said, line...)
		if errors.Is(err, os.ErrDeadlineExceeded) || err == io.EOF {
			break
		}
		if err != nil {
			return string(said), err
		}
	}
	return string(said), nil
}

// Close drops the connection.
func (c *RawIMAP) Close() { c.conn.Close() }

// Do sends commands in one write and reads until all are answered, in whatever
// order the server takes them. It returns all that was said; a command that was
// not answered OK is an error.
func (c *RawIMAP) Do(commands ...string) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	open := map[string]string{} // commands by tag
	for _, cmd := range commands {
		c.tag++
		tag := "r" + strconv.Itoa(c.tag)
		open[tag] = cmd
		fmt.Fprintf(&out, "%s %s\r\n", tag, cmd)
	}
	if _, err := c.conn.Write(out.Bytes()); err != nil {
		return nil, err
	}
	var said []byte
	for len(open) > 0 {
		at := len(said)
		var err error
		if said, err = c.line(said); err != nil {
			return said, err
		}
		tag, rest, _ := strings.Cut(string(said[at:]), " ")
		cmd, ours := open[tag]
		if !ours {
			continue
		}
		if !strings.HasPrefix(rest, "OK") {
			return said, fmt.Errorf("%s: %s", cmd, strings.TrimSpace(rest))
		}
		delete(open, tag)
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
func (c *RawIMAP) Subjects(mailbox string) ([]byte, error) { return c.Fields(mailbox, "SUBJECT") }

// Fields is some header fields of every mail of a mailbox.
func (c *RawIMAP) Fields(mailbox, names string) ([]byte, error) {
	said, err := c.Do("EXAMINE " + mailbox)
	if err != nil || bytes.Contains(said, []byte("* 0 EXISTS")) {
		return nil, err
	}
	return c.Do("FETCH 1:* BODY.PEEK[HEADER.FIELDS (" + names + ")]")
}

// DialPlainIMAP is DialIMAP to a server without TLS.
func DialPlainIMAP(ctx context.Context, addr string, u platform.User) (*RawIMAP, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &RawIMAP{conn: conn, br: bufio.NewReaderSize(conn, 64<<10)}
	if _, err := c.line(nil); err != nil {
		return nil, err
	}
	_, err = c.Do(fmt.Sprintf("LOGIN %s %q", u.Login, u.Password))
	return c, err
}

// Append stores a mail, as every server understands it: with a literal that the
// server asks for (RFC 3501, section 4.3).
func (c *RawIMAP) Append(box, raw string, flags ...string) error {
	if err := c.conn.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return err
	}
	fmt.Fprintf(c.conn, "append APPEND %q (%s) {%d}\r\n", box, strings.Join(flags, " "), len(raw))
	for sent := false; ; {
		line, err := c.line(nil)
		switch said := string(line); {
		case err != nil:
			return err
		case strings.HasPrefix(said, "+") && !sent:
			sent = true
			if _, err := io.WriteString(c.conn, raw+"\r\n"); err != nil {
				return err
			}
		case strings.HasPrefix(said, "append OK"):
			return nil
		case strings.HasPrefix(said, "append "):
			return fmt.Errorf("APPEND: %s", strings.TrimSpace(said))
		}
	}
}
