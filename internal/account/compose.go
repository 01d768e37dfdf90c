package account

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// compose turns a create into a message that is ready to be written. Its errors
// are *jmap.SetError where the client is at fault.
func (a *Account) compose(ctx context.Context, c *jmap.EmailCreate) (*message.Composed, error) {
	b := &composer{ctx: ctx, a: a}
	d := message.Draft{Domain: domainOf(a.cfg.Addresses[0])}
	for _, h := range c.Headers {
		d.Fields = append(d.Fields, draftFields(h)...)
	}
	if c.Body != nil {
		d.Body = b.part(c.Body)
	}
	out, err := message.Compose(d)
	var bad *message.PropertyError
	switch {
	case len(b.notFound) > 0:
		return nil, &jmap.SetError{Type: jmap.SetBlobNotFound, NotFound: b.notFound}
	case b.size > MaxAttachments:
		return nil, &jmap.SetError{Type: jmap.SetTooLarge}
	case errors.As(err, &bad):
		return nil, &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{bad.Property}, Description: bad.Reason}
	}
	return out, err
}

func domainOf(addr string) string {
	_, domain, _ := strings.Cut(addr, "@")
	return domain
}

type composer struct {
	ctx      context.Context
	a        *Account
	notFound []jmap.BlobID
	size     int64
}

// part turns a new part into one to be written.
func (b *composer) part(p *jmap.NewPart) *message.DraftPart {
	d := &message.DraftPart{Type: p.Type, Charset: p.Charset, Name: p.Name, Disposition: p.Disposition,
		CID: p.CID, Language: p.Language, Location: p.Location}
	for _, h := range p.Headers {
		d.Fields = append(d.Fields, draftFields(h)...)
	}
	for _, s := range p.SubParts {
		d.SubParts = append(d.SubParts, b.part(s))
	}
	switch {
	case p.Text != nil:
		d.Text = *p.Text
	case p.BlobID != "":
		d.Open = b.opener(p.BlobID)
	}
	return d
}

// opener opens a blob again and again; what is missing is noted at once.
func (b *composer) opener(id jmap.BlobID) func() (io.ReadCloser, error) {
	blob, err := b.a.BlobOpen(b.ctx, id, jmap.ByteRange{})
	if errors.Is(err, jmap.ErrNotFound) {
		b.notFound = append(b.notFound, id)
	}
	if err == nil {
		b.size += max(blob.Size, 0)
		blob.Body.Close()
	}
	return func() (io.ReadCloser, error) {
		blob, err := b.a.BlobOpen(b.ctx, id, jmap.ByteRange{})
		if err != nil {
			return nil, err
		}
		return blob.Body, nil
	}
}

// draftFields are the fields that a header property stands for. An empty list makes
// none: RFC 5322, section 3.6 has no field for it (a Bcc apart, which says nothing
// then), and a message that has one is refused on its way. A Message-ID with no id
// is not included, so that one is generated (RFC 8621, section 4.6).
func draftFields(h jmap.HeaderSet) []message.DraftField {
	var out []message.DraftField
	for _, v := range h.Value {
		if isEmptyList(h.Form, v) {
			continue
		}
		out = append(out, message.DraftField{Property: h.Property, Name: h.Name, Value: fieldValue(h.Form, v)})
	}
	return out
}

func isEmptyList(form jmap.HeaderForm, v jmap.HeaderInstance) bool {
	switch form {
	case jmap.FormAddresses:
		return len(v.Addresses) == 0
	case jmap.FormGroupedAddresses:
		return !slices.ContainsFunc(v.Groups, func(g jmap.AddressGroup) bool { return g.Name != nil || len(g.Addresses) > 0 })
	case jmap.FormMessageIDs, jmap.FormURLs:
		return len(v.Strings) == 0
	}
	return false
}

func fieldValue(form jmap.HeaderForm, v jmap.HeaderInstance) message.FieldValue {
	switch form {
	case jmap.FormText:
		return message.TextValue(v.Text)
	case jmap.FormAddresses:
		return message.AddressesValue(mailAddresses(v.Addresses))
	case jmap.FormGroupedAddresses:
		var groups message.GroupsValue
		for _, g := range v.Groups {
			m := message.Group{Addresses: mailAddresses(g.Addresses)}
			if g.Name != nil {
				m.Name, m.IsGroup = *g.Name, true
			}
			groups = append(groups, m)
		}
		return groups
	case jmap.FormMessageIDs:
		return message.MessageIDsValue(v.Strings)
	case jmap.FormDate:
		return message.DateValue(v.Date.Time)
	case jmap.FormURLs:
		return message.URLsValue(v.Strings)
	}
	return message.RawValue(v.Text)
}

func mailAddresses(list []jmap.Address) []message.Address {
	out := make([]message.Address, len(list))
	for i, a := range list {
		out[i].Email = a.Email
		if a.Name != nil {
			out[i].Name = *a.Name
		}
	}
	return out
}
