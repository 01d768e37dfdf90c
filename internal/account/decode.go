package account

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
)

// decoder undoes a transfer encoding while reading. It takes what it can: bytes
// that do not belong are skipped, as every mail program does.
func decoder(r io.Reader, encoding byte) io.Reader {
	switch encoding {
	case encodingBase64:
		return base64.NewDecoder(base64.RawStdEncoding, &base64Letters{r: bufio.NewReaderSize(r, 32<<10)})
	case encodingQuoted:
		return quotedprintable.NewReader(r)
	}
	return r
}

// base64Letters passes on the letters of base64 up to the first padding, and
// drops what makes the last group incomplete beyond use.
type base64Letters struct {
	r    *bufio.Reader
	n    int
	held byte
	have bool
	err  error
}

// Read implements io.Reader. One letter is held back, since a single letter in
// the last group holds no byte.
func (b *base64Letters) Read(p []byte) (int, error) {
	out := 0
	for out < len(p) && b.err == nil {
		c, err := b.r.ReadByte()
		if err == nil && c == '=' {
			err = io.EOF
		}
		if err != nil {
			b.err = err
			break
		}
		if !isBase64(c) {
			continue
		}
		if b.have {
			p[out] = b.held
			out++
			b.n++
		}
		b.held, b.have = c, true
	}
	if b.err != nil && b.have && out < len(p) {
		if b.n%4 != 0 {
			p[out] = b.held
			out++
		}
		b.have = false
	}
	if out > 0 {
		return out, nil
	}
	return 0, b.err
}

func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}
