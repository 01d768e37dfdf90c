package message

import "bytes"

// base64Value maps a byte to its six bits, or -1.
var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = int8(i)
	}
	return t
}()

// isEncoded says whether an encoding changes the bytes.
func isEncoded(encoding string) bool {
	switch encoding {
	case "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue":
		return true
	}
	return false
}

// DecodeTransfer undoes a Content-Transfer-Encoding, given in lower case.
// Problem is true when the encoding is unknown, and the bytes are left as they
// are (RFC 8621, section 4.1.4), or when parts of them were malformed; those
// are kept or skipped as far as makes sense.
func DecodeTransfer(encoding string, b []byte) (data []byte, problem bool) {
	switch encoding {
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit":
		return b, false
	case "base64":
		return decodeBase64(b)
	case "quoted-printable":
		return decodeQP(b)
	case "x-uuencode", "uuencode", "x-uue":
		return decodeUU(b)
	}
	return b, true
}

// decodedSize is the length DecodeTransfer would give, without making it where
// that can be counted.
func decodedSize(encoding string, b []byte) int64 {
	switch encoding {
	case "base64":
		return sizeBase64(b)
	case "quoted-printable":
		return sizeQP(b)
	case "x-uuencode", "uuencode", "x-uue":
		data, _ := decodeUU(b)
		return int64(len(data))
	}
	return int64(len(b))
}

// decodeBase64 decodes what RFC 2045, section 6.8 allows and more: other bytes
// are skipped (line ends are always there), padding ends a group of four and not
// the data, since base64 texts do get concatenated, and a last group may lack
// its padding.
func decodeBase64(b []byte) (data []byte, problem bool) {
	out := make([]byte, 0, len(b)/4*3+3)
	var acc uint32
	n := 0
	for _, c := range b {
		v := base64Value[c]
		if v < 0 {
			if c == '=' {
				out, problem = flushBase64(out, acc, n, problem)
				acc, n = 0, 0
			} else if c > ' ' {
				problem = true
			}
			continue
		}
		acc = acc<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	return flushBase64(out, acc, n, problem || n > 0)
}

// flushBase64 writes the bytes of an unfinished group of n characters.
func flushBase64(out []byte, acc uint32, n int, problem bool) ([]byte, bool) {
	switch n {
	case 1:
		return out, true
	case 2:
		return append(out, byte(acc>>4)), problem
	case 3:
		return append(out, byte(acc>>10), byte(acc>>2)), problem
	}
	return out, problem
}

func sizeBase64(b []byte) int64 {
	size, n := 0, 0
	for _, c := range b {
		if base64Value[c] >= 0 {
			n++
		} else if c == '=' {
			size += n / 4 * 3
			size += max(n%4-1, 0)
			n = 0
		}
	}
	return int64(size + n/4*3 + max(n%4-1, 0))
}

// decodeQP is RFC 2045, section 6.7. An "=" that is followed by neither two hex
// digits nor a line end is kept as it is; white space at the end of a line goes.
func decodeQP(b []byte) (data []byte, problem bool) {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n := lineEnd(b)
		var soft, bad bool
		out, soft, bad = decodeQPLine(out, trimLineEnd(b[:n]))
		problem = problem || bad
		if !soft {
			out = append(out, b[len(trimLineEnd(b[:n])):n]...)
		}
		b = b[n:]
	}
	return out, problem
}

// decodeQPLine appends one decoded line. Soft says that its line end goes.
func decodeQPLine(out, line []byte) (_ []byte, soft, bad bool) {
	line = bytes.TrimRight(line, " \t")
	if n := len(line); n > 0 && line[n-1] == '=' {
		line, soft = line[:n-1], true
	}
	for len(line) > 0 {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			break
		}
		out = append(out, line[:i]...)
		line = line[i:]
		if len(line) > 2 && isHex(line[1]) && isHex(line[2]) {
			out = append(out, unhex(line[1])<<4|unhex(line[2]))
			line = line[3:]
			continue
		}
		out, line, bad = append(out, '='), line[1:], true
	}
	return append(out, line...), soft, bad
}

// sizeQP counts what decodeQP would give.
func sizeQP(b []byte) int64 {
	size := 0
	for len(b) > 0 {
		n := lineEnd(b)
		line := trimLineEnd(b[:n])
		size += n - len(line)
		text := bytes.TrimRight(line, " \t")
		if k := len(text); k > 0 && text[k-1] == '=' {
			text = text[:k-1]
			size -= n - len(line)
		}
		size += len(text) - 2*countHex(text)
		b = b[n:]
	}
	return int64(size)
}

// countHex counts the "=XX" of a line.
func countHex(line []byte) int {
	n := 0
	for i := 0; i+2 < len(line); i++ {
		if line[i] == '=' && isHex(line[i+1]) && isHex(line[i+2]) {
			n++
			i += 2
		}
	}
	return n
}

// decodeUU decodes uuencoded data between "begin" and "end"; an encoding that
// MIME never had and that old senders name.
func decodeUU(b []byte) (data []byte, problem bool) {
	started := false
	for len(b) > 0 {
		n := lineEnd(b)
		line := trimLineEnd(b[:n])
		b = b[n:]
		switch {
		case !started:
			started = bytes.HasPrefix(line, []byte("begin "))
		case string(line) == "end":
			return data, problem
		default:
			var ok bool
			data, ok = appendUULine(data, line)
			problem = problem || !ok
		}
	}
	return data, true
}

// appendUULine decodes one line: a length character, then groups of four.
func appendUULine(out, line []byte) ([]byte, bool) {
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return out, len(line) == 0
	}
	want := int(line[0]-' ') & 63
	line = line[1:]
	for want > 0 {
		var g [4]byte
		for i := range g {
			if i < len(line) {
				g[i] = (line[i] - ' ') & 63
			}
		}
		three := []byte{g[0]<<2 | g[1]>>4, g[1]<<4 | g[2]>>2, g[2]<<6 | g[3]}
		out = append(out, three[:min(want, 3)]...)
		if want > 3 && len(line) < 4 {
			return out, false
		}
		want -= 3
		line = line[min(4, len(line)):]
	}
	return out, true
}
