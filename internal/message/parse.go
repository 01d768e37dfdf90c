package message

import (
	"bytes"
	"strconv"
	"strings"
)

// Message is one parsed mail.
type Message struct {
	Header Header
	Body   *Part // bodyStructure; its Headers are Header
	Size   int64 // bytes
}

// Parse reads a message. It never fails: see the package comment.
func Parse(raw []byte) *Message {
	return parseMessage(raw, "", 0, new(int))
}

// parseMessage reads a message. Parts counts those of the whole mail, which a
// message in an encoding is a part of.
func parseMessage(raw []byte, section string, depth int, parts *int) *Message {
	s := &scanner{raw: unifyLines(raw), parts: parts}
	m := s.message(section, depth, len(s.raw))
	m.Size = int64(len(raw))
	return m
}

// scanner walks a message once, from front to back. Boundaries of all open
// multiparts are looked for at the same time: a line of an outer one ends the
// inner parts, whether or not their own ends are there.
type scanner struct {
	raw    []byte
	pos    int
	parts  *int
	bounds boundaries
}

// boundaries is the stack of open multiparts.
type boundaries struct{ open []string }

// match is the index of the open multipart that line is a boundary of, or -1.
// RFC 2046, section 5.1.1: the boundary need only be the beginning of the line.
// The longest one wins, then the innermost.
func (b *boundaries) match(line []byte) int {
	if b == nil || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return -1
	}
	best := -1
	for i := len(b.open) - 1; i >= 0; i-- {
		if o := b.open[i]; len(line)-2 >= len(o) && string(line[2:2+len(o)]) == o {
			if best < 0 || len(o) > len(b.open[best]) {
				best = i
			}
		}
	}
	return best
}

// message reads a header and a body at the position. Depth counts multiparts
// and messages around it.
func (s *scanner) message(section string, depth, limit int) *Message {
	start := s.pos
	h, n := scanHeader(s.raw[s.pos:limit], &s.bounds)
	s.pos += n
	p := newPart(h, "")
	s.content(p, section, true, depth)
	return &Message{Header: h, Body: p, Size: int64(s.pos - start)}
}

// entity reads one part of a multipart at the position.
func (s *scanner) entity(section string, implicit string, depth int) *Part {
	h, n := scanHeader(s.raw[s.pos:], &s.bounds)
	s.pos += n
	p := newPart(h, implicit)
	s.content(p, section, false, depth)
	return p
}

// content reads the body of p up to the next boundary of any open multipart. A
// message's own body has its section number with ".1" when it is no multipart,
// and the numbers of its parts follow directly (RFC 9051, section 6.4.5.1).
func (s *scanner) content(p *Part, section string, isMessage bool, depth int) {
	*s.parts++
	if p.IsMultipart() && (depth >= MaxDepth || *s.parts >= MaxParts) {
		p.Type, p.Charset = "text/plain", "us-ascii"
	}
	p.Section = section
	if p.IsMultipart() {
		s.multipart(p, section, depth+1)
		return
	}
	if isMessage {
		p.Section = subSection(section, 1)
	}
	p.PartID = p.Section
	start := s.pos
	if p.isMessage() && !isEncoded(p.Encoding) && depth < MaxDepth && *s.parts < MaxParts {
		p.Embedded = s.message(p.Section, depth+1, len(s.raw))
		end := s.bodyEnd(s.pos)
		p.setEncoded(s.raw[start:max(start, end)])
		p.Embedded.Size = p.EncodedSize
		return
	}
	s.pos = s.nextBoundary(start)
	p.setEncoded(s.raw[start:max(start, s.bodyEnd(s.pos))])
	if p.isMessage() && depth < MaxDepth && *s.parts < MaxParts {
		// RFC 2046, section 5.2.1 forbids encoding a message; it is done anyhow.
		if data, _ := p.Decoded(); isEncoded(p.Encoding) {
			p.Embedded = parseMessage(data, p.Section, depth+1, s.parts)
		}
	}
}

