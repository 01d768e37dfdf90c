package outbox

import (
	"context"
	"slices"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// Awaits says since when mails were sent of which a report may still come; zero:
// there is none.
func (o *Outbox) Awaits() (since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.records {
		if r.awaits() && (since.IsZero() || r.Created.Before(since)) {
			since = r.Created
		}
	}
	return since
}

func (r *record) awaits() bool {
	return (r.State == accepted || r.State == uncertain) && time.Since(r.Created) < awaitReports
}

// Reported takes in what a mail in the person's mailbox says of mails that they sent
// (RFC 8621, section 7): blob is that mail. A report that is known, or of a mail that
// was not sent from here, changes nothing.
//
// Whoever got a mail can write such a report; it can only speak of itself, though:
// what it says of addresses that the mail did not go to is not heard.
func (o *Outbox) Reported(ctx context.Context, blob jmap.BlobID, rep message.Report) {
	r := o.reported(rep)
	if r == nil {
		return
	}
	changed := false
	o.change(r, func() {
		if changed = r.report(string(blob), rep); changed {
			o.note(r.ID, updated)
		}
	})
	if changed {
		if err := o.store(ctx, r); err != nil {
			o.cfg.Log.Warn("report on a submission not stored", "err", err) // it is read again by the next process
		}
	}
	o.release(r)
}

// reported takes hold of the submission that a report speaks of.
func (o *Outbox) reported(rep message.Report) *record {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.sorted() {
		named := rep.EnvelopeID != "" && rep.EnvelopeID == r.envelopeID() || rep.MessageID != "" && rep.MessageID == r.MessageID
		if named && r.awaits() && !r.busy {
			r.busy = true
			return r
		}
	}
	return nil
}

// envelopeID is the ENVID that the client gave (RFC 3461, section 4.4).
func (r *record) envelopeID() string {
	for name, value := range r.From.Params {
		if strings.EqualFold(name, "ENVID") && value != nil {
			return *value
		}
	}
	return ""
}

// report enters a report, and says whether that changed anything.
func (r *record) report(blob string, rep message.Report) bool {
	if slices.Contains(r.DSN, blob) || slices.Contains(r.MDN, blob) || len(r.DSN)+len(r.MDN) >= maxReports {
		return false
	}
	heard, read := false, false
	for _, about := range rep.Recipients {
		for _, to := range r.To {
			if strings.EqualFold(to.Email, about.Address) {
				heard, read = true, read || about.Status == ""
				r.hear(to.Email, about)
			}
		}
	}
	switch {
	case !heard:
	case read:
		r.MDN = append(r.MDN, blob)
	default:
		r.DSN = append(r.DSN, blob)
	}
	return heard
}

// hear enters what is said of one recipient.
func (r *record) hear(to string, about message.ReportedRecipient) {
	if r.Fates == nil {
		r.Fates = map[string]reportedFate{}
	}
	f := r.Fates[to]
	switch {
	case about.Status == "" && about.Action == "displayed":
		f.Displayed = true
	case about.Action == "delivered":
		f.Delivered = "yes"
	case about.Action == "failed":
		f.Delivered = "no"
	}
	if about.Reply != "" && about.Status != "" {
		f.Reply = about.Reply[:min(len(about.Reply), maxReply)]
		f.Reply = strings.ToValidUTF8(f.Reply, "")
	}
	r.Fates[to] = f
}

// reportedFate is what reports said of one recipient.
type reportedFate struct {
	Delivered string `json:"delivered,omitempty"`
	Displayed bool   `json:"displayed,omitempty"`
	Reply     string `json:"reply,omitempty"`
}

// onto puts what reports said over what is known otherwise.
func (f reportedFate) onto(d *jmap.DeliveryStatus) {
	if f.Delivered != "" {
		d.Delivered = f.Delivered
	}
	if f.Displayed {
		d.Displayed = "yes"
	}
	if f.Reply != "" {
		d.SMTPReply = f.Reply
	}
}
