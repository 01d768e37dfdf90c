package imap

import (
	"iter"
	"strconv"
	"strings"
)

// BodyPart is one node of a BODYSTRUCTURE (RFC 9051, section 7.5.2). Texts are
// as sent; type, subtype and encoding are in lower case.
type BodyPart struct {
	// Section is the part's number for FETCH: "1.2"; "" for a multipart or the
	// top of a message, whose parts are numbered below it. A message that is
	// not a multipart has the one part "1".
	Section string

	Type        string // "text", "multipart", "message", ...
	Subtype     string
	Params      []Param // of Content-Type
	ID          string
	Description string
	Encoding    string
	Size        int64 // encoded size in bytes
	Lines       int64 // of text and message/rfc822
	MD5         string
	Disposition string  // lower case; "" when NIL
	DispParams  []Param // of Content-Disposition
	Language    []string
	Location    string

	Envelope *Envelope   // of message/rfc822 and message/global
	Children []*BodyPart // of multiparts; the one body of message/rfc822
}

// Param is a parameter of a MIME field; Name is in lower case.
type Param struct{ Name, Value string }

// Param returns the value of a Content-Type parameter, "" when absent.
func (p *BodyPart) Param(name string) string { return findParam(p.Params, name) }

// Filename returns the file name of the disposition or else of the type, as
// sent: neither RFC 2231 nor encoded words are decoded.
func (p *BodyPart) Filename() string {
	if f := findParam(p.DispParams, "filename"); f != "" {
		return f
	}
	return p.Param("name")
}

// IsMultipart reports whether the node is a multipart.
func (p *BodyPart) IsMultipart() bool { return p.Type == "multipart" }

func findParam(list []Param, name string) string {
	for _, p := range list {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// All yields the node and everything below it, in the order of the message.
func (p *BodyPart) All() iter.Seq[*BodyPart] {
	return func(yield func(*BodyPart) bool) { p.walk(yield) }
}

func (p *BodyPart) walk(yield func(*BodyPart) bool) bool {
	if p == nil {
		return true
	}
	if !yield(p) {
		return false
	}
	for _, c := range p.Children {
		if !c.walk(yield) {
			return false
		}
	}
	return true
}

func decodeBodyStructure(n Node) (*BodyPart, bool) {
	if !n.IsList() || !n.First().Present() {
		return nil, false
	}
	d := newDecoder(n)
	return d.body(n, "", true), true
}

// body decodes one body. prefix is the section of the enclosing message or
// multipart; top says that n is the whole body of a message, where a single
// part is number 1 and a multipart takes no number of its own (RFC 9051,
// section 6.4.5.1).
func (d *decoder) body(n Node, prefix string, top bool) *BodyPart {
	d.parts++
	if n.First().IsList() {
		p := &BodyPart{Type: "multipart"}
		if !top {
			p.Section = prefix
		}
		d.multipart(p, n, prefix)
		return p
	}
	p := &BodyPart{Section: prefix}
	if top {
		p.Section = joinSection(prefix, 1)
	}
	d.single(p, n)
	return p
}

func joinSection(prefix string, n int) string {
	if prefix == "" {
		return strconv.Itoa(n)
	}
	return prefix + "." + strconv.Itoa(n)
}

func (d *decoder) multipart(p *BodyPart, n Node, prefix string) {
	cur := n.cursor()
	for cur.peek().IsList() {
		child := cur.next()
		if d.parts < maxRowParts && child.First().Present() {
			p.Children = append(p.Children, d.body(child, joinSection(prefix, len(p.Children)+1), false))
		}
	}
	p.Subtype = d.lower(cur.next())
	p.Params = d.params(cur.next())
	d.extension(p, &cur)
}

func (d *decoder) single(p *BodyPart, n Node) {
	cur := n.cursor()
	p.Type = d.lower(cur.next())
	p.Subtype = d.lower(cur.next())
	p.Params = d.params(cur.next())
	p.ID = d.text(cur.next())
	p.Description = d.text(cur.next())
	p.Encoding = d.lower(cur.next())
	size, _ := cur.next().Number()
	p.Size = int64(size)
	switch {
	case p.Type == "message" && cur.peek().IsList():
		p.Envelope = d.envelope(cur.next())
		if inner := cur.next(); inner.IsList() && inner.First().Present() && d.parts < maxRowParts {
			p.Children = []*BodyPart{d.body(inner, p.Section, true)}
		}
		p.Lines = d.lines(&cur)
	case p.Type == "text":
		p.Lines = d.lines(&cur)
	}
	p.MD5 = d.text(cur.next())
	d.extension(p, &cur)
}

// lines takes the line count if one stands there: some servers leave it out.
func (d *decoder) lines(cur *cursor) int64 {
	v, ok := cur.peek().Number()
	if ok {
		cur.next()
	}
	return int64(v)
}

// extension reads disposition, language and location; what follows is for
// the future and skipped.
func (d *decoder) extension(p *BodyPart, cur *cursor) {
	switch dsp := cur.next(); {
	case dsp.IsList():
		p.Disposition = d.lower(dsp.First())
		p.DispParams = d.params(dsp.At(1))
	default: // a bare string, from old servers
		p.Disposition = d.lower(dsp)
	}
	switch lang := cur.next(); {
	case lang.IsList():
		for l := range lang.Children() {
			if len(p.Language) < maxFlags {
				p.Language = append(p.Language, d.text(l))
			}
		}
	case !lang.IsNil():
		p.Language = []string{d.text(lang)}
	}
	p.Location = d.text(cur.next())
}

func (d *decoder) params(n Node) []Param {
	if !n.IsList() {
		return nil
	}
	out := make([]Param, 0, min(n.Len()/2, 64))
	cur := n.cursor()
	for name := cur.next(); name.Present() && len(out) < maxFlags; name = cur.next() {
		out = append(out, Param{d.lower(name), d.text(cur.next())})
	}
	return out
}

func (d *decoder) lower(n Node) string { return strings.ToLower(d.text(n)) }

func (d *decoder) envelope(n Node) *Envelope {
	if !n.IsList() {
		return nil
	}
	e, _ := decodeEnvelope(n)
	return e
}
