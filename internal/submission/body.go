package submission

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// readError marks an error of the body that we were given, as opposed to one of
// the way to the server.
type readError struct{ err error }

func (e *readError) Error() string { return "reading message: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// canonical rewrites line ends to CRLF and, where stuff is set, doubles a dot
// that begins a line (RFC 5321, section 4.5.2).
type canonical struct {
	stuff bool
	cr    bool // the last byte was a CR whose LF has not come yet
	inner bool // we are within a line
}

// next appends the wire form of p to dst. It goes by runs of bytes between line
// ends: it sees every byte of a large attachment.
func (n *canonical) next(dst, p []byte) []byte {
	for len(p) > 0 {
		line, _, ended := bytes.Cut(p, []byte{'\n'})
		p = p[len(line):]
		for len(line) > 0 {
			run, _, cr := bytes.Cut(line, []byte{'\r'})
			line = line[len(run):]
			if n.cr {
				dst = n.endLine(dst)
			}
			if len(run) > 0 {
				if run[0] == '.' && n.stuff && !n.inner {
					dst = append(dst, '.')
				}
				n.inner = true
				dst = append(dst, run...)
			}
			if cr {
				n.cr, line = true, line[1:]
			}
		}
		if ended {
			dst, p = n.endLine(dst), p[1:]
		}
	}
	return dst
}

func (n *canonical) endLine(dst []byte) []byte {
	n.cr, n.inner = false, false
	return append(dst, '\r', '\n')
}

// finish ends an unfinished last line.
func (n *canonical) finish(dst []byte) []byte {
	if n.cr || n.inner {
		dst = n.endLine(dst)
	}
	return dst
}

// eachBlock passes the wire form of body on in blocks of about chunkSize bytes. The
// slice is valid until put returns.
func eachBlock(body io.Reader, stuff bool, limit int64, put func([]byte) error) error {
	n := canonical{stuff: stuff}
	in, out := make([]byte, 32<<10), make([]byte, 0, chunkSize+64<<10)
	var total int64
	for {
		got, err := body.Read(in)
		total += int64(got)
		if total > limit {
			return &readError{fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)}
		}
		out = n.next(out, in[:got])
		switch {
		case errors.Is(err, io.EOF):
			if out = n.finish(out); len(out) == 0 {
				return nil
			}
			return put(out)
		case err != nil:
			return &readError{err}
		}
		if len(out) >= chunkSize {
			if err := put(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
}
