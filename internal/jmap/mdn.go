package jmap

import (
	"maps"
	"slices"
)

// CapabilityMDN is that of MDN/send and MDN/parse (RFC 9007).
const CapabilityMDN = "urn:ietf:params:jmap:mdn"

// KeywordMDNSent marks an Email for which a receipt was sent or will never be (RFC
// 9007, section 1.2; RFC 3503).
const KeywordMDNSent Keyword = "$mdnsent"

// MDN is a message disposition notification (RFC 9007, section 2). A nil string is
// null.
type MDN struct {
	ForEmailID      EmailID // "": null
	Subject         *string
	TextBody        *string
	IncludeOriginal bool
	ReportingUA     *string
	Disposition     Disposition

	Gateway           *string // set by the server
	OriginalRecipient *string // set by the server
	FinalRecipient    *string
	OriginalMessageID *string  // set by the server, with angle brackets
	Errors            []string // set by the server; nil: null
	Extension         map[string]string
}

// Disposition is what became of a mail, and how (RFC 9007, section 2).
type Disposition struct {
	ActionMode  string
	SendingMode string
	Type        string
}

// Valid reports whether each of the three is one of the words of section 2.
func (d Disposition) Valid() bool {
	return slices.Contains([]string{"manual-action", "automatic-action"}, d.ActionMode) &&
		slices.Contains([]string{"mdn-sent-manually", "mdn-sent-automatically"}, d.SendingMode) &&
		slices.Contains([]string{"deleted", "dispatched", "displayed", "processed"}, d.Type)
}

// AppendJSON appends m whole.
func (m *MDN) AppendJSON(dst []byte) []byte {
	o := object(dst)
	o.strOrNull(true, "forEmailId", string(m.ForEmailID))
	o.optional(true, "subject", m.Subject)
	o.optional(true, "textBody", m.TextBody)
	o.bool(true, "includeOriginalMessage", m.IncludeOriginal)
	o.optional(true, "reportingUA", m.ReportingUA)
	in := object(o.Key("disposition"))
	in.str(true, "actionMode", m.Disposition.ActionMode)
	in.str(true, "sendingMode", m.Disposition.SendingMode)
	in.str(true, "type", m.Disposition.Type)
	o.B = in.Close()
	o.optional(true, "finalRecipient", m.FinalRecipient)
	m.appendServerSet(&o)
	if m.Extension == nil {
		o.Null("extensionFields")
	} else {
		in := object(o.Key("extensionFields"))
		for _, k := range slices.Sorted(maps.Keys(m.Extension)) {
			in.str(true, k, m.Extension[k])
		}
		o.B = in.Close()
	}
	return o.Close()
}

// AppendSent appends what MDN/send answers of m as it was sent: the properties that
// given does not name, and those that are the server's to set.
func (m *MDN) AppendSent(dst []byte, given func(string) bool) []byte {
	o := object(dst)
	o.optional(!given("subject"), "subject", m.Subject)
	o.optional(!given("textBody"), "textBody", m.TextBody)
	o.bool(!given("includeOriginalMessage"), "includeOriginalMessage", m.IncludeOriginal)
	o.optional(!given("reportingUA"), "reportingUA", m.ReportingUA)
	o.optional(!given("finalRecipient"), "finalRecipient", m.FinalRecipient)
	m.appendServerSet(&o)
	if !given("extensionFields") {
		o.Null("extensionFields")
	}
	return o.Close()
}

// appendServerSet appends what only the server sets.
func (m *MDN) appendServerSet(o *writer) {
	o.optional(true, "mdnGateway", m.Gateway)
	o.optional(true, "originalRecipient", m.OriginalRecipient)
	o.optional(true, "originalMessageId", m.OriginalMessageID)
	o.strings(true, "error", m.Errors)
}
