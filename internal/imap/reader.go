package imap

import (
	"bytes"
	"io"
)

// readerFunc makes an io.Reader of a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// reader buffers the connection and cuts it into lines and literals. While nothing
// comes it has no buffer but first.
type reader struct {
	src   io.Reader
	buf   []byte // first, or a desk's
	r, w  int
	used  int // how far buf was ever written to
	first [firstRead]byte
}

func newReader(src io.Reader) *reader {
	r := &reader{src: src}
	r.leave()
	return r
}

// move goes on with a larger buffer; leave gives it up, with all that was read.
func (r *reader) move(buf []byte) {
	n := copy(buf, r.buffered())
	r.buf, r.r, r.w, r.used = buf, 0, n, n
}

func (r *reader) leave() { r.buf, r.r, r.w, r.used = r.first[:], 0, 0, 0 }

// buffered returns the bytes read and not yet taken.
func (r *reader) buffered() []byte { return r.buf[r.r:r.w] }

func (r *reader) fill() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if r.w == len(r.buf) {
		copy(r.buf, r.buf[r.r:r.w])
		r.w -= r.r
		r.r = 0
	}
	for range 100 { // as bufio: a reader that returns nothing forever is broken
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		r.used = max(r.used, r.w)
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// line appends the next line to dst without its end (CRLF, or a bare LF). At
// most room bytes are appended; what follows them is dropped, up to maxSkip,
// and tail holds the end of the line.
func (r *reader) line(dst []byte, room int) (out []byte, tail []byte, cut bool, err error) {
	start, skipped := len(dst), 0
	for {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return dst, nil, cut, err
			}
		}
		have := r.buf[r.r:r.w]
		i := bytes.IndexByte(have, '\n')
		take := have
		if i >= 0 {
			take = have[:i]
		}
		if free := room - (len(dst) - start); len(take) > free || cut {
			free = max(free, 0)
			if cut {
				free = 0
			} else {
				tail = append(tail, dst[max(start, len(dst)-tailLen):]...)
			}
			dst = append(dst, take[:free]...)
			tail = lastBytes(append(tail, take[max(0, len(take)-tailLen):]...), tailLen)
			skipped += len(take) - free
			cut = true
			if skipped > maxSkip {
				return dst, nil, true, &LimitError{What: "bytes in a response line", Limit: maxSkip}
			}
		} else {
			dst = append(dst, take...)
		}
		if i < 0 {
			r.r = r.w
			continue
		}
		r.r += i + 1
		if !cut {
			dst = trimCR(dst, start)
			return dst, dst[max(start, len(dst)-tailLen):], false, nil
		}
		return dst, trimCR(tail, 0), true, nil
	}
}

func lastBytes(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}

func trimCR(b []byte, start int) []byte {
	for len(b) > start && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	return b
}

// keep appends the next n bytes to dst, growing only as they arrive.
func (r *reader) keep(dst []byte, n int64) ([]byte, error) {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return dst, err
			}
		}
		take := int(min(n, int64(r.w-r.r)))
		dst = append(dst, r.buf[r.r:r.r+take]...)
		r.r += take
		n -= int64(take)
	}
	return dst, nil
}

// copyTo writes the next n bytes to w; nil drops them.
func (r *reader) copyTo(w io.Writer, n int64) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return err
			}
		}
		take := int(min(n, int64(r.w-r.r)))
		if w != nil {
			if _, err := w.Write(r.buf[r.r : r.r+take]); err != nil {
				return err
			}
		}
		r.r += take
		n -= int64(take)
	}
	return nil
}
