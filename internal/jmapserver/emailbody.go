package jmapserver

import (
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// body reads bodyStructure, or textBody, htmlBody and attachments, into one tree.
func (r *emailReader) body(v ijson.Value) {
	text, html, files := given(v, "textBody"), given(v, "htmlBody"), given(v, "attachments")
	whole := given(v, "bodyStructure")
	if whole.Kind() != ijson.Absent {
		for _, other := range []ijson.Value{text, html, files} {
			if other.Kind() != ijson.Absent {
				r.bad(other.Name())
			}
		}
		// No field of the root may be one of the Email already.
		r.email.Body = r.part("bodyStructure", whole, r.fields, "")
		return
	}
	t := r.onlyPart(text, "textBody", "text/plain")
	h := r.onlyPart(html, "htmlBody", "text/html")
	var attached []*jmap.NewPart
	if files.Kind() != ijson.Absent && files.Kind() != ijson.Array {
		r.bad("attachments")
	}
	for _, f := range files.Elems() {
		if p := r.part("attachments", f, nil, "application/octet-stream"); p != nil {
			if p.SubParts != nil {
				r.bad("attachments")
			}
			attached = append(attached, p)
		}
	}
	r.email.Body = assemble(t, h, attached)
}

// given returns a member that is there and not null.
func given(v ijson.Value, name string) ijson.Value {
	m := v.Get(name)
	if m.Kind() == ijson.Null {
		return ijson.Value{}
	}
	return m
}

// onlyPart reads a list that MUST have one part of one type.
func (r *emailReader) onlyPart(v ijson.Value, name, kind string) *jmap.NewPart {
	if v.Kind() == ijson.Absent {
		return nil
	}
	if v.Kind() != ijson.Array || v.Len() != 1 {
		r.bad(name)
		return nil
	}
	p := r.part(name, v.Elems()[0], nil, kind)
	if p != nil && p.Type != kind {
		r.bad(name)
	}
	return p
}

// assemble puts a body together: the texts are alternatives, the inline parts
// that the HTML may show are related to it, and all else is mixed with them.
func assemble(text, html *jmap.NewPart, attached []*jmap.NewPart) *jmap.NewPart {
	var inline, other []*jmap.NewPart
	for _, p := range attached {
		if html != nil && p.Disposition == "inline" && p.CID != "" {
			inline = append(inline, p)
		} else {
			other = append(other, p)
		}
	}
	body := html
	if len(inline) > 0 {
		body = multipart("related", append([]*jmap.NewPart{html}, inline...))
	}
	switch {
	case body == nil:
		body = text
	case text != nil:
		body = multipart("alternative", []*jmap.NewPart{text, body})
	}
	switch {
	case len(other) == 0:
		return body
	case body != nil:
		other = append([]*jmap.NewPart{body}, other...)
	}
	return multipart("mixed", other)
}

func multipart(kind string, parts []*jmap.NewPart) *jmap.NewPart {
	return &jmap.NewPart{Type: "multipart/" + kind, SubParts: parts, Property: "bodyStructure"}
}

// part reads an EmailBodyPart. property is what the client called the list or
// tree that it stands in; seen, if not nil, are fields that it must not have;
// kind is its type if it does not say.
func (r *emailReader) part(property string, v ijson.Value, seen map[string]string, kind string) *jmap.NewPart {
	if r.parts++; v.Kind() != ijson.Object || r.parts > maxNewParts || v.Len() > maxProperties {
		r.bad(property)
		return nil
	}
	if seen == nil {
		seen = map[string]string{}
	}
	p := &jmap.NewPart{Type: kind, Property: property}
	for _, m := range v.Elems() {
		if !r.partProperty(p, m, seen) {
			r.bad(property)
		}
	}
	if p.Type == "" {
		p.Type = "text/plain"
	}
	if !r.content(p, v) {
		r.bad(property)
	}
	return p
}

// partProperty reads one property of a part, its content apart.
func (r *emailReader) partProperty(p *jmap.NewPart, m ijson.Value, seen map[string]string) bool {
	if m.Kind() == ijson.Null {
		return true
	}
	var ok bool
	switch m.Name() {
	case "partId", "blobId", "subParts", "size":
		return true
	case "type":
		p.Type, ok = m.Str()
		p.Type = strings.ToLower(p.Type)
		return ok && validMediaType(p.Type) && r.owns(seen, "content-type", "type")
	case "charset":
		p.Charset, ok = m.Str()
		return ok && r.owns(seen, "content-type", "charset")
	case "name":
		p.Name, ok = m.Str()
		return ok
	case "disposition":
		p.Disposition, ok = m.Str()
		return ok && r.owns(seen, "content-disposition", "disposition")
	case "cid":
		p.CID, ok = m.Str()
		return ok && r.owns(seen, "content-id", "cid")
	case "location":
		p.Location, ok = m.Str()
		return ok && r.owns(seen, "content-location", "location")
	case "language":
		p.Language, ok = stringsOf(m)
		return ok && r.owns(seen, "content-language", "language")
	}
	h, ok := jmap.ParseHeaderProp(m.Name())
	switch {
	case !ok: // also "headers"
		return false
	case strings.EqualFold(h.Name, "Content-Transfer-Encoding"), strings.EqualFold(h.Name, "Content-Type"):
		// The first MUST NOT be given; the second has "type" and "charset", and
		// is made by whoever composes the message.
		return false
	}
	return r.field(h, m, &p.Headers, seen)
}

// owns notes that a property stands for a field; type and charset stand for one
// together.
func (r *emailReader) owns(seen map[string]string, field, property string) bool {
	if _, twice := seen[field]; twice && property != "type" && property != "charset" {
		return false
	}
	seen[field] = property
	return true
}

// content reads what is in a part: one of partId, blobId and subParts.
func (r *emailReader) content(p *jmap.NewPart, v ijson.Value) bool {
	partID, blobID, subParts := given(v, "partId"), given(v, "blobId"), given(v, "subParts")
	if strings.HasPrefix(p.Type, "multipart/") {
		if partID.Kind() != ijson.Absent || blobID.Kind() != ijson.Absent || subParts.Kind() != ijson.Array || subParts.Len() == 0 {
			return false
		}
		for _, s := range subParts.Elems() {
			if sub := r.part(p.Property, s, nil, ""); sub != nil {
				p.SubParts = append(p.SubParts, sub)
			}
		}
		return true
	}
	switch {
	case subParts.Kind() != ijson.Absent || (partID.Kind() == ijson.Absent) == (blobID.Kind() == ijson.Absent):
		return false
	case blobID.Kind() != ijson.Absent:
		return r.c.readReference(blobID, (*string)(&p.BlobID))
	}
	id, ok := partID.Str()
	text, found := r.values.Get(id).Get("value").Str()
	p.Text = &text
	// charset and size MUST be left out beside a partId.
	return ok && found && given(v, "charset").Kind() == ijson.Absent && given(v, "size").Kind() == ijson.Absent
}

// validMediaType reports whether s is type/subtype of RFC 2045 tokens.
func validMediaType(s string) bool {
	major, minor, ok := strings.Cut(s, "/")
	return ok && isToken(major) && isToken(minor)
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
