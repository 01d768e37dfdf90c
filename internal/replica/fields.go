package replica

import (
	"bytes"

	"cofferdam/internal/message"
	"cofferdam/internal/thread"
)

// fields are the header fields that keys are made of.
type fields struct {
	header message.Header
	mail   thread.Mail
}

// readFields parses upstream.IndexFields.
func readFields(raw []byte) *fields {
	h := message.ParseHeader(raw)
	f := &fields{header: h}
	if v, ok := h.Last("Message-ID"); ok {
		if ids := v.MessageIDs(); len(ids) > 0 {
			f.mail.MessageID = ids[0]
		}
	}
	if v, ok := h.Last("In-Reply-To"); ok {
		f.mail.InReplyTo = v.MessageIDs()
	}
	if v, ok := h.Last("References"); ok {
		f.mail.References = v.MessageIDs()
	}
	f.mail.Subject = h.Text("Subject")
	return f
}

// raw is a field's value with white space made equal, since servers fold and
// unfold.
func (f *fields) raw(name string) []byte {
	v, _ := f.header.Last(name)
	return bytes.Join(bytes.Fields([]byte(v.Value)), []byte(" "))
}
