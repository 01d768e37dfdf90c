package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// TestEnvelope: RFC 8621 section 7, property envelope.
func TestEnvelope(t *testing.T) {
	for name, c := range map[string]struct {
		header, from string
		to           []string
	}{
		"from":                    {"From: Ann <ann@example.org>\r\nTo: b@x\r\n", "ann@example.org", []string{"b@x"}},
		"sender over from":        {"From: ann@example.org\r\nSender: alias@example.org\r\nTo: b@x\r\n", "alias@example.org", []string{"b@x"}},
		"several authors":         {"From: ann@example.org, alias@example.org\r\nSender: alias@example.org\r\nTo: b@x\r\n", "alias@example.org", []string{"b@x"}},
		"foreign sender":          {"From: ann@example.org\r\nSender: list@elsewhere\r\nTo: b@x\r\n", "ann@example.org", []string{"b@x"}},
		"case of own address":     {"From: ANN@Example.ORG\r\nTo: b@x\r\n", "ANN@Example.ORG", []string{"b@x"}},
		"to, cc, bcc, once":       {"From: ann@example.org\r\nTo: b@x, B@X\r\nCc: c@x, b@x\r\nBcc: d@x,\r\n e@x\r\n", "ann@example.org", []string{"b@x", "c@x", "d@x", "e@x"}},
		"several fields":          {"From: ann@example.org\r\nTo: b@x\r\nTo: c@x\r\nBcc: d@x\r\nBcc: e@x\r\n", "ann@example.org", []string{"b@x", "c@x", "d@x", "e@x"}},
		"groups":                  {"From: ann@example.org\r\nTo: Friends: b@x, Cy <c@x>;, d@x\r\nCc: undisclosed-recipients:;\r\n", "ann@example.org", []string{"b@x", "c@x", "d@x"}},
		"resent is not looked at": {"From: ann@example.org\r\nTo: b@x\r\nResent-To: c@x\r\n", "ann@example.org", []string{"b@x"}},
	} {
		o := &Outbox{cfg: Config{Identities: ids}}
		e, err := o.envelopeOf(message.ParseHeader([]byte(c.header)), &ids()[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var to []string
		for _, a := range e.RcptTo {
			to = append(to, a.Email)
		}
		if e.MailFrom.Email != c.from || e.MailFrom.Parameters != nil || !cmp.Equal(to, c.to) {
			t.Errorf("%s: from %s to %v, want %s, %v", name, e.MailFrom.Email, to, c.from, c.to)
		}
	}
}

// TestRefusedBeforehand: what is refused before anything is stored or sent, and
// by which words of RFC 8621 section 7.5.
func TestRefusedBeforehand(t *testing.T) {
	from := func(email string, params map[string]*string) jmap.EnvelopeAddress {
		return jmap.EnvelopeAddress{Email: email, Parameters: params}
	}
	many := make([]jmap.EnvelopeAddress, maxRecipients+1)
	for i := range many {
		many[i].Email = fmt.Sprintf("p%d@example.net", i)
	}
	bob := []jmap.EnvelopeAddress{{Email: "bob@example.net"}}
	for name, c := range map[string]struct {
		mail   string
		change func(*jmap.SubmissionCreate)
		want   jmap.SetError
	}{
		"no such identity":   {mail, func(c *jmap.SubmissionCreate) { c.IdentityID = "i9" }, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"identityId"}}},
		"no such mail":       {mail, func(c *jmap.SubmissionCreate) { c.EmailID = "e9" }, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"emailId"}}},
		"no From":            {"To: b@x.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}}},
		"two From addresses": {"From: ann@example.org, alias@example.org\r\nTo: b@x.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}}},
		"two From fields":    {"From: ann@example.org\r\nFrom: alias@example.org\r\nTo: b@x.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}}},
		"two Sender fields":  {"From: ann@example.org\r\nSender: ann@example.org\r\nSender: ann@example.org\r\nTo: b@x.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"sender"}}},
		"From of another":    {"From: ceo@example.org\r\nTo: b@x.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetForbiddenFrom}},
		"hidden From": {"From: ann@example.org\rFrom: ceo@example.org\r\nTo: b@x.org\r\n\r\n", func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: bob}
		}, jmap.SetError{Type: jmap.SetForbiddenFrom}},
		"no From, envelope given": {"To: b@x.org\r\n\r\n", func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: bob}
		}, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}}},
		"MAIL FROM of another": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ceo@example.org", nil), RcptTo: bob}
		}, jmap.SetError{Type: jmap.SetForbiddenMailFrom}},
		"no recipients": {"From: ann@example.org\r\n\r\n", nil, jmap.SetError{Type: jmap.SetNoRecipients}},
		"too many": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: many}
		}, jmap.SetError{Type: jmap.SetTooManyRecipients, MaxRecipients: maxRecipients}},
		"bad recipients": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: []jmap.EnvelopeAddress{bob[0], {Email: "bob"}, {Email: "a@b>\r\nRCPT TO:<c@d"}, {Email: strings.Repeat("x", maxAddress) + "@y"}}}
		}, jmap.SetError{Type: jmap.SetInvalidRecipients, InvalidRecipients: []string{"bob", "a@b>\r\nRCPT TO:<c@d", strings.Repeat("x", maxAddress) + "@y"}}},
		"parameter of the sender": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", params("MT-PRIORITY", "3")), RcptTo: bob}
		}, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"envelope"}}},
		"parameter of a recipient": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: []jmap.EnvelopeAddress{from("bob@example.net", params("X", "1"))}}
		}, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"envelope"}}},
		"NOTIFY of nothing": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: []jmap.EnvelopeAddress{from("bob@example.net", map[string]*string{"NOTIFY": nil})}}
		}, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"envelope"}}},
		"NOTIFY=NEVER and more": {mail, func(c *jmap.SubmissionCreate) {
			c.Envelope = &jmap.Envelope{MailFrom: from("ann@example.org", nil), RcptTo: []jmap.EnvelopeAddress{bob[0], from("eve@example.net", params("notify", "Never,SUCCESS"))}}
		}, jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"envelope"}}},
		"header too large": {"From: ann@example.org\r\nX: " + strings.Repeat("x", maxHeader) + "\r\n\r\n", nil, jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"headers"}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk()
			d.mails["e1"] = c.mail
			r := openRig(t, d)
			req := create("c")
			if c.change != nil {
				c.change(&req)
			}
			_, no := r.sendOne(req)
			if no == nil {
				t.Fatal("it was sent")
			}
			got := *no
			got.Description = ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if list, _, _ := r.o.Get(nil); len(list) != 0 || len(d.rows) != 0 || len(d.sent()) != 0 {
				t.Error("something was stored or sent")
			}
		})
	}
}

