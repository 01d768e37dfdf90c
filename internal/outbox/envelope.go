package outbox

import (
	"slices"
	"strings"
	"unicode/utf8"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// envelopeOf makes the envelope of a mail that states none (RFC 8621 section 7):
// the sender is Sender, else From, else the identity's address if that one is not
// the person's; recipients are To, Cc and Bcc, each once.
func (o *Outbox) envelopeOf(h message.Header, identity *jmap.Identity) (*jmap.Envelope, error) {
	name := "Sender"
	if _, ok := h.Last(name); !ok {
		name = "From"
	}
	from := addresses(h, name)
	if len(from) != 1 || len(h.All("Sender")) > 1 || len(h.All("From")) > 1 {
		return nil, &jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{strings.ToLower(name)},
			Description: "The mail does not say clearly who sends it."}
	}
	e := &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: from[0]}}
	if !o.own(from[0]) {
		e.MailFrom.Email = identity.Email
	}
	seen := map[string]bool{}
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, a := range addresses(h, name) {
			if key := strings.ToLower(a); !seen[key] {
				seen[key] = true
				e.RcptTo = append(e.RcptTo, jmap.EnvelopeAddress{Email: a})
			}
		}
	}
	return e, nil
}

func addresses(h message.Header, name string) []string {
	var out []string
	for _, f := range h.All(name) {
		for _, a := range f.Addresses() {
			if a.Email != "" {
				out = append(out, a.Email)
			}
		}
	}
	return out
}

// own says whether the person may send as this address.
func (o *Outbox) own(email string) bool {
	return slices.ContainsFunc(o.cfg.Identities(), func(i jmap.Identity) bool { return strings.EqualFold(i.Email, email) })
}

// check refuses what cannot be sent before anything is stored.
func (o *Outbox) check(e *jmap.Envelope, h message.Header) error {
	if !o.own(e.MailFrom.Email) {
		return &jmap.SetError{Type: jmap.SetForbiddenMailFrom, Description: "You cannot send with this envelope sender."}
	}
	from := addresses(h, "From")
	if len(from) == 0 {
		return &jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}, Description: "The mail has no sender."}
	}
	for _, a := range from {
		if !o.own(a) {
			return &jmap.SetError{Type: jmap.SetForbiddenFrom, Description: "You cannot send as " + a + "."}
		}
	}
	switch n := len(e.RcptTo); {
	case n == 0:
		return &jmap.SetError{Type: jmap.SetNoRecipients, Description: "The mail has no recipient."}
	case n > maxRecipients:
		return &jmap.SetError{Type: jmap.SetTooManyRecipients, MaxRecipients: maxRecipients}
	}
	var bad []string
	for _, a := range e.RcptTo {
		if !plausible(a.Email) {
			bad = append(bad, a.Email)
		}
	}
	if len(bad) > 0 {
		return &jmap.SetError{Type: jmap.SetInvalidRecipients, InvalidRecipients: bad, Description: "Not a mail address: " + strings.Join(bad, ", ")}
	}
	return o.checkParameters(e)
}

// checkParameters refuses SMTP parameters that porter would not pass on: nothing
// that a client asks for is dropped without a word.
func (o *Outbox) checkParameters(e *jmap.Envelope) error {
	known := func(a jmap.EnvelopeAddress, names ...string) bool {
		for name := range a.Parameters {
			if !slices.Contains(names, strings.ToUpper(name)) {
				return false
			}
		}
		return true
	}
	ok := known(e.MailFrom, append([]string{"BODY", "SMTPUTF8", "SIZE", "RET", "ENVID", "REQUIRETLS", "HOLDFOR", "HOLDUNTIL"}, o.cfg.Parameters...)...)
	for _, a := range e.RcptTo {
		ok = ok && known(a, "NOTIFY")
	}
	if !ok {
		return invalid("envelope", "The envelope has an SMTP parameter that is not supported.")
	}
	for _, a := range e.RcptTo {
		for _, value := range a.Parameters {
			if value == nil || !sayable(*value) {
				return invalid("envelope", "NOTIFY is NEVER, or any of SUCCESS, FAILURE and DELAY.")
			}
		}
	}
	return nil
}

// sayable says whether a value of NOTIFY is one (RFC 3461, section 4.1).
func sayable(notify string) bool {
	words := strings.Split(strings.ToUpper(notify), ",")
	for _, w := range words {
		w = strings.TrimSpace(w)
		if !slices.Contains([]string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}, w) || w == "NEVER" && len(words) > 1 {
			return false
		}
	}
	return true
}

// plausible says whether a recipient can be said in SMTP; whether it exists is
// the server's to say. Porter parses it strictly.
func plausible(a string) bool {
	at := strings.LastIndexByte(a, '@')
	if at <= 0 || at == len(a)-1 || len(a) > maxAddress || !utf8.ValidString(a) {
		return false
	}
	local, domain := a[:at], a[at+1:]
	quoted := len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"'
	if !quoted && strings.ContainsAny(local, " \t,;:()[]\"\\@") {
		return false
	}
	return !strings.ContainsFunc(a, func(r rune) bool { return r < ' ' || r == 0x7f }) &&
		!strings.ContainsAny(local, "<>") && !strings.ContainsAny(domain, "<> ,;()\"\\@")
}
