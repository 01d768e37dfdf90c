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
	copied  []byte     // the whole mail, if it is small
	torn    bool       // the copy, or the mail, broke off when it was read last
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
	if a.held() {
		a.outcome <- nil
		if !a.hold() {
			return
		}
	}
	a.send(ctx)
}

// held says that the mail is not sent at once, so that nobody waits for it.
func (a *attempt) held() bool { return !a.r.Release.IsZero() }

// send sends what is due, and writes the outcome.
func (a *attempt) send(ctx context.Context) {
	result, err := a.try(ctx)
	a.conclude(ctx, result, err)
}

// conclude writes the outcome of an attempt.
func (a *attempt) conclude(ctx context.Context, result Result, err error) {
	if a.held() && errors.Is(err, ErrAway) && a.o.ctx.Err() != nil {
		return // the next process takes it up, or finds that its time is long gone
	}
	no, isRefusal := errors.AsType[*Refusal](err)
	switch {
	case err == nil:
		a.settle(ctx, accepted, result, nil)
	case isRefusal:
		a.settle(ctx, refused, Result{Reply: no.reply(), Rejected: no.Rejected}, refusal(no))
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
	pause, most := firstPause, tries
	if a.held() {
		most = heldTries
	}
	for n := 1; ; n++ {
		result, err := a.once(ctx)
		if !errors.Is(err, ErrAway) || n == most {
			return result, err
		}
		select {
		case <-time.After(pause):
		case <-a.o.ctx.Done():
			return result, err
		}
		pause = min(4*pause, longestPause)
	}
}

// once makes one attempt. Its errors are ErrAway, ErrUncertain and *Refusal.
func (a *attempt) once(ctx context.Context) (Result, error) {
	if err := a.toState(ctx, waiting); err != nil {
		return Result{}, ErrAway
	}
	mail, err := a.open(ctx)
	switch {
	case errors.Is(err, jmap.ErrNotFound):
		return Result{}, &Refusal{Reply: replyDeleted}
	case err != nil:
		return Result{}, ErrAway
	}
	defer mail.Close()
	h, err := readHead(mail, a.r.MessageID)
	if err != nil {
		a.torn = !a.torn
		return Result{}, ErrAway
	}
	if err := a.measure(ctx); err != nil {
		return Result{}, ErrAway
	}
	a.o.change(a.r, func() { a.r.Attempts++ })
	body := &handover{in: io.MultiReader(bytes.NewReader(h.out), h.rest)}
	body.before = func() error {
		if a.content.foretold && a.content.wrong(body.gave) {
			a.content = content{} // the next attempt reads the mail first
			return errForetold
		}
		return a.toState(ctx, attempting)
	}
	result, err := a.o.cfg.Sender.Submit(ctx, a.r.attemptName(), a.content.addressed(a.r.envelope(), a.r.Later), body, a.content.size)
	ended := body.finish()
	if body.broke {
		a.torn = !a.torn
	}
	if err != nil {
		return Result{}, meaning(err, ended)
	}
	return result, nil
}

// measure learns what must be known of a mail before it is sent, if a process
// before took it.
func (a *attempt) measure(ctx context.Context) error {
	if a.content.size > 0 {
		return nil
	}
	mail, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer mail.Close()
	_, a.content, err = scan(mail, a.r.MessageID)
	return err
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
	back := false
	o.change(r, func() {
		r.State, r.Reply, r.Rejected, r.Taken = s, result.Reply, result.Rejected, result.Taken
		back = s != accepted && (r.answered || a.held())
		if r.Back = back; !back {
			r.Copy = nil
		}
		o.note(r.ID, updated)
	})
	err := o.store(ctx, r)
	if err == nil && !back {
		o.release(r)
	}
	if !a.held() {
		a.outcome <- answer // else the asker knows already that it is on its way
	}
	if err == nil && !back {
		return
	}
	if err != nil {
		err = a.insist(ctx, err)
	}
	if err == nil && back {
		a.putBack(ctx)
	}
	o.release(r)
}

// insist repeats the write of an outcome that failed with err.
func (a *attempt) insist(ctx context.Context, err error) error {
	pause := firstPause
	for n := 1; err != nil; n++ {
		if n == putTries || errors.Is(err, ErrLocked) || errors.Is(err, ErrConflict) {
			a.o.cfg.Log.Error("outcome of a submission not stored", "err", err)
			return err
		}
		time.Sleep(pause)
		pause *= 2
		err = a.o.store(ctx, a.r)
	}
	return nil
}
