package message

import (
	"fmt"
	"io"
	"strings"
)

// node is a part whose header and encoding are settled.
type node struct {
	header   []byte // with line ends, without the empty line
	encoding string
	boundary string
	subs     []*node
	text     []byte // encoded body, when it came from Text
	open     func() (io.ReadCloser, error)
}

// builder turns draft parts into nodes.
type builder struct {
	top   map[string]string // fields of the message, by name, with their property
	parts int
}

func (b *builder) part(p *DraftPart, depth int) (*node, error) {
	if b.parts++; b.parts > MaxBuildParts || depth > MaxBuildDepth {
		return nil, refuse(p.Property, "too many or too deeply nested parts")
	}
	part, rest, err := b.takeFields(p, depth)
	if err != nil {
		return nil, err
	}
	if part.Type == "" {
		part.Type = "text/plain"
	}
	if err := part.check(); err != nil {
		return nil, err
	}
	n, err := b.body(&part, depth)
	if err != nil {
		return nil, err
	}
	n.header = part.mimeHeader(n)
	n.header, err = appendFields(n.header, rest, true)
	return n, err
}

// takeFields moves what the client set as header fields, but which is ours to
// write, to the properties that stand for them.
func (b *builder) takeFields(p *DraftPart, depth int) (part DraftPart, rest []DraftField, err error) {
	part = *p
	for _, f := range p.Fields {
		key := strings.ToLower(f.Name)
		if by, ok := b.top[key]; ok && depth == 0 {
			return part, nil, refuse(f.Property, "sets the same header field as %s", by)
		}
		set, owned := part.setters()[key]
		if !owned {
			rest = append(rest, f)
			continue
		}
		raw, err := f.rawValue()
		if err != nil {
			return part, nil, err
		}
		if !set(raw) {
			return part, nil, refuse(f.Property, "is set by another property too")
		}
	}
	return part, rest, nil
}

// rawValue is the field's value as it would be written.
func (f DraftField) rawValue() (Field, error) {
	if err := checkName(f, true); err != nil {
		return Field{}, err
	}
	b, err := f.append(nil)
	if err != nil {
		return Field{}, err
	}
	field, _ := parseField(b)
	return field, nil
}

// setters says how a raw MIME field sets the properties; false is a conflict.
func (p *DraftPart) setters() map[string]func(Field) bool {
	return map[string]func(Field) bool{
		"content-type": func(f Field) bool {
			v := parseParamValue(f.Value)
			t, ok := mediaType(v.value)
			if !ok || p.Type != "" && !strings.EqualFold(p.Type, t) {
				return false
			}
			p.Type = t
			return setOnce(&p.Name, cleanName(v.get("name"))) && setOnce(&p.Charset, v.get("charset"))
		},
		"content-disposition": func(f Field) bool {
			v := parseParamValue(f.Value)
			return setOnce(&p.Disposition, firstToken(v.value)) && setOnce(&p.Name, cleanName(v.get("filename")))
		},
		"content-id":       func(f Field) bool { return setOnce(&p.CID, contentID(f.Value)) },
		"content-location": func(f Field) bool { return setOnce(&p.Location, location(f)) },
		"content-language": func(f Field) bool {
			if p.Language != nil {
				return false
			}
			p.Language = languages(f.Value)
			return true
		},
	}
}

func setOnce(dst *string, v string) bool {
	if v == "" {
		return true
	}
	if *dst != "" && *dst != v {
		return false
	}
	*dst = v
	return true
}

// check refuses values that cannot be written.
func (p *DraftPart) check() error {
	for _, v := range []struct{ name, value string }{
		{"type", p.Type}, {"charset", p.Charset}, {"name", p.Name}, {"disposition", p.Disposition},
		{"cid", p.CID}, {"location", p.Location}, {"language", strings.Join(p.Language, "")},
	} {
		if reason := unsafe(v.value); reason != "" {
			return refuse(p.Property+"/"+v.name, "%s", reason)
		}
		if len(v.value) > maxLine-200 && v.name != "name" || len(v.value) > 4*MaxNameRunes {
			return refuse(p.Property+"/"+v.name, "%s", reasonLong)
		}
	}
	t, ok := mediaType(p.Type)
	multipart := ok && hasPrefix(t, "multipart/")
	switch {
	case !ok || !strings.EqualFold(t, p.Type) || !isASCII([]byte(t)):
		return refuse(p.Property+"/type", "is not a media type")
	case multipart && len(p.SubParts) == 0:
		return refuse(p.Property+"/subParts", "a multipart needs parts")
	case !multipart && len(p.SubParts) > 0:
		return refuse(p.Property+"/subParts", "only a multipart has parts")
	case p.Charset != "" && !isToken(p.Charset):
		return refuse(p.Property+"/charset", "is not a charset")
	case p.Disposition != "" && (!isToken(p.Disposition) || !isASCII([]byte(p.Disposition))):
		return refuse(p.Property+"/disposition", "is not a disposition")
	case strings.ContainsAny(p.CID, " \t<>") || !isASCII([]byte(p.CID)):
		return refuse(p.Property+"/cid", "has characters that an id cannot have")
	case strings.ContainsAny(p.Location, " \t") || !isASCII([]byte(p.Location)):
		return refuse(p.Property+"/location", "is not a URI")
	}
	for _, tag := range p.Language {
		if !isToken(tag) || !isASCII([]byte(tag)) {
			return refuse(p.Property+"/language", "is not a list of language tags")
		}
	}
	p.Type = t
	return nil
}

