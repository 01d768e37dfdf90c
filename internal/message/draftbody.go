package message

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
)

// encodeText writes a text with CRLF line ends as 7bit when it is ASCII with
// short lines, else in the shorter of quoted-printable and base64.
func encodeText(s string) (body []byte, encoding string) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	if isSevenBit(s) {
		return []byte(strings.ReplaceAll(s, "\n", "\r\n")), "7bit"
	}
	crlf := strings.ReplaceAll(s, "\n", "\r\n")
	if 2*countHighBytes(crlf) > len(crlf)/3 {
		var b bytes.Buffer
		writeBase64(&b, strings.NewReader(crlf)) // writes to memory: no error
		return b.Bytes(), "base64"
	}
	var b bytes.Buffer
	q := quotedprintable.NewWriter(&b)
	io.WriteString(q, crlf)
	q.Close()
	return b.Bytes(), "quoted-printable"
}

func countHighBytes(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			n++
		}
	}
	return n
}

// isSevenBit says whether a text may go unencoded: RFC 2045, section 2.7. A line
// that begins "From " is encoded too, since mbox stores change it, and white
// space at the end of a line, since relays cut it.
func isSevenBit(s string) bool {
	for line := range strings.SplitSeq(s, "\n") {
		if len(line) > maxLine || !isPlainASCII(line) || strings.HasPrefix(line, "From ") {
			return false
		}
		if line != "-- " && strings.TrimRight(line, " \t") != line {
			return false
		}
	}
	return true
}

// write writes the node's header and body.
func (n *node) write(w io.Writer) error {
	if _, err := w.Write(append(n.header[:len(n.header):len(n.header)], "\r\n"...)); err != nil {
		return err
	}
	switch {
	case n.boundary != "":
		return n.writeParts(w)
	case n.open != nil:
		return n.writeBlob(w)
	}
	_, err := w.Write(n.text)
	return err
}

func (n *node) writeParts(w io.Writer) error {
	for _, sub := range n.subs {
		if _, err := fmt.Fprintf(w, "--%s\r\n", n.boundary); err != nil {
			return err
		}
		if err := sub.write(w); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\r\n"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "--%s--\r\n", n.boundary)
	return err
}

func (n *node) writeBlob(w io.Writer) error {
	r, err := n.open()
	if err != nil {
		return fmt.Errorf("opening an attachment: %w", err)
	}
	defer r.Close()
	if n.encoding == "base64" {
		return writeBase64(w, r)
	}
	return writeLines(w, r)
}

// base64Line is 57 bytes: 76 characters (RFC 2045, section 6.8).
const base64Line = 57

func writeBase64(w io.Writer, r io.Reader) error {
	br := bufio.NewReaderSize(r, 32<<10)
	var in [base64Line]byte
	out := make([]byte, base64.StdEncoding.EncodedLen(base64Line)+2)
	bw := bufio.NewWriterSize(w, 32<<10)
	for {
		n, err := io.ReadFull(br, in[:])
		if n > 0 {
			m := base64.StdEncoding.EncodedLen(n)
			base64.StdEncoding.Encode(out, in[:n])
			copy(out[m:], "\r\n")
			if _, err := bw.Write(out[:m+2]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return bw.Flush()
		}
		if err != nil {
			return fmt.Errorf("reading an attachment: %w", err)
		}
	}
}

// lineFacts is what decides whether bytes may go unencoded.
type lineFacts struct {
	eight  bool // has bytes over 127
	unsafe bool // has a NUL, a bare CR, or a line that is too long
}

func measure(open func() (io.ReadCloser, error)) (f lineFacts, err error) {
	r, err := open()
	if err != nil {
		return f, err
	}
	defer r.Close()
	br := bufio.NewReaderSize(r, 32<<10)
	column, cr := 0, false
	for {
		c, err := br.ReadByte()
		if errors.Is(err, io.EOF) {
			f.unsafe = f.unsafe || cr
			return f, nil
		}
		if err != nil {
			return f, err
		}
		f.eight = f.eight || c >= 0x80
		f.unsafe = f.unsafe || c == 0 || cr && c != '\n'
		cr = c == '\r'
		if c == '\n' {
			column = 0
		} else if column++; column > maxLine+1 {
			f.unsafe = true
		}
	}
}

// writeLines copies lines, giving each CRLF.
func writeLines(w io.Writer, r io.Reader) error {
	br := bufio.NewReaderSize(r, 32<<10)
	for {
		line, err := br.ReadBytes('\n') // measured before: at most maxLine and its end
		if len(line) > 0 {
			ended := line[len(line)-1] == '\n'
			line = append(trimLineEnd(line), "\r\n"[:2*btoi(ended)]...)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading an attachment: %w", err)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