// setEncoded sets the body and both sizes.
func (p *Part) setEncoded(b []byte) {
	p.body = b
	p.EncodedSize = int64(len(b))
	p.Size = decodedSize(p.Encoding, b)
}

func (p *Part) isMessage() bool { return p.Type == "message/rfc822" || p.Type == "message/global" }

// multipart reads the parts of p up to its closing boundary or one of an outer
// multipart, and leaves the position at the line that ends it. Without a
// boundary parameter everything is preamble.
func (s *scanner) multipart(p *Part, section string, depth int) {
	start := s.pos
	if boundary := p.boundary(); boundary != "" {
		s.bodyParts(p, boundary, section, depth)
	} else {
		s.pos = s.nextBoundary(s.pos)
	}
	p.EncodedSize = int64(max(start, s.bodyEnd(s.pos)) - start)
	if len(p.SubParts) == 0 {
		p.SubParts = []*Part{s.onlyPreamble(p, start, section)}
	}
}

// bodyParts reads the parts between the boundaries of p.
func (s *scanner) bodyParts(p *Part, boundary, section string, depth int) {
	level := len(s.bounds.open)
	s.bounds.open = append(s.bounds.open, boundary)
	defer func() { s.bounds.open = s.bounds.open[:level] }()

	s.pos = s.nextBoundary(s.pos)
	implicit := ""
	if p.Type == "multipart/digest" {
		implicit = "message/rfc822" // RFC 2046, section 5.1.5
	}
	for s.pos < len(s.raw) {
		end := s.pos + lineEnd(s.raw[s.pos:])
		line := s.raw[s.pos:end]
		at := s.bounds.match(line)
		if at < level {
			break
		}
		rest := line[2+len(boundary):]
		if bytes.HasPrefix(rest, []byte("--")) {
			s.epilogue(level, end)
			break
		}
		s.pos = end
		if *s.parts >= MaxParts {
			s.bounds.open = s.bounds.open[:level]
			s.pos = s.nextBoundary(s.pos)
			break
		}
		p.SubParts = append(p.SubParts, s.entity(subSection(section, len(p.SubParts)+1), implicit, depth))
	}
}

// epilogue skips what follows a closing boundary: the multipart is no longer
// open, so only an outer boundary ends it.
func (s *scanner) epilogue(level, from int) {
	s.bounds.open = s.bounds.open[:level]
	s.pos = s.nextBoundary(from)
}

// onlyPreamble makes the one part of a multipart whose boundary is not given or
// never comes. IMAP servers show an empty text there (RFC 9051 has no multipart
// without parts); the person is shown what there is (RFC 2045, section 5.2).
func (s *scanner) onlyPreamble(parent *Part, start int, section string) *Part {
	p := newPart(nil, "")
	p.Encoding = parent.Encoding // RFC 2045, section 6.4 forbids one here; if there is, it was meant
	p.Section = subSection(section, 1)
	p.PartID = p.Section
	p.setEncoded(s.raw[start:max(start, s.bodyEnd(s.pos))])
	*s.parts++
	return p
}

// nextBoundary is the position of the next line that is a boundary of an open
// multipart, or the end. The position given must be the start of a line.
func (s *scanner) nextBoundary(pos int) int {
	if len(s.bounds.open) == 0 {
		return len(s.raw)
	}
	if s.bounds.match(s.raw[pos:]) >= 0 {
		return pos
	}
	for {
		i := bytes.Index(s.raw[pos:], []byte("\n--"))
		if i < 0 {
			return len(s.raw)
		}
		pos += i + 1
		if s.bounds.match(s.raw[pos:]) >= 0 {
			return pos
		}
	}
}

// bodyEnd is where a body ends before the boundary line at pos: the line end
// before it belongs to the boundary (RFC 2046, section 5.1.1).
func (s *scanner) bodyEnd(pos int) int {
	if pos >= len(s.raw) && len(s.bounds.open) == 0 {
		return pos
	}
	if pos >= len(s.raw) || s.bounds.match(s.raw[pos:]) < 0 {
		return pos
	}
	return len(trimLineEnd(s.raw[:pos]))
}