// body settles the encoding and makes the parts of a multipart.
func (b *builder) body(p *DraftPart, depth int) (*node, error) {
	switch {
	case hasPrefix(p.Type, "multipart/"):
		return b.multipart(p, depth)
	case p.Open != nil:
		return blobNode(p)
	}
	text, encoding := encodeText(p.Text)
	if hasPrefix(p.Type, "text/") {
		p.Charset = "utf-8"
	}
	return &node{text: text, encoding: encoding}, nil
}

func (b *builder) multipart(p *DraftPart, depth int) (*node, error) {
	// "=_" occurs neither in base64 nor in quoted-printable (RFC 2045, section
	// 6.7), and 96 random bits in nothing else.
	n := &node{boundary: "=_" + randomHex(12)}
	for i, sub := range p.SubParts {
		if sub.Property == "" {
			named := *sub
			named.Property = fmt.Sprintf("%s/subParts/%d", p.Property, i)
			sub = &named
		}
		child, err := b.part(sub, depth+1)
		if err != nil {
			return nil, err
		}
		if child.encoding == "8bit" {
			n.encoding = "8bit" // RFC 2045, section 6.4
		}
		n.subs = append(n.subs, child)
	}
	return n, nil
}

// blobNode settles an attachment. It is base64, so that every byte arrives; a
// message must not be encoded (RFC 2046, section 5.2.1), so one that cannot go
// as it is goes as application/octet-stream.
func blobNode(p *DraftPart) (*node, error) {
	n := &node{encoding: "base64", open: p.Open}
	if p.Type != "message/rfc822" && p.Type != "message/global" {
		return n, nil
	}
	lines, err := measure(p.Open)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p.Property, err)
	}
	switch {
	case lines.unsafe:
		p.Type = "application/octet-stream"
	case lines.eight:
		n.encoding = "8bit"
	default:
		n.encoding = "7bit"
	}
	return n, nil
}

// mimeHeader writes the fields that belong to the properties of a part.
func (p *DraftPart) mimeHeader(n *node) []byte {
	w := &folder{}
	w.put("Content-Type: " + p.Type)
	if p.Charset != "" {
		w.param("charset", p.Charset)
	}
	if p.ReportType != "" {
		w.param("report-type", p.ReportType)
	}
	if n.boundary != "" {
		w.param("boundary", n.boundary)
		if p.Type == "multipart/related" && len(p.SubParts) > 0 {
			w.param("type", rootType(p.SubParts[0])) // RFC 2387, section 3.1
		}
	}
	if p.Name != "" && p.Disposition == "" {
		w.param("name", p.Name)
	}
	w.endLine()
	if p.Disposition != "" {
		w.put("Content-Disposition: " + strings.ToLower(p.Disposition))
		if p.Name != "" {
			w.param("filename", p.Name)
		}
		w.endLine()
	}
	if p.CID != "" {
		w.put("Content-ID: <" + p.CID + ">")
		w.endLine()
	}
	if p.Language != nil {
		w.put("Content-Language: " + strings.Join(p.Language, ", "))
		w.endLine()
	}
	if p.Location != "" {
		w.put("Content-Location: " + p.Location)
		w.endLine()
	}
	if n.encoding != "" {
		w.put("Content-Transfer-Encoding: " + n.encoding)
		w.endLine()
	}
	return w.out
}

func rootType(p *DraftPart) string {
	if t, ok := mediaType(p.Type); ok {
		return t
	}
	return "text/plain"
}

func (w *folder) endLine() {
	w.out = append(w.out, "\r\n"...)
	w.column = 0
}

// param writes one parameter: a token, a quoted string, or the pieces of RFC
// 2231 when the value is long or not ASCII.
func (w *folder) param(name, value string) {
	w.put(";")
	switch {
	case isToken(value) && isASCII([]byte(value)) && len(value) < foldLine-20:
		w.word(name + "=" + value)
	case isPlainASCII(value) && !strings.Contains(value, "=?") && len(value) < foldLine-20:
		w.word(name + "=" + quoteString(value))
	default:
		w.pieces(name, percentEncode(value))
	}
}

// pieces writes name*=utf-8”... or, when long, name*0*=, name*1*= ...
func (w *folder) pieces(name, value string) {
	value = "utf-8''" + value
	if len(name)+2+len(value) < foldLine-2 {
		w.word(name + "*=" + value)
		return
	}
	for i := 0; value != ""; i++ {
		key := fmt.Sprintf("%s*%d*=", name, i)
		n := min(len(value), foldLine-4-len(key))
		// A percent triplet stays whole.
		if n < len(value) {
			if at := strings.LastIndexByte(value[max(0, n-2):n], '%'); at >= 0 {
				n = max(0, n-2) + at
			}
		}
		end := ";"
		if n == len(value) {
			end = ""
		}
		w.word(key + value[:n] + end)
		value = value[n:]
	}
}

// percentEncode is RFC 2231, section 7: attribute-char stands for itself.
func percentEncode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!#$&+^`{}|", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
	}
	return b.String()
}
