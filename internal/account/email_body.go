package account

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// fillWhole answers everything from a parsed mail. Parts of a large one may be
// without bytes.
func (g *getter) fillWhole(e *jmap.Email, msg *message.Message, m *replica.Meta) {
	need := g.want.Props &^ jmap.IndexEmailProps
	known := &knownHeader{have: need & cachedProps}
	known.parse(msg.Header, need)
	known.hasAttachment = msg.HasAttachment()
	if m.AttachmentKnown {
		known.hasAttachment = m.HasAttachment // as lists and filters have it: it is immutable (RFC 8621, section 4.1.4)
	}
	if need&jmap.EmailPropPreview != 0 {
		known.preview = g.a.previewOf(msg)
	}
	if !m.AttachmentKnown {
		g.a.mail.NoteAttachment(m.ID, known.hasAttachment)
	}
	g.a.headers.put(m.ID, known)
	known.fill(e, need)
	fillHeaders(e, msg.Header, g.want)
	g.fillBody(e, msg, m)
}

// give emits an Email, unless it has more than may be asked of one.
func (g *getter) give(e *jmap.Email) error {
	if g.err != nil {
		return g.err
	}
	return g.emit(e)
}

// tooManyFields reports whether the header fields that are wanted of each part are
// more than maxPartFields for all parts together.
func (g *getter) tooManyFields(msg *message.Message) bool {
	parts := 0
	msg.Body.Walk(func(*message.Part) { parts++ })
	return parts*len(g.want.BodyHeaders) > maxPartFields
}

// fillBody answers the properties of the body. It leaves an error in g.err where
// they are more than may be asked.
func (g *getter) fillBody(e *jmap.Email, msg *message.Message, m *replica.Meta) {
	if g.tooManyFields(msg) {
		g.err = jmap.RequestTooLarge
		return
	}
	made := make(map[*message.Part]*jmap.BodyPart)
	conv := func(p *message.Part) *jmap.BodyPart { return g.part(p, m, made) }
	list := func(parts []*message.Part) []*jmap.BodyPart {
		out := make([]*jmap.BodyPart, len(parts))
		for i, p := range parts {
			out[i] = conv(p)
		}
		return out
	}
	b := msg.Bodies()
	props := g.want.Props
	if props&jmap.EmailPropBodyStructure != 0 {
		e.BodyStructure = conv(msg.Body)
	}
	if props&jmap.EmailPropTextBody != 0 {
		e.TextBody = list(b.Text)
	}
	if props&jmap.EmailPropHTMLBody != 0 {
		e.HTMLBody = list(b.HTML)
	}
	if props&jmap.EmailPropAttachments != 0 {
		e.Attachments = list(b.Attachments)
	}
	if props&jmap.EmailPropBodyValues != 0 {
		e.BodyValues = []jmap.BodyValue{}
		for _, p := range g.valueParts(msg) {
			v := g.a.textOf(p, g.want.MaxBodyValueBytes)
			cut := v.IsTruncated || int64(len(p.Encoded())) < p.EncodedSize
			e.BodyValues = append(e.BodyValues, jmap.BodyValue{PartID: p.PartID, Value: v.Value,
				IsEncodingProblem: v.IsEncodingProblem, IsTruncated: cut})
		}
	}
}

// valueParts are the text parts whose values are wanted, each once.
func (g *getter) valueParts(msg *message.Message) []*message.Part {
	var out []*message.Part
	has := make(map[*message.Part]bool)
	add := func(p *message.Part) {
		if p.IsText() && !has[p] {
			has[p] = true
			out = append(out, p)
		}
	}
	b := msg.Bodies()
	if g.want.FetchAllBodyValues {
		msg.Body.Walk(add)
	}
	if g.want.FetchTextBodyValues {
		for _, p := range b.Text {
			add(p)
		}
	}
	if g.want.FetchHTMLBodyValues {
		for _, p := range b.HTML {
			add(p)
		}
	}
	return out
}

// part turns a parsed part into an EmailBodyPart.
func (g *getter) part(p *message.Part, m *replica.Meta, made map[*message.Part]*jmap.BodyPart) *jmap.BodyPart {
	if done := made[p]; done != nil {
		return done
	}
	out := &jmap.BodyPart{
		PartID: p.PartID, Size: uint64(max(p.Size, 0)), Type: p.Type,
		Name: text(p.Name), Charset: text(p.Charset), Disposition: text(p.Disposition),
		CID: text(p.CID), Language: p.Language, Location: text(p.Location),
	}
	made[p] = out
	if !p.IsMultipart() {
		out.BlobID = g.blobOf(m, p)
	}
	if g.want.BodyProps&jmap.BodyPropHeaders != 0 {
		out.Headers = headerList(p.Headers)
	}
	out.Values = headerValues(p.Headers, g.want.BodyHeaders)
	if p.IsMultipart() {
		out.SubParts = make([]*jmap.BodyPart, len(p.SubParts))
		for i, s := range p.SubParts {
			out.SubParts[i] = g.part(s, m, made)
		}
	}
	return out
}

