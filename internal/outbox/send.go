package outbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// create checks a submission, makes it durable, and sends it. It returns with the
// outcome: what was refused or could not be sent is an error, and the mail is
// still in Drafts.
func (o *Outbox) create(ctx context.Context, c jmap.SubmissionCreate) (*jmap.Submission, error) {
	identity := o.identity(c.IdentityID)
	if identity == nil {
		return nil, invalid("identityId", "There is no such identity.")
	}
	r := &record{V: 1, ID: "s" + strings.ToLower(rand.Text()[:20]), Identity: string(c.IdentityID), Email: string(c.EmailID),
		State: waiting, Created: time.Now().UTC().Truncate(time.Second)}
	if err := o.fill(ctx, r, c, identity); err != nil {
		return nil, err
	}
	if err := o.claim(r); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	o.wg.Add(1) // claimed under Run, which waits
	go func() {
		defer o.wg.Done()
		// The attempt goes on when the asker leaves.
		done <- o.attempt(context.WithoutCancel(ctx), r)
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
	case <-time.After(createWait):
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return r.submission(), nil
}

func invalid(property, text string) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{property}, Description: text}
}

func (o *Outbox) identity(id jmap.IdentityID) *jmap.Identity {
	for _, i := range o.cfg.Identities() {
		if i.ID == id {
			return &i
		}
	}
	return nil
}

// fill reads the mail's head and makes the envelope.
func (o *Outbox) fill(ctx context.Context, r *record, c jmap.SubmissionCreate, identity *jmap.Identity) error {
	m, err := o.openMail(ctx, string(c.EmailID))
	if errors.Is(err, jmap.ErrNotFound) {
		return invalid("emailId", "There is no such mail.")
	}
	if err != nil {
		return away(err)
	}
	defer m.Body.Close()
	h, err := readHead(m.Body, newMessageID(identity.Email))
	if err != nil {
		return &jmap.SetError{Type: jmap.SetInvalidEmail, Description: "The header of the mail cannot be read."}
	}
	if from := addresses(h.fields, "From"); len(from) == 0 {
		return &jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"from"}, Description: "The mail has no sender."}
	}
	e := c.Envelope
	if e == nil {
		e = envelopeOf(h.fields)
	}
	r.Thread, r.MessageID = string(m.ThreadID), h.messageID
	r.setEnvelope(e)
	return o.check(e, h, identity)
}

