package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// create checks a submission, makes it durable, and sends it. It returns with the
// outcome: what was refused or could not be sent is an error, and the mail is
// still in Drafts.
func (o *Outbox) create(ctx context.Context, c jmap.SubmissionCreate) (*jmap.Submission, error) {
	mails, leave, ok := o.enter()
	if !ok {
		return nil, away()
	}
	defer leave()
	identity := o.identity(c.IdentityID)
	if identity == nil {
		return nil, invalid("identityId", "There is no such identity.")
	}
	release, err := releaseOf(c.Envelope, time.Now(), o.MaxDelay())
	if err != nil {
		return nil, err
	}
	r := &record{V: 1, ID: "s" + strings.ToLower(rand.Text()[:20]), Identity: string(c.IdentityID), Email: string(c.EmailID),
		State: waiting, Created: time.Now().UTC().Truncate(time.Second), busy: true}
	r.Changed = r.Created
	switch {
	case time.Until(release) > o.MaxHold(): // nothing here waits for so long: the server does
		r.Later = release
	case !release.IsZero():
		r.State, r.Release, r.called = held, release, make(chan struct{})
	}
	a := &attempt{o: o, r: r, mails: mails, outcome: make(chan error, 1)}
	if a.content, err = o.fill(ctx, a, c, identity); err != nil {
		return nil, err
	}
	if err := o.claim(ctx, r); err != nil {
		return nil, err
	}
	// The attempt goes on when the asker leaves, and Run waits for it: while this
	// function takes part in Run, so may another.
	o.wg.Go(func() { a.run(context.WithoutCancel(ctx)) })
	late := time.NewTimer(patience(ctx))
	defer late.Stop()
	select {
	case err := <-a.outcome:
		if err != nil {
			return nil, err
		}
	case <-late.C:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r.answered = true
	return r.submission(), nil
}

// patience is how long a create waits for its outcome. Its request may have spent
// time on other calls, and an asker that is cut off would not know that the mail
// is on its way.
func patience(ctx context.Context) time.Duration {
	wait := createWait
	if by, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(by)-answerTime)
	}
	return wait
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

// fill reads the mail and makes the envelope. It ends early when Run does.
func (o *Outbox) fill(ctx context.Context, a *attempt, c jmap.SubmissionCreate, identity *jmap.Identity) (content, error) {
	r := a.r
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.ctx, cancel)()
	m, err := a.mails.OpenMail(ctx, c.EmailID)
	if errors.Is(err, jmap.ErrNotFound) {
		return content{}, invalid("emailId", "There is no such mail.")
	}
	if err != nil {
		return content{}, away()
	}
	defer m.Body.Close()
	h, found, err := a.learn(ctx, m, newMessageID(identity.Email))
	switch {
	case errors.Is(err, errHeader):
		return found, &jmap.SetError{Type: jmap.SetInvalidEmail, Properties: []string{"headers"}, Description: "The header of the mail is too large."}
	case errors.Is(err, errTooLarge):
		return found, &jmap.SetError{Type: jmap.SetTooLarge, MaxSize: maxSize}
	case err != nil:
		return found, away()
	}
	e := c.Envelope
	if e == nil {
		if e, err = o.envelopeOf(h.fields, identity); err != nil {
			return found, err
		}
	}
	r.Thread, r.MessageID = string(m.ThreadID), h.messageID
	r.Home = m.Home
	r.setEnvelope(e)
	if most := o.Offer().MaxSize; most > 0 && found.size > most {
		return found, &jmap.SetError{Type: jmap.SetTooLarge, MaxSize: uint64(most)}
	}
	if err := o.check(e, h.fields); err != nil {
		return found, err
	}
	return found, conforms(h.fields)
}

func newMessageID(email string) string {
	domain := email[strings.LastIndexByte(email, '@')+1:]
	if domain == "" || !isASCII(domain) {
		domain = "localhost"
	}
	return strings.ToLower(rand.Text()) + "@" + domain
}

// claim enters the record, unless the same mail is on its way already or has just
// gone the same way.
func (o *Outbox) claim(ctx context.Context, r *record) error {
	o.mu.Lock()
	full := len(o.records) >= maxRecords
	o.mu.Unlock()
	if full {
		o.forgetOld(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.records {
		switch {
		case other.sameMail(r) && !other.finished():
			return &jmap.SetError{Type: jmap.SetForbiddenToSend, Description: "This mail is being sent already."}
		case other.State == accepted && time.Since(other.Changed) < resendGuard && r.repeats(other):
			return &jmap.SetError{Type: jmap.SetForbiddenToSend, Description: "This mail was sent to the same people at " +
				other.Created.Format("15:04 UTC") + " already. Copy it into a new mail to send it once more."}
		}
	}
	if len(o.records) >= maxRecords {
		return &jmap.SetError{Type: jmap.SetRateLimit, Description: "Too many mails are on their way."}
	}
	o.records[r.ID] = r
	o.note(r.ID, created)
	return nil
}

// drop takes a record out that was never stored.
func (o *Outbox) drop(r *record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.records, r.ID)
	o.note(r.ID, destroyed)
}

func away() *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail server cannot be reached right now. Nothing was sent; the mail is still in Drafts. Please try again."}
}
