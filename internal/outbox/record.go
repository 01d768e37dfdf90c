package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"cofferdam/internal/jmap"
)

// state of a submission.
type state string

const (
	waiting    state = "waiting"
	attempting state = "attempting"
	accepted   state = "accepted"
	refused    state = "refused"
	uncertain  state = "uncertain"
)

// record is what is stored of a submission. Version 1.
type record struct {
	V         int               `json:"v"`
	ID        string            `json:"id"`
	Identity  string            `json:"identity"`
	Email     string            `json:"email"`
	Thread    string            `json:"thread"`
	MessageID string            `json:"messageId"`
	From      address           `json:"from"`
	To        []address         `json:"to"`
	State     state             `json:"state"`
	Created   time.Time         `json:"created"`
	Changed   time.Time         `json:"changed"`
	Attempts  int               `json:"attempts"`
	Reply     string            `json:"reply,omitempty"`
	Rejected  map[string]string `json:"rejected,omitempty"`

	revision int64 // stored; 0: not yet
}

type address struct {
	Email  string             `json:"email"`
	Params map[string]*string `json:"params,omitempty"`
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

func decodeRecord(s Stored) (*record, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(s.Data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || r.V != 1 || r.ID != s.ID {
		return nil, fmt.Errorf("outbox record %s cannot be read: %w", s.ID, err)
	}
	r.revision = s.Revision
	return &r, nil
}

// finished says that nothing will happen to the submission any more.
func (r *record) finished() bool {
	return r.State == accepted || r.State == refused || r.State == uncertain
}

func (r *record) envelope() *jmap.Envelope {
	e := &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: r.From.Email, Parameters: r.From.Params}}
	for _, a := range r.To {
		e.RcptTo = append(e.RcptTo, jmap.EnvelopeAddress{Email: a.Email, Parameters: a.Params})
	}
	return e
}

func (r *record) setEnvelope(e *jmap.Envelope) {
	r.From = address{e.MailFrom.Email, e.MailFrom.Parameters}
	r.To = nil
	for _, a := range e.RcptTo {
		r.To = append(r.To, address{a.Email, a.Parameters})
	}
}

// submission is the record in JMAP's words (RFC 8621 section 7).
func (r *record) submission() *jmap.Submission {
	s := &jmap.Submission{
		ID: jmap.SubmissionID(r.ID), IdentityID: jmap.IdentityID(r.Identity), EmailID: jmap.EmailID(r.Email),
		ThreadID: jmap.ThreadID(r.Thread), Envelope: r.envelope(), SendAt: r.Created, UndoStatus: jmap.UndoFinal,
		DeliveryStatus: map[string]jmap.DeliveryStatus{},
	}
	if r.State == waiting {
		s.UndoStatus = jmap.UndoPending
	}
	for _, a := range r.To {
		s.DeliveryStatus[a.Email] = r.delivery(a.Email)
	}
	return s
}

func (r *record) delivery(to string) jmap.DeliveryStatus {
	d := jmap.DeliveryStatus{SMTPReply: r.Reply, Delivered: "unknown", Displayed: "unknown"}
	switch r.State {
	case waiting, attempting:
		d.Delivered, d.SMTPReply = "queued", ""
	case accepted:
		d.Delivered = "unknown"
		if reply, no := r.Rejected[to]; no {
			d = jmap.DeliveryStatus{SMTPReply: reply, Delivered: "no", Displayed: "unknown"}
		}
	case refused:
		d.Delivered = "no"
	case uncertain:
		d.SMTPReply = "uncertain: the connection broke while the mail was handed over"
	}
	return d
}
