package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"cofferdam/internal/jmap"
)

// attempt is one create's way to an outcome. It alone writes its record.
type attempt struct {
	o       *Outbox
	r       *record
	mails   Mails
	content content
	outcome chan error // gets one value: what the asker is told
}

// run makes the record durable, sends, and writes the outcome.
func (a *attempt) run(ctx context.Context) {
	if err := a.o.store(ctx, a.r); err != nil {
		a.o.cfg.Log.Warn("submission not stored", "err", err)
		a.o.drop(a.r)
		a.outcome <- away()
		return
	}
	result, err := a.try(ctx)
	no, isRefusal := errors.AsType[*Refusal](err)
	switch {
	case err == nil:
		a.settle(ctx, accepted, result, nil)
	case isRefusal:
		a.settle(ctx, refused, Result{Reply: no.Reply}, refusal(no))
	case errors.Is(err, ErrAway):
		a.settle(ctx, refused, Result{Reply: replyAway}, away())
	default:
		a.settle(ctx, uncertain, Result{Reply: replyUncertain}, &jmap.SetError{Type: jmap.SetForbiddenToSend,
			Description: "The connection broke while the mail was handed over. It may or may not have been sent: look for an answer or a copy before you send it again. It is still in Drafts."})
	}
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
func (a *attempt) try(ctx context.Context) (Result, error) {
	pause := firstPause
	for n := 1; ; n++ {
		result, err := a.once(ctx)
		if !errors.Is(err, ErrAway) || n == tries {
			return result, err
		}
		select {
		case <-time.After(pause):
		case <-a.o.ctx.Done():
			return result, err
		}
		pause *= 4
	}
}

// once makes one attempt. Its errors are ErrAway, ErrUncertain and *Refusal.
func (a *attempt) once(ctx context.Context) (Result, error) {
	if err := a.toState(ctx, waiting); err != nil {
		return Result{}, ErrAway
	}
	m, err := a.mails.OpenMail(ctx, jmap.EmailID(a.r.Email))
	switch {
	case errors.Is(err, jmap.ErrNotFound):
		return Result{}, &Refusal{Reply: "the mail was deleted before it was sent"}
	case err != nil:
		return Result{}, ErrAway
	}
	defer m.Body.Close()
	h, err := readHead(m.Body, a.r.MessageID)
	if err != nil {
		return Result{}, ErrAway
	}
	a.o.change(a.r, func() { a.r.Attempts++ })
	body := &handover{in: io.MultiReader(bytes.NewReader(h.out), h.rest), before: func() error { return a.toState(ctx, attempting) }}
	result, err := a.o.cfg.Sender.Submit(ctx, a.content.addressed(a.r.envelope()), body, a.content.size)
	if ended := body.finish(); err != nil {
		return Result{}, meaning(err, ended)
	}
	return result, nil
}

// meaning is what a sender's error says, given whether it saw the mail's end.
func meaning(err error, ended bool) error {
	if no, ok := errors.AsType[*Refusal](err); ok {
		return no
	}
	if !ended || errors.Is(err, ErrAway) {
		return ErrAway
	}
	return ErrUncertain
}

// toState makes waiting or attempting durable. If it cannot, the record may be at
// either; it counts as attempting, so that the next attempt stores waiting anew.
func (a *attempt) toState(ctx context.Context, s state) error {
	before := s
	a.o.change(a.r, func() { before, a.r.State = a.r.State, s })
	if before == s {
		return nil
	}
	err := a.o.store(ctx, a.r)
	if err != nil {
		a.o.change(a.r, func() { a.r.State = attempting })
	}
	return err
}

// settle writes an outcome, and tells the asker when it is written or could not
// be at first. The outcome holds either way: if it is never written, the stored
// record stays "attempting" and the next process shows the mail as uncertain.
func (a *attempt) settle(ctx context.Context, s state, result Result, answer error) {
	o, r := a.o, a.r
	o.change(r, func() {
		r.State, r.Reply, r.Rejected = s, result.Reply, result.Rejected
		o.note(r.ID, updated)
	})
	err := o.store(ctx, r)
	if err == nil {
		o.release(r)
	}
	a.outcome <- answer
	if err != nil {
		a.insist(ctx, err)
		o.release(r)
	}
}

// insist repeats the write of an outcome that failed with err.
func (a *attempt) insist(ctx context.Context, err error) {
	pause := firstPause
	for n := 1; err != nil; n++ {
		if n == putTries || errors.Is(err, ErrLocked) || errors.Is(err, ErrConflict) {
			a.o.cfg.Log.Error("outcome of a submission not stored", "err", err)
			return
		}
		time.Sleep(pause)
		pause *= 2
		err = a.o.store(ctx, a.r)
	}
}
