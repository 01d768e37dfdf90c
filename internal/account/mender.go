package account

import (
	"bufio"
	"bytes"
	"hash"
	"io"

	"cofferdam/internal/message"
)

// mender makes a message fit to be stored: each line ends in CRLF, as RFC 5322
// section 2.3 wants and some servers insist on, and there is no NUL, which an
// IMAP literal cannot have (RFC 9051, section 4.3). Both are what RFC 8621,
// section 4.8 lets a server mend; the blob of the Email is another one then.
type mender struct {
	r    *bufio.Reader
	err  error
	last byte // of what was given out
	owed bool // a LF after a CR
}

func newMender(r io.Reader) *mender { return &mender{r: bufio.NewReaderSize(r, 32<<10)} }

// Read implements io.Reader.
func (m *mender) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if m.owed {
			p[n], m.last, m.owed = '\n', '\n', false
			n++
			continue
		}
		if m.err != nil {
			break
		}
		c, err := m.r.ReadByte()
		if err != nil {
			m.err = err
			m.owed = m.last == '\r'
			continue
		}
		switch {
		case c == 0:
			continue
		case c == '\n' && m.last != '\r':
			c, m.owed = '\r', true
		case c != '\n' && m.last == '\r':
			// A CR alone is a line end too.
			if m.r.UnreadByte() == nil {
				m.owed = true
				continue
			}
		}
		p[n], m.last = c, c
		n++
	}
	if n > 0 {
		return n, nil
	}
	return 0, m.err
}

// mended is a mender that closes what it reads from.
type mended struct {
	r *mender
	c io.Closer
}

// Read implements io.Reader.
func (m *mended) Read(p []byte) (int, error) { return m.r.Read(p) }

// Close implements io.Closer.
func (m *mended) Close() error { return m.c.Close() }

// scan takes a message in, makes its digest, and keeps the header.
type scan struct {
	sum  hash.Hash
	head bytes.Buffer
	done bool // the header is complete
}

func newScan(sum hash.Hash) *scan { return &scan{sum: sum} }

// Write implements io.Writer.
func (s *scan) Write(p []byte) (int, error) {
	s.sum.Write(p)
	if !s.done {
		from := max(s.head.Len()-3, 0)
		s.head.Write(p[:min(len(p), message.MaxHeaderBytes-s.head.Len())])
		s.done = s.head.Len() == message.MaxHeaderBytes || bytes.Contains(s.head.Bytes()[from:], []byte("\r\n\r\n"))
	}
	return len(p), nil
}

func (s *scan) header() message.Header { return message.ParseHeader(s.head.Bytes()) }