func subSection(section string, n int) string {
	if section == "" {
		return strconv.Itoa(n)
	}
	return section + "." + strconv.Itoa(n)
}

// newPart reads the MIME fields of a header. Implicit is the type that the
// place gives to a part without Content-Type.
func newPart(h Header, implicit string) *Part {
	p := &Part{Headers: h}
	ct, hasType := h.First("Content-Type")
	p.setType(ct, hasType, implicit)
	var filename string
	if f, ok := h.First("Content-Disposition"); ok {
		v := parseParamValue(f.Value)
		p.Disposition = strings.ToLower(firstToken(v.value))
		filename = v.get("filename")
	}
	if filename == "" {
		filename = p.Params["name"]
	}
	p.Name = cleanName(filename)
	if f, ok := h.First("Content-Transfer-Encoding"); ok {
		p.Encoding = strings.ToLower(firstToken(stripComments(f.Value)))
	}
	if f, ok := h.First("Content-Id"); ok {
		p.CID = contentID(f.Value)
	}
	if f, ok := h.First("Content-Language"); ok {
		p.Language = languages(f.Value)
	}
	if f, ok := h.First("Content-Location"); ok {
		p.Location = location(f)
	}
	return p
}

// setType sets Type, Charset and Params (RFC 2045, section 5.2).
func (p *Part) setType(f Field, given bool, implicit string) {
	p.Type = "text/plain"
	if implicit != "" {
		p.Type = implicit
	}
	if given {
		v := parseParamValue(f.Value)
		p.Params = v.params()
		if t, ok := mediaType(v.value); ok {
			p.Type = t
		} else {
			p.Type = "text/plain"
		}
	}
	p.Charset = strings.TrimSpace(p.Params["charset"])
	if p.Charset == "" && (!given || p.IsText()) {
		p.Charset = "us-ascii"
	}
}

// boundary is the boundary parameter as far as it is compared. A boundary is
// ASCII, so its extended form (RFC 2231) counts only when there is no other.
func (p *Part) boundary() string {
	b := p.Params["boundary"]
	if f, ok := p.Headers.First("Content-Type"); ok {
		if plain := parseParamValue(f.Value).plain("boundary"); plain != "" {
			b = plain
		}
	}
	return b[:min(len(b), MaxBoundary)]
}

// mediaType reads "type/subtype". Some senders leave the subtype out.
func mediaType(s string) (string, bool) {
	main, sub, found := strings.Cut(s, "/")
	main, sub = firstToken(main), firstToken(sub)
	if main == "" || !found || sub == "" || !isToken(main) || !isToken(sub) {
		return "", false
	}
	return strings.ToLower(main + "/" + sub), true
}

// contentID is the value of Content-Id without comments and angle brackets.
func contentID(value string) string {
	s := strings.TrimSpace(value)
	if !strings.HasPrefix(s, "<") { // else: "<photo(1)>" is how HTML refers to it
		s = strings.TrimSpace(stripComments(s))
	}
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s = s[i+1:]
		if j := strings.IndexByte(s, '>'); j >= 0 {
			s = s[:j]
		}
	}
	return Field{Value: strings.Join(strings.Fields(s), "")}.Raw()
}

// languages reads Content-Language (RFC 3282): tags with commas between.
func languages(value string) []string {
	var tags []string
	for _, t := range strings.Split(stripComments(value), ",") {
		t = strings.TrimSpace(t)
		if t != "" && isToken(t) && len(tags) < MaxParams {
			tags = append(tags, t)
		}
	}
	return tags
}

// location is Content-Location: RFC 2557 section 4.4.2 allows encoded words and
// folding inside of a URI, which are undone here.
func location(f Field) string {
	return strings.Join(strings.Fields(f.Text()), "")
}

// cleanName bounds a file name and drops control characters. It stays what the
// sender chose otherwise; whoever writes a file must not trust it.
func cleanName(s string) string {
	s = dropControls(s)
	s = strings.TrimSpace(s)
	n := 0
	for i := range s {
		if n == MaxNameRunes {
			return s[:i]
		}
		n++
	}
	return s
}
