package jmap

import "cofferdam/internal/jmap/ijson"

// emailPropNames are the names of EmailProps, by bit.
func emailPropNames() [26]string {
	return [...]string{"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt",
		"messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo",
		"subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody",
		"attachments", "bodyStructure", "headers"}
}

// ParseEmailProp returns the property with this name, or 0. It knows no
// "header:" properties.
func ParseEmailProp(name string) EmailProps {
	for i, n := range emailPropNames() {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// ParseBodyProp is ParseEmailProp for the properties of a BodyPart.
func ParseBodyProp(name string) BodyProps {
	for i, n := range [...]string{"partId", "blobId", "size", "name", "type", "charset",
		"disposition", "cid", "language", "location", "headers", "subParts"} {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// AppendJSON appends the properties of e that f names.
func (e *Email) AppendJSON(dst []byte, f *EmailFields) []byte {
	o := object(dst)
	p := f.Props
	o.str(p&EmailPropID != 0, "id", string(e.ID))
	o.str(p&EmailPropBlobID != 0, "blobId", string(e.BlobID))
	o.str(p&EmailPropThreadID != 0, "threadId", string(e.ThreadID))
	if p&EmailPropMailboxIDs != 0 {
		o.B = appendSet(o.Key("mailboxIds"), e.MailboxIDs)
	}
	if p&EmailPropKeywords != 0 {
		o.B = appendSet(o.Key("keywords"), e.Keywords)
	}
	o.uint(p&EmailPropSize != 0, "size", e.Size)
	if p&EmailPropReceivedAt != 0 {
		o.B = append(AppendUTCDate(append(o.Key("receivedAt"), '"'), e.ReceivedAt), '"')
	}
	e.appendFields(&o, p)
	o.bool(p&EmailPropHasAttachment != 0, "hasAttachment", e.HasAttachment)
	o.str(p&EmailPropPreview != 0, "preview", e.Preview)
	if p&(BodyEmailProps|EmailPropHeaders) != 0 {
		e.appendBody(&o, f)
	}
	appendValues(&o, f.Headers, e.Values)
	return o.Close()
}

// appendFields appends the convenience properties of RFC 8621, section 4.1.3.
func (e *Email) appendFields(o *writer, p EmailProps) {
	if p&(EmailPropBodyValues-EmailPropMessageID) == 0 {
		return
	}
	o.strings(p&EmailPropMessageID != 0, "messageId", e.MessageID)
	o.strings(p&EmailPropInReplyTo != 0, "inReplyTo", e.InReplyTo)
	o.strings(p&EmailPropReferences != 0, "references", e.References)
	o.addresses(p&EmailPropSender != 0, "sender", e.Sender)
	o.addresses(p&EmailPropFrom != 0, "from", e.From)
	o.addresses(p&EmailPropTo != 0, "to", e.To)
	o.addresses(p&EmailPropCc != 0, "cc", e.Cc)
	o.addresses(p&EmailPropBcc != 0, "bcc", e.Bcc)
	o.addresses(p&EmailPropReplyTo != 0, "replyTo", e.ReplyTo)
	o.optional(p&EmailPropSubject != 0, "subject", e.Subject)
	if p&EmailPropSentAt != 0 {
		o.B = appendDateOrNull(o.Key("sentAt"), e.SentAt)
	}
}

func (e *Email) appendBody(o *writer, f *EmailFields) {
	if f.Props&EmailPropBodyValues != 0 {
		o.B = appendBodyValues(o.Key("bodyValues"), e.BodyValues)
	}
	if f.Props&EmailPropTextBody != 0 {
		o.B = appendParts(o.Key("textBody"), e.TextBody, f, false)
	}
	if f.Props&EmailPropHTMLBody != 0 {
		o.B = appendParts(o.Key("htmlBody"), e.HTMLBody, f, false)
	}
	if f.Props&EmailPropAttachments != 0 {
		o.B = appendParts(o.Key("attachments"), e.Attachments, f, false)
	}
	if f.Props&EmailPropBodyStructure != 0 {
		o.B = appendPart(o.Key("bodyStructure"), e.BodyStructure, f, true)
	}
	if f.Props&EmailPropHeaders != 0 {
		o.B = appendHeaders(o.Key("headers"), e.Headers)
	}
}

func appendBodyValues(dst []byte, values []BodyValue) []byte {
	o := object(dst)
	for i := range values {
		v := &values[i]
		in := object(o.Key(v.PartID))
		in.str(true, "value", v.Value)
		in.bool(true, "isEncodingProblem", v.IsEncodingProblem)
		in.bool(true, "isTruncated", v.IsTruncated)
		o.B = in.Close()
	}
	return o.Close()
}

func appendParts(dst []byte, parts []*BodyPart, f *EmailFields, tree bool) []byte {
	dst = append(dst, '[')
	for i, p := range parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPart(dst, p, f, tree)
	}
	return append(dst, ']')
}

// appendPart appends one part. In a tree a multipart always shows its subParts:
// without them bodyStructure would be no structure, whatever bodyProperties
// says; in a flat list nothing has any (RFC 8621, section 4.1.4).
func appendPart(dst []byte, b *BodyPart, f *EmailFields, tree bool) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	o := object(dst)
	p := f.BodyProps
	o.strOrNull(p&BodyPropPartID != 0, "partId", b.PartID)
	o.strOrNull(p&BodyPropBlobID != 0, "blobId", string(b.BlobID))
	o.uint(p&BodyPropSize != 0, "size", b.Size)
	o.optional(p&BodyPropName != 0, "name", b.Name)
	o.str(p&BodyPropType != 0, "type", b.Type)
	o.optional(p&BodyPropCharset != 0, "charset", b.Charset)
	o.optional(p&BodyPropDisposition != 0, "disposition", b.Disposition)
	o.optional(p&BodyPropCID != 0, "cid", b.CID)
	o.strings(p&BodyPropLanguage != 0, "language", b.Language)
	o.optional(p&BodyPropLocation != 0, "location", b.Location)
	if p&BodyPropHeaders != 0 {
		o.B = appendHeaders(o.Key("headers"), b.Headers)
	}
	appendValues(&o, f.BodyHeaders, b.Values)
	switch {
	case tree && b.SubParts != nil:
		o.B = appendParts(o.Key("subParts"), b.SubParts, f, true)
	case p&BodyPropSubParts != 0:
		o.Null("subParts")
	}
	return o.Close()
}

func appendHeaders(dst []byte, headers []Header) []byte {
	dst = append(dst, '[')
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		o := object(dst)
		o.str(true, "name", h.Name)
		o.str(true, "value", h.Value)
		dst = o.Close()
	}
	return append(dst, ']')
}

// appendValues appends the header properties that were asked for.
func appendValues(o *writer, props []HeaderProp, values []HeaderValue) {
	for i := range props {
		var v HeaderValue
		if i < len(values) {
			v = values[i]
		}
		o.B = appendValue(o.Key(props[i].Property), &props[i], v)
	}
}

func appendValue(dst []byte, p *HeaderProp, v HeaderValue) []byte {
	if !p.All {
		if len(v) == 0 {
			return append(dst, "null"...)
		}
		return appendInstance(dst, p.Form, &v[len(v)-1])
	}
	dst = append(dst, '[')
	for i := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendInstance(dst, p.Form, &v[i])
	}
	return append(dst, ']')
}

