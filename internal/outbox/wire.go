package outbox

import (
	"bytes"
	"errors"
	"io"
)

// wire reads a mail as it goes over the wire: every line ends in CRLF. A bare CR
// or LF is a line end, as submission and the servers after it read it; so what
// looks like a header field to any of them is one here, and Bcc cannot hide
// behind a bare CR.
type wire struct {
	in    io.Reader
	raw   []byte
	out   []byte // made from raw and not yet read
	cr    bool   // the last byte was a CR whose LF has not come yet
	inner bool   // we are within a line
	err   error  // of in
}

func newWire(in io.Reader) *wire {
	return &wire{in: in, raw: make([]byte, 32<<10)}
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.fill()
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// fill reads once and converts.
func (w *wire) fill() {
	n, err := w.in.Read(w.raw)
	w.out = w.out[:0]
	for rest := w.raw[:n]; len(rest) > 0; {
		line, _, ended := bytes.Cut(rest, []byte{'\n'})
		rest = rest[len(line):]
		w.line(line)
		if ended {
			w.lineByte('\n')
			rest = rest[1:]
		}
	}
	if w.err = err; errors.Is(err, io.EOF) {
		w.err = io.EOF
		if w.cr || w.inner {
			w.endLine()
		}
	}
}

// line takes bytes before an LF.
func (w *wire) line(b []byte) {
	for len(b) > 0 {
		run, _, cr := bytes.Cut(b, []byte{'\r'})
		b = b[len(run):]
		if len(run) > 0 {
			w.text(run)
		}
		if cr {
			w.lineByte('\r')
			b = b[1:]
		}
	}
}

// text takes bytes within a line.
func (w *wire) text(b []byte) {
	if w.cr {
		w.endLine()
	}
	w.inner = true
	w.out = append(w.out, b...)
}

// lineByte takes a CR or an LF.
func (w *wire) lineByte(c byte) {
	if w.cr && c == '\r' || c == '\n' {
		w.endLine()
	}
	w.cr = c == '\r'
}

func (w *wire) endLine() {
	w.cr, w.inner = false, false
	w.out = append(w.out, '\r', '\n')
}
