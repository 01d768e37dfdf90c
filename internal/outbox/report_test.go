package outbox

import (
	"fmt"
	"slices"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

func about(to, action, status, reply string) message.Report {
	return message.Report{MessageID: "m1@example.org", Recipients: []message.ReportedRecipient{{Address: to, Action: action, Status: status, Reply: reply}}}
}

// TestReported: what each kind of report says of a recipient (RFC 8621, section 7).
func TestReported(t *testing.T) {
	unknown := jmap.DeliveryStatus{SMTPReply: "250 2.0.0 Ok: queued as 1", Delivered: "unknown", Displayed: "unknown"}
	delivered, failed, displayed := unknown, unknown, unknown
	delivered.Delivered, displayed.Displayed = "yes", "yes"
	failed.Delivered, failed.SMTPReply = "no", "550 5.1.1 no such user"
	for name, c := range map[string]struct {
		rep      message.Report
		want     jmap.DeliveryStatus
		dsn, mdn bool
	}{
		"delivered":      {about("BOB@example.net", "delivered", "2.0.0", ""), delivered, true, false},
		"failed":         {about("bob@example.net", "failed", "5.1.1", "550 5.1.1 no such user"), failed, true, false},
		"delayed":        {about("bob@example.net", "delayed", "4.4.1", ""), unknown, true, false},
		"relayed":        {about("bob@example.net", "relayed", "2.0.0", ""), unknown, true, false},
		"expanded":       {about("bob@example.net", "expanded", "2.0.0", ""), unknown, true, false},
		"displayed":      {about("bob@example.net", "displayed", "", ""), displayed, false, true},
		"deleted unread": {about("bob@example.net", "deleted", "", ""), unknown, false, true},
		"somebody else":  {about("mallory@example.net", "failed", "5.1.1", ""), unknown, false, false},
		"another mail":   {message.Report{MessageID: "x@y", Recipients: about("bob@example.net", "failed", "5.0.0", "").Recipients}, unknown, false, false},
		"no name":        {message.Report{Recipients: about("bob@example.net", "failed", "5.0.0", "").Recipients}, unknown, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk()
			r := openRig(t, d)
			if _, no := r.sendOne(create("c")); no != nil {
				t.Fatal(no)
			}
			before := r.o.State()
			r.o.Reported(t.Context(), "B1", c.rep)
			after := r.o.State()
			r.o.Reported(t.Context(), "B1", c.rep) // read again
			if (after != before) != (c.dsn || c.mdn) || r.o.State() != after {
				t.Errorf("states %s, %s, %s", before, after, r.o.State())
			}
			again := openRig(t, d)
			for _, o := range []*rig{r, again} {
				s := o.only()
				if got := s.DeliveryStatus["bob@example.net"]; got != c.want {
					t.Errorf("bob: %+v, want %+v", got, c.want)
				}
				if got := s.DeliveryStatus["eve@example.net"]; got != unknown {
					t.Errorf("eve: %+v", got)
				}
				if slices.Equal(s.DSNBlobIDs, []jmap.BlobID{"B1"}) != c.dsn || slices.Equal(s.MDNBlobIDs, []jmap.BlobID{"B1"}) != c.mdn {
					t.Errorf("reports %v, %v", s.DSNBlobIDs, s.MDNBlobIDs)
				}
			}
		})
	}
}

// TestReportedByEnvelope: a report may name the mail by the ENVID of its envelope, and
// there is an end to what is kept.
func TestReportedByEnvelope(t *testing.T) {
	d := newDisk()
	r := openRig(t, d)
	c := create("c")
	c.Envelope = &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: "ann@example.org", Parameters: params("ENVID", "env 1")},
		RcptTo: []jmap.EnvelopeAddress{{Email: "bob@example.net"}}}
	if !r.o.Awaits().IsZero() {
		t.Error("it awaits reports on nothing")
	}
	if _, no := r.sendOne(c); no != nil {
		t.Fatal(no)
	}
	if r.o.Awaits().IsZero() {
		t.Error("it awaits no report")
	}
	rep := about("bob@example.net", "delivered", "2.0.0", "")
	rep.MessageID, rep.EnvelopeID = "", "env 1"
	for i := range maxReports + 5 {
		r.o.Reported(t.Context(), jmap.BlobID(fmt.Sprintf("B%d", i)), rep)
	}
	if s := r.only(); s.DeliveryStatus["bob@example.net"].Delivered != "yes" || len(s.DSNBlobIDs) != maxReports {
		t.Errorf("%+v, %d reports", s.DeliveryStatus, len(s.DSNBlobIDs))
	}
}