func appendInstance(dst []byte, form HeaderForm, v *HeaderInstance) []byte {
	switch form {
	case FormAddresses:
		if v.Addresses == nil {
			return append(dst, "[]"...) // this form has no null
		}
		return appendAddresses(dst, v.Addresses)
	case FormGroupedAddresses:
		dst = append(dst, '[')
		for i, g := range v.Groups {
			if i > 0 {
				dst = append(dst, ',')
			}
			o := object(dst)
			o.optional(true, "name", g.Name)
			o.B = appendAddresses(o.Key("addresses"), g.Addresses)
			dst = o.Close()
		}
		return append(dst, ']')
	case FormMessageIDs, FormURLs:
		if v.Strings == nil {
			return append(dst, "null"...)
		}
		return ijson.AppendStrings(dst, v.Strings)
	case FormDate:
		return appendDateOrNull(dst, v.Date)
	}
	return ijson.AppendString(dst, v.Text)
}

func appendAddresses(dst []byte, list []Address) []byte {
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		o := object(dst)
		o.optional(true, "name", list[i].Name)
		o.str(true, "email", list[i].Email)
		dst = o.Close()
	}
	return append(dst, ']')
}

func appendDateOrNull(dst []byte, d Date) []byte {
	if d.IsZero() {
		return append(dst, "null"...)
	}
	return append(AppendDate(append(dst, '"'), d.Time), '"')
}

// appendSet appends a set as JMAP writes it: an object whose values are true.
func appendSet[T ~string](dst []byte, set []T) []byte {
	dst = append(dst, '{')
	for i, x := range set {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(ijson.AppendString(dst, x), ":true"...)
	}
	return append(dst, '}')
}
