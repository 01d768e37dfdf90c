package replica

import (
	"bytes"

	"cofferdam/internal/message"
	"cofferdam/internal/thread"
)

// fields are the header fields that keys are made of.
type fields struct {
	messageID           []byte // without brackets
	date, from, subject []byte // raw
	mail                thread.Mail
}

// readFields parses upstream.IndexFields.
func readFields(raw []byte) *fields {
	h := message.ParseHeader(raw)
	f := new(fields)
	if v, ok := h.Last("Message-ID"); ok {
		if ids := v.MessageIDs(); len(ids) > 0 {
			f.mail.MessageID = ids[0]
		}
	}
	f.messageID = []byte(f.mail.MessageID)
	if v, ok := h.Last("In-Reply-To"); ok {
		f.mail.InReplyTo = v.MessageIDs()
	}
	if v, ok := h.Last("References"); ok {
		f.mail.References = v.MessageIDs()
	}
	f.mail.Subject = h.Text("Subject")
	f.date, f.from, f.subject = lastRaw(h, "Date"), lastRaw(h, "From"), lastRaw(h, "Subject")
	return f
}

// lastRaw is a field's value with white space made equal, since servers fold
// and unfold.
func lastRaw(h message.Header, name string) []byte {
	v, _ := h.Last(name)
	return bytes.Join(bytes.Fields([]byte(v.Value)), []byte(" "))
}
