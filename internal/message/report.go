package message

import (
	"bytes"
	"strings"
)

// Report is what a mail system says of a mail that was sent: a delivery status
// notification (RFC 3464) or a message disposition notification (RFC 8098, whose
// fields are those of RFC 3798).
type Report struct {
	MessageID  string // of the mail, without angle brackets; "" if the report does not say
	EnvelopeID string // RFC 3461, section 4.4; "" if none was given
	Recipients []ReportedRecipient
}

// ReportedRecipient is what became of one recipient.
type ReportedRecipient struct {
	Address string // as the sender wrote it, if the report says so
	// Action is "delivered", "failed", "delayed", "relayed", "expanded" (RFC 3464,
	// section 2.3.3), or "displayed" and other types of disposition (RFC 3798,
	// section 3.2.6.2).
	Action string
	Status string // enhanced status code (RFC 3463); "" in a disposition notification
	Reply  string // the server's words, if it was one that speaks SMTP
}

// ReadReport reads the report in a mail. ok is false for a mail that has none. The
// report is anybody's claim: whoever got a mail knows its Message-ID.
func ReadReport(m *Message) (r Report, ok bool) {
	if m.Body == nil || m.Body.Type != "multipart/report" {
		return r, false
	}
	for _, p := range m.Body.SubParts {
		switch p.Type {
		case "message/delivery-status", "message/global-delivery-status":
			ok = r.delivery(p) || ok
		case "message/disposition-notification", "message/global-disposition-notification":
			ok = r.disposition(p) || ok
		case "message/rfc822", "message/global":
			if p.Embedded != nil {
				r.name(p.Embedded.Header)
			}
		case "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			data, _ := p.Decoded()
			r.name(ParseHeader(data))
		}
	}
	return r, ok
}

// name takes the Message-ID of the mail that was returned.
func (r *Report) name(h Header) {
	if f, has := h.Last("Message-ID"); has && r.MessageID == "" {
		if ids := f.MessageIDs(); len(ids) > 0 {
			r.MessageID = ids[0]
		}
	}
}

// delivery reads the groups of fields of RFC 3464, section 2.1: one of the mail, one
// of each recipient.
func (r *Report) delivery(p *Part) bool {
	data, _ := p.Decoded()
	for i, group := range groupsOf(data) {
		h := ParseHeader(group)
		if i == 0 {
			r.EnvelopeID = unxtext(strings.TrimSpace(h.Text("Original-Envelope-Id")))
			continue
		}
		if len(r.Recipients) == maxReported {
			break
		}
		to := typed(h, "Original-Recipient")
		if to == "" {
			to = typed(h, "Final-Recipient")
		}
		r.Recipients = append(r.Recipients, ReportedRecipient{Address: to, Action: firstWord(h.Text("Action")),
			Status: firstWord(h.Text("Status")), Reply: diagnostic(h)})
	}
	return len(r.Recipients) > 0
}

// disposition reads the fields of RFC 3798, section 3.1.
func (r *Report) disposition(p *Part) bool {
	data, _ := p.Decoded()
	h := ParseHeader(data)
	_, kind, found := strings.Cut(h.Text("Disposition"), ";")
	if !found {
		return false
	}
	if f, has := h.Last("Original-Message-ID"); has {
		if ids := f.MessageIDs(); len(ids) > 0 {
			r.MessageID = ids[0]
		}
	}
	to := typed(h, "Original-Recipient")
	if to == "" {
		to = typed(h, "Final-Recipient")
	}
	kind, _, _ = strings.Cut(kind, "/") // modifiers
	r.Recipients = append(r.Recipients, ReportedRecipient{Address: to, Action: firstWord(kind)})
	return true
}

// groupsOf cuts at blank lines.
func groupsOf(data []byte) [][]byte {
	var out [][]byte
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	for group := range bytes.SplitSeq(data, []byte("\n\n")) {
		if group = bytes.TrimLeft(group, "\n"); len(group) > 0 {
			out = append(out, append(bytes.Clone(group), '\n'))
		}
	}
	return out
}

// typed is the value of a field that names its type first: "rfc822; ann@example.org".
func typed(h Header, name string) string {
	kind, value, found := strings.Cut(h.Text(name), ";")
	if !found {
		return ""
	}
	value = strings.TrimSpace(value)
	if strings.EqualFold(strings.TrimSpace(kind), "rfc822") {
		value = unxtext(value)
	}
	return strings.Trim(value, "<>")
}

// diagnostic is the words of an SMTP server (RFC 3464, section 2.3.6).
func diagnostic(h Header) string {
	kind, words, _ := strings.Cut(h.Text("Diagnostic-Code"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "smtp") {
		return ""
	}
	return strings.Join(strings.Fields(words), " ")
}

func firstWord(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(words[0])
}

// unxtext undoes RFC 3461, section 4: "+" and two hexadecimal digits are a character.
func unxtext(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