// TestTooLarge: the mail is read no further than its limit.
func TestTooLarge(t *testing.T) {
	d := newDisk()
	d.mails["e1"] = "From: ann@example.org\r\nTo: b@x.org\r\n\r\n\xff"
	d.endless = true
	r := openRig(t, d)
	_, no := r.sendOne(create("c"))
	if no == nil || no.Type != jmap.SetTooLarge || no.MaxSize != maxSize || len(d.rows) != 0 {
		t.Errorf("told %+v", no)
	}
}

// TestUnreachable: the mail platform is away while the mail is read.
func TestUnreachable(t *testing.T) {
	d := newDisk()
	d.fail = func(step string) error {
		if step == "open" {
			return errors.New("connection refused")
		}
		return nil
	}
	r := openRig(t, d)
	if _, no := r.sendOne(create("c")); no == nil || no.Type != jmap.SetServerFail || len(d.rows) != 0 {
		t.Errorf("told %+v", no)
	}
}

// TestGivenEnvelope goes out as it is, with the parameters that the content asks for.
func TestGivenEnvelope(t *testing.T) {
	d := newDisk()
	d.mails["e1"] = "From: ann@example.org\r\nTo: b@x.org\r\n\r\n\xc3\xa9\r\n"
	r := openRig(t, d)
	c := create("c")
	c.Envelope = &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: "alias@example.org", Parameters: params("RET", "HDRS")},
		RcptTo: []jmap.EnvelopeAddress{{Email: "dan@example.net", Parameters: params("NOTIFY", "SUCCESS,delay")}}}
	s, no := r.sendOne(c)
	if no != nil {
		t.Fatalf("%+v", no)
	}
	got := d.sent()[0].env
	if got.MailFrom.Email != "alias@example.org" || *got.MailFrom.Parameters["RET"] != "HDRS" || *got.MailFrom.Parameters["BODY"] != "8BITMIME" ||
		len(got.RcptTo) != 1 || *got.RcptTo[0].Parameters["NOTIFY"] != "SUCCESS,delay" {
		t.Errorf("sent %+v", got)
	}
	if len(s.Envelope.MailFrom.Parameters) != 1 {
		t.Errorf("shown %+v", s.Envelope.MailFrom.Parameters)
	}
}

// A parameter that the operator lets pass is handed on; without that it is refused.
func TestFurtherParameters(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		d := newDisk()
		d.mails["e1"] = "From: ann@example.org\r\nTo: b@x.org\r\n\r\nx\r\n"
		r := openRig(t, d)
		if allowed {
			r.o.cfg.Parameters = []string{"MT-PRIORITY"}
		}
		c := create("c")
		c.Envelope = &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: "ann@example.org", Parameters: params("mt-priority", "3")},
			RcptTo: []jmap.EnvelopeAddress{{Email: "dan@example.net"}}}
		_, no := r.sendOne(c)
		switch {
		case !allowed && (no == nil || no.Type != jmap.SetInvalidProperties):
			t.Errorf("not allowed: %+v", no)
		case allowed && (no != nil || *d.sent()[0].env.MailFrom.Parameters["mt-priority"] != "3"):
			t.Errorf("allowed: %+v", no)
		}
	}
}

func TestPlausible(t *testing.T) {
	for a, want := range map[string]bool{
		"a@b": true, "a.b+c@d.example": true, `"a b"@c`: true, `"a@b"@c`: true, "é@ü.example": true, "a@[192.0.2.1]": true,
		"": false, "a": false, "@b": false, "a@": false, "a b@c": false, "a@b c": false, "a@b\r\nDATA": false, "a@b\x00": false,
		"<a@b>": false, "a@b>": false, "a,b@c": false, "\xff@b": false, "a@b,c": false, "Ann <a@b>": false, "a\x7f@b": false,
	} {
		if got := plausible(a); got != want {
			t.Errorf("%q: %v", a, got)
		}
	}
}