// check refuses what cannot be sent before anything is stored.
func (o *Outbox) check(e *jmap.Envelope, h *head, identity *jmap.Identity) error {
	own := func(email string) bool {
		for _, i := range o.cfg.Identities() {
			if strings.EqualFold(i.Email, email) {
				return true
			}
		}
		return false
	}
	if !own(e.MailFrom.Email) {
		return &jmap.SetError{Type: jmap.SetForbiddenMailFrom, Description: "You cannot send with this envelope sender."}
	}
	for _, from := range addresses(h.fields, "From") {
		if !own(from) {
			return &jmap.SetError{Type: jmap.SetForbiddenFrom, Description: "You cannot send as " + from + "."}
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
	return nil
}

// plausible says whether a recipient can be said in SMTP at all; whether it
// exists is the server's to say.
func plausible(a string) bool {
	local, domain, ok := cutLast(a, "@")
	return ok && local != "" && domain != "" && len(a) <= 254 && !strings.ContainsAny(a, "\r\n\x00<> \t,;")
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func newMessageID(email string) string {
	_, domain, ok := cutLast(email, "@")
	if !ok {
		domain = "localhost"
	}
	return strings.ToLower(rand.Text()) + "@" + domain
}

// claim enters the record, unless the same mail is on its way already.
func (o *Outbox) claim(r *record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.records {
		if other.Email == r.Email && !other.finished() {
			return &jmap.SetError{Type: jmap.SetForbiddenToSend, Description: "This mail is being sent already."}
		}
	}
	if len(o.records) >= maxRecords {
		return &jmap.SetError{Type: jmap.SetRateLimit, Description: "Too many mails are on their way."}
	}
	o.records[r.ID] = r
	return nil
}

// release takes a record out that was never shown to anybody.
func (o *Outbox) release(r *record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.records, r.ID)
}

// attempt makes "attempting" durable, sends, and writes the outcome.
func (o *Outbox) attempt(ctx context.Context, r *record) error {
	if err := o.setState(ctx, r, attempting); err != nil {
		o.release(r)
		return away(err)
	}
	o.tell(r, created)
	result, err := o.try(ctx, r)
	o.mu.Lock()
	r.Reply, r.Rejected = result.Reply, result.Rejected
	o.mu.Unlock()
	var no *Refusal
	switch {
	case err == nil:
		o.settle(ctx, r, accepted)
		return nil
	case errors.Is(err, ErrUncertain):
		o.settle(ctx, r, uncertain)
		return &jmap.SetError{Type: jmap.SetForbiddenToSend, Description: "The connection broke while the mail was handed over. It may or may not have been sent: look for an answer or a copy before you send it again. It is still in Drafts."}
	case errors.As(err, &no):
		o.mu.Lock()
		r.Reply = no.Reply
		o.mu.Unlock()
		o.settle(ctx, r, refused)
		return refusal(no)
	default:
		o.mu.Lock()
		r.Reply = "not sent: the mail server could not be reached"
		o.mu.Unlock()
		o.settle(ctx, r, refused)
		return away(err)
	}
}

func away(error) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail server cannot be reached right now. Nothing was sent; the mail is still in Drafts. Please try again."}
}

func refusal(no *Refusal) *jmap.SetError {
	switch no.Kind {
	case BySender:
		return &jmap.SetError{Type: jmap.SetForbiddenMailFrom, Description: no.Reply}
	case ByRate:
		return &jmap.SetError{Type: jmap.SetRateLimit, Description: "You have written to too many recipients within an hour. The mail is still in Drafts."}
	}
	return &jmap.SetError{Type: jmap.SetForbiddenToSend, Description: "The mail server refused this mail: " + no.Reply}
}

// try calls the sender, again a little later as long as nothing was sent.
func (o *Outbox) try(ctx context.Context, r *record) (Result, error) {
	pause := firstPause
	for n := 1; ; n++ {
		result, err := o.sendOnce(ctx, r)
		if !errors.Is(err, ErrAway) || n == tries {
			return result, err
		}
		select {
		case <-time.After(pause):
		case <-o.ctx.Done():
			return result, err
		}
		pause *= 4
	}
}

func (o *Outbox) sendOnce(ctx context.Context, r *record) (Result, error) {
	m, err := o.openMail(ctx, r.Email)
	if err != nil {
		return Result{}, ErrAway
	}
	defer m.Body.Close()
	h, err := readHead(m.Body, r.MessageID)
	if err != nil {
		return Result{}, &Refusal{Reply: "the header of the mail cannot be read"}
	}
	r.Attempts++
	return o.cfg.Sender.Submit(ctx, r.envelope(), io.MultiReader(bytes.NewReader(h.out), h.rest), m.Size)
}

func (o *Outbox) setState(ctx context.Context, r *record, s state) error {
	o.mu.Lock()
	before := r.State
	r.State = s
	o.mu.Unlock()
	err := o.put(ctx, r)
	if err != nil {
		o.mu.Lock()
		r.State = before
		o.mu.Unlock()
	}
	return err
}

// settle writes an outcome. The outcome holds whether or not it can be written:
// if it cannot, the stored record stays "attempting" and the next process shows
// the mail as uncertain.
func (o *Outbox) settle(ctx context.Context, r *record, s state) {
	o.mu.Lock()
	r.State = s
	o.mu.Unlock()
	o.tell(r, updated)
	pause := firstPause
	for n := 1; ; n++ {
		err := o.put(ctx, r)
		if err == nil || errors.Is(err, ErrLocked) || errors.Is(err, ErrConflict) {
			return
		}
		if n == putTries {
			o.cfg.Log.Error("outcome of a submission not stored", "err", err)
			return
		}
		time.Sleep(pause)
		pause *= 2
	}
}

func (o *Outbox) tell(r *record, kind changeKind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(r.ID, kind)
}
