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
		o.B = m.MyRights.appendJSON(o.Key("myRights"))
	}
	o.bool(p&MailboxPropIsSubscribed != 0, "isSubscribed", m.IsSubscribed)
	return o.Close()
}

func (r Rights) appendJSON(dst []byte) []byte {
	o := object(dst)
	for i, n := range [...]string{"mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen",
		"maySetKeywords", "mayCreateChild", "mayRename", "mayDelete", "maySubmit"} {
		o.bool(true, n, r&(1<<i) != 0)
	}
	return o.Close()
}

// AppendJSON appends the properties of t for which has is true.
func (t *Thread) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(t.ID))
	if has("emailIds") {
		o.B = ijson.AppendStrings(o.Key("emailIds"), t.EmailIDs)
	}
	return o.Close()
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
	return o.Close()
}

// AppendJSON appends the properties of s for which has is true.
func (s *Submission) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(s.ID))
	o.str(has("identityId"), "identityId", string(s.IdentityID))
	o.str(has("emailId"), "emailId", string(s.EmailID))
	o.str(has("threadId"), "threadId", string(s.ThreadID))
	if has("envelope") {
		o.B = s.Envelope.appendJSON(o.Key("envelope"))
	}
	if has("sendAt") {
		o.B = append(AppendUTCDate(append(o.Key("sendAt"), '"'), s.SendAt), '"')
	}
	o.str(has("undoStatus"), "undoStatus", string(s.UndoStatus))
	if has("deliveryStatus") {
		o.B = appendDeliveries(o.Key("deliveryStatus"), s.DeliveryStatus)
	}
	if has("dsnBlobIds") {
		o.B = ijson.AppendStrings(o.Key("dsnBlobIds"), s.DSNBlobIDs)
	}
	if has("mdnBlobIds") {
		o.B = ijson.AppendStrings(o.Key("mdnBlobIds"), s.MDNBlobIDs)
	}
	return o.Close()
}

func (e *Envelope) appendJSON(dst []byte) []byte {
	if e == nil {
		return append(dst, "null"...)
	}
	o := object(dst)
	o.B = e.MailFrom.appendJSON(o.Key("mailFrom"))
	o.B = append(o.Key("rcptTo"), '[')
	for i := range e.RcptTo {
		if i > 0 {
			o.B = append(o.B, ',')
		}
		o.B = e.RcptTo[i].appendJSON(o.B)
	}
	o.B = append(o.B, ']')
	return o.Close()
}

func (a *EnvelopeAddress) appendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "email", a.Email)
	if a.Parameters == nil {
		o.Null("parameters")
		return o.Close()
	}
	in := object(o.Key("parameters"))
	for _, k := range slices.Sorted(maps.Keys(a.Parameters)) {
		in.optional(true, k, a.Parameters[k])
	}
	o.B = in.Close()
	return o.Close()
}

func appendDeliveries(dst []byte, m map[string]DeliveryStatus) []byte {
	if m == nil {
		return append(dst, "null"...)
	}
	o := object(dst)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		in := object(o.Key(k))
		in.str(true, "smtpReply", m[k].SMTPReply)
		in.str(true, "delivered", m[k].Delivered)
		in.str(true, "displayed", m[k].Displayed)
		o.B = in.Close()
	}
	return o.Close()
}

// AppendJSON appends v.
func (v *MessageView) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "id", string(v.ID))
	o.bool(true, "isHtml", v.IsHTML)
	in := object(o.Key("remote"))
	in.uint(true, "count", uint64(v.Remote.Count))
	in.B = ijson.AppendStrings(in.Key("hosts"), v.Remote.Hosts)
	o.B = in.Close()
	o.uint(true, "links", uint64(v.Links))
	o.B = ijson.AppendStrings(o.Key("removed"), v.Removed)
	return o.Close()
}

// AppendJSON appends the members of e that Email/set returns of a new Email.
func (e *EmailCreated) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "id", string(e.ID))
	o.str(true, "blobId", string(e.BlobID))
	o.str(true, "threadId", string(e.ThreadID))
	o.uint(true, "size", e.Size)
	return o.Close()
}

// AppendJSON appends e (RFC 8620, section 5.3).
func (e *SetError) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "type", string(e.Type))
	o.str(e.Description != "", "description", e.Description)
	o.strings(e.Properties != nil, "properties", e.Properties)
	o.str(e.ExistingID != "", "existingId", e.ExistingID)
	if e.NotFound != nil {
		o.B = ijson.AppendStrings(o.Key("notFound"), e.NotFound)
	}
	o.uint(e.MaxSize > 0, "maxSize", e.MaxSize)
	o.uint(e.MaxRecipients > 0, "maxRecipients", e.MaxRecipients)
	o.strings(e.InvalidRecipients != nil, "invalidRecipients", e.InvalidRecipients)
	return o.Close()
}

// AppendJSON appends the arguments of an "error" response (RFC 8620, section
// 3.6.2).
func (e *MethodError) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.str(true, "type", string(e.Type))
	o.str(e.Description != "", "description", e.Description)
	return o.Close()
}
