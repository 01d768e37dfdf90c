package message

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
)

// Disposition is the machine's part of a message disposition notification (RFC
// 3798, section 3.1). "" is a field that is not there; a recipient has its type
// before it: "rfc822; ann@example.org".
type Disposition struct {
	ReportingUA       string
	Gateway           string
	OriginalRecipient string
	FinalRecipient    string
	OriginalMessageID string // with angle brackets
	ActionMode        string // the three in lower case
	SendingMode       string
	Type              string
	Errors            []string
	Extension         map[string]string // nil: none
}

// Receipt is a message disposition notification as a whole.
type Receipt struct {
	Disposition
	Subject  string
	Text     string // for people; HasText is false if there is none in plain text
	HasText  bool
	Original bool // the mail itself is returned, not only its header or nothing
}

// dispositionFields are those that have a meaning of their own, in lower case; any
// other is an extension (RFC 3798, section 3.3).
func dispositionFields() []string {
	return []string{"reporting-ua", "mdn-gateway", "original-recipient", "final-recipient", "original-message-id",
		"disposition", "failure", "error", "warning"}
}

// ReadReceipt reads a message disposition notification. ok is false for any other
// mail, and for one whose disposition cannot be read.
func ReadReceipt(m *Message) (r Receipt, ok bool) {
	if m.Body == nil || m.Body.Type != "multipart/report" {
		return r, false
	}
	r.Subject = m.Header.Text("Subject")
	for i, p := range m.Body.SubParts {
		switch p.Type {
		case "message/disposition-notification", "message/global-disposition-notification":
			if !ok {
				ok = r.Disposition.read(p)
			}
		case "message/rfc822", "message/global":
			r.Original = r.Original || p.Embedded != nil
		default:
			if i == 0 {
				r.readText(p)
			}
		}
	}
	return r, ok
}

// readText takes the first part in plain text of the part for people.
func (r *Receipt) readText(p *Part) {
	p.Walk(func(p *Part) {
		if p.Type == "text/plain" && !r.HasText {
			r.Text, r.HasText = p.Value(maxReceiptText).Value, true
		}
	})
}

// read reads the fields. The mode of the disposition may have white space around
// its words, and any capitals.
func (d *Disposition) read(p *Part) bool {
	data, _ := p.Decoded()
	h := ParseHeader(bytes.TrimLeft(data, "\r\n"))
	mode, kind, found := strings.Cut(h.Text("Disposition"), ";")
	action, sending, two := strings.Cut(mode, "/")
	if !found || !two {
		return false
	}
	kind, _, _ = strings.Cut(kind, "/") // modifiers
	d.ActionMode, d.SendingMode, d.Type = firstWord(action), firstWord(sending), firstWord(kind)
	d.ReportingUA = h.Text("Reporting-UA")
	d.Gateway = h.Text("MDN-Gateway")
	d.OriginalRecipient, d.FinalRecipient = h.Text("Original-Recipient"), h.Text("Final-Recipient")
	d.OriginalMessageID = h.Text("Original-Message-ID")
	for _, f := range h {
		switch name := strings.ToLower(f.Name); {
		case name == "error" && len(d.Errors) < maxExtensions:
			d.Errors = append(d.Errors, f.Text())
		case slices.Contains(dispositionFields(), name) || len(d.Extension) >= maxExtensions:
		default:
			if d.Extension == nil {
				d.Extension = map[string]string{}
			}
			d.Extension[f.Name] = f.Text()
		}
	}
	return true
}

// ReceiptDraft is a message disposition notification to be written (RFC 3798,
// section 3). Whoever sends it does so from the null sender.
type ReceiptDraft struct {
	Receipt
	From Address
	To   []Address
	// Domain is the right side of its Message-ID.
	Domain string
	// Open reads the mail that it is about; nil: it is not returned.
	Open func() (io.ReadCloser, error)
}

// ComposeReceipt writes a message disposition notification. Errors are of type
// *PropertyError, except those of Open.
func ComposeReceipt(d ReceiptDraft) (*Composed, error) {
	fields := []DraftField{
		{Property: "from", Name: "From", Value: AddressesValue{d.From}},
		{Property: "to", Name: "To", Value: AddressesValue(d.To)},
		{Property: "subject", Name: "Subject", Value: TextValue(d.Subject)},
	}
	if ids := ParseMessageIDs(d.OriginalMessageID); len(ids) > 0 {
		fields = append(fields, DraftField{Property: "forEmailId", Name: "In-Reply-To", Value: MessageIDsValue(ids[:1])},
			DraftField{Property: "forEmailId", Name: "References", Value: MessageIDsValue(ids[:1])})
	}
	if d.SendingMode == "mdn-sent-automatically" {
		fields = append(fields, DraftField{Property: "disposition", Name: "Auto-Submitted", Value: TextValue("auto-replied")})
	}
	machine, err := d.Disposition.fields()
	if err != nil {
		return nil, err
	}
	parts := []*DraftPart{{Property: "textBody", Type: "text/plain", Text: d.Text},
		{Property: "disposition", Type: "message/disposition-notification", Text: machine}}
	if d.Open != nil {
		parts = append(parts, &DraftPart{Property: "includeOriginalMessage", Type: "message/rfc822", Open: d.Open})
	}
	return Compose(Draft{Fields: fields, Domain: d.Domain,
		Body: &DraftPart{Property: "disposition", Type: "multipart/report", ReportType: "disposition-notification", SubParts: parts}})
}

// fields writes the machine's part in 7-bit text (RFC 3798, section 3.1).
func (d *Disposition) fields() (string, error) {
	known := []DraftField{
		{Property: "reportingUA", Name: "Reporting-UA", Value: TextValue(d.ReportingUA)},
		{Property: "originalRecipient", Name: "Original-Recipient", Value: TextValue(d.OriginalRecipient)},
		{Property: "finalRecipient", Name: "Final-Recipient", Value: TextValue(d.FinalRecipient)},
		{Property: "originalMessageId", Name: "Original-Message-ID", Value: TextValue(d.OriginalMessageID)},
		{Property: "disposition", Name: "Disposition", Value: TextValue(d.ActionMode + "/" + d.SendingMode + "; " + d.Type)},
	}
	known = slices.DeleteFunc(known, func(f DraftField) bool { return f.Value == TextValue("") })
	if len(d.Extension) > maxExtensions {
		return "", refuse("extensionFields", "more than %d", maxExtensions)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Extension)) {
		f := DraftField{Property: "extensionFields", Name: name, Value: TextValue(d.Extension[name])}
		if slices.Contains(dispositionFields(), strings.ToLower(name)) {
			return "", refuse(f.Property, "%q is a field of its own", name)
		}
		if err := checkName(f, true); err != nil {
			return "", err
		}
		known = append(known, f)
	}
	var out []byte
	for _, f := range known {
		var err error
		if out, err = f.append(out); err != nil {
			return "", err
		}
	}
	return string(out), nil
}
