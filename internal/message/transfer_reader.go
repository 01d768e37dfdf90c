package message

import (
	"bytes"
	"io"
)

// TransferReader undoes a Content-Transfer-Encoding, given in lower case, while
// reading: what DecodeTransfer does with bytes in memory, for parts that are too
// large to be there. Lines of more than maxCodedLine bytes, which no encoding
// allows, are decoded in pieces.
func TransferReader(encoding string, r io.Reader) io.Reader {
	var take takeFunc
	switch encoding {
	case "base64":
		take = new(base64Reader).take
	case "quoted-printable":
		take = takeQP
	case "x-uuencode", "uuencode", "x-uue":
		take = new(uuReader).take
	default:
		return r
	}
	return &transferReader{r: r, take: take, in: make([]byte, 0, maxCodedLine)}
}

// takeFunc appends to out what it decodes of in, and says how much of in that was.
// Of a full buffer, and of the last one, it must take something.
type takeFunc func(out, in []byte, full, last bool) (decoded []byte, used int)

type transferReader struct {
	r       io.Reader
	take    takeFunc
	in, out []byte // read and not decoded, decoded and not given
	given   int    // of out
	err     error  // of r
}

// Read implements io.Reader.
func (t *transferReader) Read(p []byte) (int, error) {
	for t.given == len(t.out) {
		if t.err != nil && len(t.in) == 0 {
			return 0, t.err
		}
		if t.err == nil && len(t.in) < cap(t.in) {
			var n int
			n, t.err = t.r.Read(t.in[len(t.in):cap(t.in)])
			t.in = t.in[:len(t.in)+n]
		}
		var used int
		t.out, used = t.take(t.out[:0], t.in, len(t.in) == cap(t.in), t.err != nil)
		t.given = 0
		t.in = t.in[:copy(t.in, t.in[used:])]
	}
	n := copy(p, t.out[t.given:])
	t.given += n
	return n, nil
}

// base64Reader is decodeBase64 in pieces.
type base64Reader struct {
	acc uint32
	n   int // letters in acc
}

func (d *base64Reader) take(out, in []byte, _, last bool) ([]byte, int) {
	for _, c := range in {
		if v := base64Value[c]; v >= 0 {
			d.acc = d.acc<<6 | uint32(v)
			if d.n++; d.n == 4 {
				out = append(out, byte(d.acc>>16), byte(d.acc>>8), byte(d.acc))
				d.acc, d.n = 0, 0
			}
		} else if c == '=' {
			out, _ = flushBase64(out, d.acc, d.n, false)
			d.acc, d.n = 0, 0
		}
	}
	if last {
		out, _ = flushBase64(out, d.acc, d.n, false)
		d.acc, d.n = 0, 0
	}
	return out, len(in)
}

// takeQP is decodeQP in pieces.
func takeQP(out, in []byte, full, last bool) ([]byte, int) {
	used := 0
	for used < len(in) {
		line := in[used:]
		line = line[:lineEnd(line)]
		if line[len(line)-1] != '\n' && !last {
			if full && used == 0 {
				return takeLongQP(out, line)
			}
			break
		}
		text := trimLineEnd(line)
		var soft bool
		if out, soft, _ = decodeQPLine(out, text); !soft {
			out = append(out, line[len(text):]...)
		}
		used += len(line)
	}
	return out, used
}

// takeLongQP decodes the beginning of a line: without white space that may turn
// out to be at its end, and without an escape that is cut.
func takeLongQP(out, line []byte) ([]byte, int) {
	n := len(bytes.TrimRight(line, " \t\r"))
	if i := bytes.LastIndexByte(line[:n], '='); i >= 0 && i > n-3 {
		n = len(bytes.TrimRight(line[:i], " \t\r"))
	}
	if n == 0 {
		return append(out, line...), len(line) // white space alone
	}
	if line[n-1] == '=' {
		out, _, _ = decodeQPLine(out, line[:n-1]) // "=", white space, "=": the first is no escape
		return append(out, '='), n
	}
	out, _, _ = decodeQPLine(out, line[:n])
	return out, n
}

// uuReader is decodeUU in pieces.
type uuReader struct{ started, ended bool }

func (d *uuReader) take(out, in []byte, full, last bool) ([]byte, int) {
	used := 0
	for used < len(in) {
		line := in[used:]
		line = line[:lineEnd(line)]
		if line[len(line)-1] != '\n' && !last && (!full || used > 0) {
			break
		}
		used += len(line)
		line = trimLineEnd(line)
		switch {
		case d.ended:
		case !d.started:
			d.started = bytes.HasPrefix(line, []byte("begin "))
		case string(line) == "end":
			d.ended = true
		default:
			out, _ = appendUULine(out, line)
		}
	}
	return out, used
}

// Base64Size is the size after decoding of a part of that many encoded bytes,
// worked out from its last bytes. Regular says whether these show an encoder at
// work: lines of one length that the whole is a multiple of, and padding at the
// end. Otherwise the part must be read to know its size.
func Base64Size(encoded int64, tail []byte) (size int64, regular bool) {
	text := bytes.TrimRight(tail, "\r\n")
	encoded -= int64(len(tail) - len(text))
	lines := bytes.Split(text, []byte("\r\n"))
	last := lines[len(lines)-1]
	letters := bytes.TrimRight(last, "=")
	padding := len(last) - len(letters)
	if len(last)%4 != 0 || padding > 2 || !allBase64(letters) {
		return 0, false
	}
	if int64(len(text)) == encoded && len(lines) == 1 {
		return encoded/4*3 - int64(padding), true
	}
	if len(lines) < 3 {
		return 0, false // no line that is known to be whole
	}
	full := len(lines[1])
	for i, l := range lines[:len(lines)-1] {
		if !allBase64(l) || i > 0 && len(l) != full {
			return 0, false
		}
	}
	before := encoded - int64(len(last))
	if full == 0 || full%4 != 0 || len(last) > full || len(lines[0]) > full || before%int64(full+2) != 0 {
		return 0, false
	}
	return (before/int64(full+2)*int64(full)+int64(len(last)))/4*3 - int64(padding), true
}

func allBase64(b []byte) bool {
	for _, c := range b {
		if base64Value[c] < 0 {
			return false
		}
	}
	return true
}
