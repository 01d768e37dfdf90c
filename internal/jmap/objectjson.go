package jmap

import (
	"maps"
	"slices"

	"cofferdam/internal/jmap/ijson"
)

// ParseMailboxProp returns the property of a Mailbox with this name, or 0.
func ParseMailboxProp(name string) MailboxProps {
	for i, n := range [...]string{"id", "name", "parentId", "role", "sortOrder", "totalEmails",
		"unreadEmails", "totalThreads", "unreadThreads", "myRights", "isSubscribed"} {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// AppendJSON appends the properties of m that p names.
func (m *Mailbox) AppendJSON(dst []byte, p MailboxProps) []byte {
	o := object(dst)
	o.str(p&MailboxPropID != 0, "id", string(m.ID))
	o.str(p&MailboxPropName != 0, "name", m.Name)
	o.strOrNull(p&MailboxPropParentID != 0, "parentId", string(m.ParentID))
	o.strOrNull(p&MailboxPropRole != 0, "role", string(m.Role))
	o.uint(p&MailboxPropSortOrder != 0, "sortOrder", uint64(m.SortOrder))
	o.uint(p&MailboxPropTotalEmails != 0, "totalEmails", m.TotalEmails)
	o.uint(p&MailboxPropUnreadEmails != 0, "unreadEmails", m.UnreadEmails)
	o.uint(p&MailboxPropTotalThreads != 0, "totalThreads", m.TotalThreads)
	o.uint(p&MailboxPropUnreadThreads != 0, "unreadThreads", m.UnreadThreads)
	if p&MailboxPropMyRights != 0 {
		o.b = m.MyRights.appendJSON(o.key("myRights"))
	}
	o.bool(p&MailboxPropIsSubscribed != 0, "isSubscribed", m.IsSubscribed)
	return o.end()
}

func (r Rights) appendJSON(dst []byte) []byte {
	o := object(dst)
	for i, n := range [...]string{"mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen",
		"maySetKeywords", "mayCreateChild", "mayRename", "mayDelete", "maySubmit"} {
		o.bool(true, n, r&(1<<i) != 0)
	}
	return o.end()
}

// AppendJSON appends the properties of t for which has is true.
func (t *Thread) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(t.ID))
	if has("emailIds") {
		o.b = ijson.AppendStrings(o.key("emailIds"), t.EmailIDs)
	}
	return o.end()
}

// AppendJSON appends the properties of i for which has is true.
func (i *Identity) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(i.ID))
	o.str(has("name"), "name", i.Name)
	o.str(has("email"), "email", i.Email)
	o.addresses(has("replyTo"), "replyTo", i.ReplyTo)
	o.addresses(has("bcc"), "bcc", i.Bcc)
	o.str(has("textSignature"), "textSignature", i.TextSignature)
	o.str(has("htmlSignature"), "htmlSignature", i.HTMLSignature)
	o.bool(has("mayDelete"), "mayDelete", i.MayDelete)
	return o.end()
}

// AppendJSON appends the properties of s for which has is true.
func (s *Submission) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(s.ID))
	o.str(has("identityId"), "identityId", string(s.IdentityID))
	o.str(has("emailId"), "emailId", string(s.EmailID))
	o.str(has("threadId"), "threadId", string(s.ThreadID))
	if has("envelope") {
		o.b = s.Envelope.appendJSON(o.key("envelope"))
	}
	if has("sendAt") {
		o.b = append(AppendUTCDate(append(o.key("sendAt"), '"'), s.SendAt), '"')
	}
	o.str(has("undoStatus"), "undoStatus", string(s.UndoStatus))
	if has("deliveryStatus") {
		o.b = appendDeliveries(o.key("deliveryStatus"), s.DeliveryStatus)
	}
	if has("dsnBlobIds") {
		o.b = ijson.AppendStrings(o.key("dsnBlobIds"), s.DSNBlobIDs)
	}
	if has("mdnBlobIds") {
		o.b = ijson.AppendStrings(o.key("mdnBlobIds"), s.MDNBlobIDs)
	}
	return o.end()
}

func (e *Envelope) appendJSON(dst []byte) []byte {
	if e == nil {
		return append(dst, "null"...)
	}
	o := object(dst)
	o.b = e.MailFrom.appendJSON(o.key("mailFrom"))
	o.b = append(o.key("rcptTo"), '[')
	for i := range e.RcptTo {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = e.RcptTo[i].appendJSON(o.b)
	}
	o.b = append(o.b, ']')
	return o.end()
}

func (a *EnvelopeAddress) appendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "email", a.Email)
	if a.Parameters == nil {
		o.null("parameters")
		return o.end()
	}
	in := object(o.key("parameters"))
	for _, k := range slices.Sorted(maps.Keys(a.Parameters)) {
		in.optional(true, k, a.Parameters[k])
	}
	o.b = in.end()
	return o.end()
}

func appendDeliveries(dst []byte, m map[string]DeliveryStatus) []byte {
	if m == nil {
		return append(dst, "null"...)
	}
	o := object(dst)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		in := object(o.key(k))
		in.str(true, "smtpReply", m[k].SMTPReply)
		in.str(true, "delivered", m[k].Delivered)
		in.str(true, "displayed", m[k].Displayed)
		o.b = in.end()
	}
	return o.end()
}

// AppendJSON appends v.
func (v *MessageView) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "id", string(v.ID))
	o.bool(true, "isHtml", v.IsHTML)
	in := object(o.key("remote"))
	in.uint(true, "count", uint64(v.Remote.Count))
	in.b = ijson.AppendStrings(in.key("hosts"), v.Remote.Hosts)
	o.b = in.end()
	o.uint(true, "links", uint64(v.Links))
	o.b = ijson.AppendStrings(o.key("removed"), v.Removed)
	return o.end()
}

// AppendJSON appends the members of e that Email/set returns of a new Email.
func (e *EmailCreated) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "id", string(e.ID))
	o.str(true, "blobId", string(e.BlobID))
	o.str(true, "threadId", string(e.ThreadID))
	o.uint(true, "size", e.Size)
	return o.end()
}

// AppendJSON appends e (RFC 8620, section 5.3).
func (e *SetError) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "type", string(e.Type))
	o.str(e.Description != "", "description", e.Description)
	o.strings(e.Properties != nil, "properties", e.Properties)
	o.str(e.ExistingID != "", "existingId", e.ExistingID)
	if e.NotFound != nil {
		o.b = ijson.AppendStrings(o.key("notFound"), e.NotFound)
	}
	o.uint(e.MaxSize > 0, "maxSize", e.MaxSize)
	o.uint(e.MaxRecipients > 0, "maxRecipients", e.MaxRecipients)
	o.strings(e.InvalidRecipients != nil, "invalidRecipients", e.InvalidRecipients)
	return o.end()
}

// AppendJSON appends the arguments of an "error" response (RFC 8620, section
// 3.6.2).
func (e *MethodError) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "type", string(e.Type))
	o.str(e.Description != "", "description", e.Description)
	return o.end()
}
