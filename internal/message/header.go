package message

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Field is one header field as it stands in the message.
type Field struct {
	Name  string // with the capitalisation it has in the message
	Value string // bytes after the colon, without the last line end; any bytes at all
}

// Raw is the Raw form (RFC 8621, section 4.1.2.1): NULs dropped, runs of bytes
// that are not UTF-8 replaced by U+FFFD.
func (f Field) Raw() string {
	v := f.Value
	if strings.IndexByte(v, 0) >= 0 {
		v = strings.ReplaceAll(v, "\x00", "")
	}
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, "\uFFFD")
	}
	return v
}

// Header is a header block in its order.
type Header []Field

// Last is the last field of that name, matched without regard to case, which is
// the one that RFC 8621 (section 4.1.3) answers with.
func (h Header) Last(name string) (Field, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if strings.EqualFold(h[i].Name, name) {
			return h[i], true
		}
	}
	return Field{}, false
}

// First is the first field of that name. MIME fields are read from the first
// one, as IMAP servers do.
func (h Header) First(name string) (Field, bool) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Field{}, false
}

// All are the fields of that name in their order.
func (h Header) All(name string) []Field {
	var all []Field
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f)
		}
	}
	return all
}

// Text is the Text form of the last field of that name, "" if there is none.
func (h Header) Text(name string) string {
	f, _ := h.Last(name)
	return f.Text()
}

// ParseHeader reads a header block, up to the first empty line or the end.
func ParseHeader(raw []byte) Header {
	h, _ := scanHeader(unifyLines(raw), nil)
	return h
}

// scanHeader reads the header block at the start of b and returns where the body
// starts. A boundary line of an enclosing multipart ends it too, without being
// consumed: broken mail has parts without the empty line.
func scanHeader(b []byte, bounds *boundaries) (Header, int) {
	fields := 0
	for pos := 0; pos < len(b) && fields < 64; fields++ {
		n := lineEnd(b[pos:])
		if isBlank(b[pos : pos+n]) {
			break
		}
		pos += n
	}
	h := make(Header, 0, fields)
	pos := 0
	for pos < len(b) {
		end := pos + lineEnd(b[pos:])
		line := b[pos:end]
		if isBlank(line) {
			return h, end
		}
		if bounds.match(line) >= 0 {
			return h, pos
		}
		for end < len(b) && (b[end] == ' ' || b[end] == '\t') {
			next := end + lineEnd(b[end:])
			end = next
		}
		if end <= MaxHeaderBytes && len(h) < MaxHeaderFields {
			if f, ok := parseField(b[pos:end]); ok {
				h = append(h, f)
			}
		}
		pos = end
	}
	return h, len(b)
}

// parseField splits one unfolded field. A line without a colon is not a field:
// an mbox "From " line, or rubbish; it is left out.
func parseField(b []byte) (Field, bool) {
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 {
		return Field{}, false
	}
	// RFC 5322, section 4.5: obsolete syntax has white space before the colon.
	name := bytes.TrimRight(b[:colon], " \t")
	if len(name) == 0 || !isFieldName(name) {
		return Field{}, false
	}
	return Field{Name: string(name), Value: string(trimLineEnd(b[colon+1:]))}, true
}

// isFieldName keeps what can be a name: printable ASCII without a space. Names
// with bytes over 127 exist only in mail made to confuse.
func isFieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 127 || c == ':' {
			return false
		}
	}
	return true
}

// lineEnd is the length of the first line of b with its line end.
func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

func isBlank(line []byte) bool { return len(trimLineEnd(line)) == 0 }

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// unifyLines makes a message of bare CRs readable: some old Macintosh gateways
// wrote them. Mixed line ends are left alone, as every other parser does.
func unifyLines(raw []byte) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	return bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
}
