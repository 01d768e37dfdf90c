package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// state of a submission.
type state string

const (
	held       state = "held" // until Release; may be canceled
	canceled   state = "canceled"
	waiting    state = "waiting"
	attempting state = "attempting"
	accepted   state = "accepted"
	refused    state = "refused"
	uncertain  state = "uncertain"
)

// What a delivery status says for us, in the form that RFC 8621 section 7 wants
// of a reply that no server gave: code, enhanced status (RFC 3463), text.
const (
	replyAway        = "451 4.4.1 Not sent: the mail server could not be reached. The mail is in Drafts."
	replyHeld        = "451 4.3.2 Not sent: you signed out, or the program was interrupted, before its time came."
	replyDeleted     = "550 5.6.0 Not sent: the mail was deleted before it was handed over."
	replyInterrupted = "451 4.3.2 Not sent: the program was interrupted before the mail was handed over. The mail is in Drafts."
	replyUncertain   = "451 4.4.2 Uncertain: the connection broke while the mail was handed over. It may or may not have been sent."
)

// record is what is stored of a submission. Version 2 has what is marked so; a
// record without any of it is written as version 1.
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
	Taken     map[string]string `json:"taken,omitempty"`  // 2: by recipient, the reply to RCPT TO
	Release   time.Time         `json:"release,omitzero"` // 2: not to be sent before
	Later     time.Time         `json:"later,omitzero"`   // 2: until when the server holds it, which nobody can cancel
	Home      Home              `json:"home,omitzero"`    // 2: where the mail was when it was held
	Back      bool              `json:"back,omitempty"`   // 2: it was not sent, and is to be put back there
	Copy      []byte            `json:"copy,omitempty"`   // 2: names a copy of the mail in Stash

	// 2: what reports said, by recipient, and the blobs of the reports.
	Fates map[string]reportedFate `json:"fates,omitempty"`
	DSN   []string                `json:"dsn,omitempty"`
	MDN   []string                `json:"mdn,omitempty"`

	revision int64         // stored; 0: not yet
	doubt    bool          // the last write failed, and may have been carried out
	busy     bool          // an attempt writes it
	begun    bool          // its time has come: it cannot be canceled any more
	called   chan struct{} // closed when it was canceled
	answered bool          // the asker was told that it is on its way
}

type address struct {
	Email  string             `json:"email"`
	Params map[string]*string `json:"params,omitempty"`
}

func (r *record) encode() ([]byte, error) {
	if r.V = 1; r.State == canceled || r.Taken != nil || !r.Release.IsZero() || !r.Later.IsZero() || r.Copy != nil || r.Home.Mailboxes != nil || r.Fates != nil {
		r.V = 2
	}
	return json.Marshal(r)
}

func decodeRecord(s Stored) (*record, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(s.Data))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("data behind the record")
		}
	}
	if err == nil {
		err = r.validate(s.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("reading outbox record %s: %w", s.ID, err)
	}
	r.revision = s.Revision
	return &r, nil
}

func (r *record) validate(id string) error {
	switch {
	case r.V != 1 && r.V != 2:
		return fmt.Errorf("version %d", r.V)
	case r.ID != id:
		return errors.New("it is stored under another id")
	case !slices.Contains([]state{held, canceled, waiting, attempting, accepted, refused, uncertain}, r.State):
		return errors.New("no such state")
	case !jmap.ValidID(r.ID) || !jmap.ValidID(r.Identity) || !jmap.ValidID(r.Email) || !jmap.ValidID(r.Thread):
		return errors.New("an id is missing or malformed")
	case r.From.Email == "" || len(r.To) == 0 || len(r.To) > maxRecipients:
		return errors.New("no sender, or not 1 to 1000 recipients")
	case r.Created.IsZero() || r.Changed.IsZero() || r.Attempts < 0:
		return errors.New("a time or a number is missing")
	}
	return nil
}

// attemptName names the attempt that is under way, or was the last. It is stored with
// "attempting", so that the process after knows which one it has to ask about: what
// became of an earlier one says nothing of it.
func (r *record) attemptName() string { return r.ID + "." + strconv.Itoa(r.Attempts) }

// finished says that nothing will happen to the submission any more.
func (r *record) finished() bool {
	return r.State == accepted || r.State == refused || r.State == uncertain || r.State == canceled
}

// resumable says that a process which finds the record may still send the mail:
// it was held, nothing of it has been handed over, and its time is not long gone.
func (r *record) resumable(now time.Time) bool {
	return (r.State == held || r.State == waiting) && !r.Release.IsZero() && now.Sub(r.Release) < resumeFor
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

// repeats says that r is the same mail from the same sender to the same people.
func (r *record) repeats(other *record) bool {
	return r.sameMail(other) && strings.EqualFold(r.From.Email, other.From.Email) && maps.Equal(r.people(), other.people())
}

// sameMail also knows a copy: a client that lost an answer stores its draft anew,
// with the same Message-ID, before it sends it again.
func (r *record) sameMail(other *record) bool {
	return r.Email == other.Email || r.MessageID != "" && r.MessageID == other.MessageID
}

func (r *record) people() map[string]bool {
	out := map[string]bool{}
	for _, a := range r.To {
		out[strings.ToLower(a.Email)] = true
	}
	return out
}

// submission is the record in JMAP's words (RFC 8621 section 7). It can be taken
// back while it is held.
func (r *record) submission() *jmap.Submission {
	undo, sendAt := jmap.UndoFinal, r.Created
	switch {
	case r.State == held && !r.begun:
		undo = jmap.UndoPending
	case r.State == canceled:
		undo = jmap.UndoCanceled
	}
	if !r.Release.IsZero() {
		sendAt = r.Release
	}
	if !r.Later.IsZero() {
		sendAt = r.Later
	}
	s := &jmap.Submission{
		ID: jmap.SubmissionID(r.ID), IdentityID: jmap.IdentityID(r.Identity), EmailID: jmap.EmailID(r.Email),
		ThreadID: jmap.ThreadID(r.Thread), Envelope: r.envelope(), SendAt: sendAt, UndoStatus: undo,
		DeliveryStatus: map[string]jmap.DeliveryStatus{},
	}
	for _, a := range r.To {
		d := r.delivery(a.Email)
		r.Fates[a.Email].onto(&d)
		s.DeliveryStatus[a.Email] = d
	}
	for _, id := range r.DSN {
		s.DSNBlobIDs = append(s.DSNBlobIDs, jmap.BlobID(id))
	}
	for _, id := range r.MDN {
		s.MDNBlobIDs = append(s.MDNBlobIDs, jmap.BlobID(id))
	}
	return s
}

func (r *record) delivery(to string) jmap.DeliveryStatus {
	d := jmap.DeliveryStatus{SMTPReply: r.Reply, Delivered: "unknown", Displayed: "unknown"}
	switch r.State {
	case held, waiting, attempting:
		d.Delivered, d.SMTPReply = "queued", ""
	case canceled:
		d.Delivered, d.SMTPReply = "no", ""
	case accepted:
		if reply, yes := r.Taken[to]; yes {
			d.SMTPReply = reply
		}
		if reply, no := r.Rejected[to]; no {
			d.Delivered, d.SMTPReply = "no", reply
		}
	case refused:
		d.Delivered = "no"
		if reply, own := r.Rejected[to]; own {
			d.SMTPReply = reply
		}
	case uncertain:
		d.SMTPReply = replyUncertain
	}
	return d
}