// text is nil for "".
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// largeMail is a mail too large to be fetched whole: header and structure first.
type largeMail struct {
	meta *replica.Meta
	msg  *message.Message
}

// largeAsks asks for header and structure of large mails.
func (g *getter) largeAsks(mails []*replica.Meta) []upstream.Ask {
	var asks []upstream.Ask
	for _, m := range mails {
		c := g.choose(m)
		asks = append(asks, upstream.Ask{At: c.At, UIDs: upstream.UIDSet(one(c.UID)), Want: upstream.Want{Header: true, Structure: true}})
		g.byPlace[placed{c.At.Box, c.UID}] = m
	}
	return asks
}

func one(uid upstream.UID) (s upstream.UIDSet) {
	s.Add(uid)
	return s
}

// gotLarge takes header and structure.
func (g *getter) gotLarge(m *replica.Meta, c *upstream.Content) {
	body := c.Structure
	h := message.ParseHeader(c.Header)
	if body == nil {
		body = &message.Part{PartID: "1", Section: "1", Type: "application/octet-stream", Size: m.Size, EncodedSize: m.Size}
	}
	body.Headers = h
	g.large = append(g.large, largeMail{m, &message.Message{Header: h, Body: body, Size: m.Size}})
}

// finishLarge fetches the parts that are wanted of the large mails, in one
// exchange, and emits them.
func (g *getter) finishLarge(ctx context.Context) error {
	var asks []upstream.Ask
	at := make(map[placed]largeMail)
	for _, l := range g.large {
		c := g.choose(l.meta)
		at[placed{c.At.Box, c.UID}] = l
		if sections := g.sections(l.msg); len(sections) > 0 {
			asks = append(asks, upstream.Ask{At: c.At, UIDs: one(c.UID), Want: upstream.Want{Sections: sections}})
		}
	}
	g.large = nil
	if len(asks) > 0 {
		err := g.a.cfg.Store.Fetch(ctx, asks, func(c *upstream.Content) { takeSections(at[placed{c.Box, c.UID}].msg, c) })
		if err != nil {
			return err
		}
	}
	for k, l := range at {
		delete(g.byPlace, k)
		if err := g.measure(ctx, l); err != nil {
			return err
		}
		e := g.base(l.meta)
		g.fillWhole(e, l.msg, l.meta)
		if err := g.give(e); err != nil {
			return err
		}
	}
	return nil
}

// mimeSuffix asks for the header of a part (RFC 9051, section 6.4.5).
const mimeSuffix = ".MIME"

// sections are the parts to be fetched of a large mail.
func (g *getter) sections(msg *message.Message) []upstream.Section {
	var out []upstream.Section
	parts := []*message.Part(nil)
	if g.want.Props&jmap.EmailPropBodyValues != 0 {
		parts = g.valueParts(msg)
	}
	for _, p := range parts {
		out = append(out, upstream.Section{ID: p.Section, Limit: maxTextPart})
	}
	if b := msg.Bodies(); len(parts) == 0 && g.want.Props&jmap.EmailPropPreview != 0 && len(b.Text) > 0 {
		out = append(out, upstream.Section{ID: b.Text[0].Section, Limit: previewBytes})
	}
	if g.want.BodyProps&jmap.BodyPropHeaders != 0 || len(g.want.BodyHeaders) > 0 {
		msg.Body.Walk(func(p *message.Part) {
			if p != msg.Body {
				out = append(out, upstream.Section{ID: p.Section + mimeSuffix})
			}
		})
	}
	return out
}

// takeSections puts fetched parts into a structure.
func takeSections(msg *message.Message, c *upstream.Content) {
	if msg == nil {
		return
	}
	msg.Body.Walk(func(p *message.Part) {
		if data, ok := c.Sections[p.Section]; ok && p.IsText() {
			p.SetBody(data)
		}
		if data, ok := c.Sections[p.Section+mimeSuffix]; ok {
			p.Headers = message.ParseHeader(data)
		}
	})
}

// textOf is the text of a part, read as the operator wants it.
func (a *Account) textOf(p *message.Part, maxBytes int) message.BodyValue {
	if a.cfg.AsSaid {
		return p.ValueAsSaid(maxBytes)
	}
	return p.Value(maxBytes)
}

func (a *Account) previewOf(msg *message.Message) string {
	return message.PreviewOf(msg.Bodies(), a.textOf)
}
