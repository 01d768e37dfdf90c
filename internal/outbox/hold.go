package outbox

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// MaxHold is how long a submission may be held before it is sent. Where records live
// in memory alone it is 0: the asker would be told that a mail is on its way which
// nobody sends, or puts back, when the session ends before its time.
func (o *Outbox) MaxHold() time.Duration {
	switch h := o.cfg.Hold; {
	case o.memory || h < 0:
		return 0
	case h == 0:
		return maxHold
	default:
		return min(h, maxHold)
	}
}

// releaseOf is when a submission is to be sent: RFC 8621 section 7 has clients ask
// for it as RFC 4865 does, by HOLDFOR in seconds or HOLDUNTIL as a date. Zero: at
// once.
func releaseOf(e *jmap.Envelope, now time.Time, most time.Duration) (time.Time, error) {
	if e == nil {
		return time.Time{}, nil
	}
	var at time.Time
	asked := 0
	for name, value := range e.MailFrom.Parameters {
		var err error
		switch {
		case strings.EqualFold(name, "HOLDFOR"):
			at, err = holdFor(value, now)
		case strings.EqualFold(name, "HOLDUNTIL"):
			at, err = holdUntil(value)
		default:
			continue
		}
		if asked++; err != nil || asked > 1 {
			return time.Time{}, invalid("envelope", "HOLDFOR is a number of seconds, HOLDUNTIL a date; only one of them can be given.")
		}
	}
	switch {
	case asked == 0 || !at.After(now):
		return time.Time{}, nil
	case at.Sub(now) > most:
		return time.Time{}, invalid("envelope", "A mail can be held back for "+strconv.Itoa(int(most/time.Second))+" seconds at most.")
	}
	return at.UTC().Truncate(time.Millisecond), nil
}

var errHold = errors.New("not a time to hold a mail until")

// holdFor reads RFC 4865's future-release-interval: 1 to 9 digits.
func holdFor(value *string, now time.Time) (time.Time, error) {
	if value == nil || len(*value) > 9 {
		return time.Time{}, errHold
	}
	n, err := strconv.ParseUint(*value, 10, 32)
	return now.Add(time.Duration(n) * time.Second), err
}

func holdUntil(value *string) (time.Time, error) {
	if value == nil {
		return time.Time{}, errHold
	}
	return time.Parse(time.RFC3339, *value)
}

// hold waits until the submission is due. False: it was canceled, or Run ended;
// then its record is left as it is, for the next process.
func (a *attempt) hold() bool {
	o, r := a.o, a.r
	due := time.NewTimer(time.Until(r.Release))
	defer due.Stop()
	for {
		select {
		case <-due.C:
		case <-r.called:
			o.release(r)
			return false
		case <-o.ctx.Done():
			return false
		}
		o.mu.Lock()
		if r.begun = r.begun || r.State == held; r.begun {
			o.note(r.ID, updated)
		}
		o.mu.Unlock()
		if r.begun {
			return true
		}
		due.Reset(cancelPause) // it is being canceled, which may fail
	}
}

// cancel takes a held submission back (RFC 8621 section 7.5). It is canceled when
// that is durable: a process that finds it held would send it.
func (o *Outbox) cancel(ctx context.Context, id jmap.SubmissionID) *jmap.SetError {
	o.mu.Lock()
	r := o.records[string(id)]
	switch {
	case r == nil:
		o.mu.Unlock()
		return &jmap.SetError{Type: jmap.SetNotFound}
	case r.State == canceled:
		o.mu.Unlock()
		return nil
	case r.State != held || r.begun:
		o.mu.Unlock()
		return &jmap.SetError{Type: jmap.SetCannotUnsend, Description: "The mail has been handed over already."}
	}
	r.State = canceled // nobody sends it from here on
	o.mu.Unlock()
	if err := o.store(ctx, r); err != nil {
		o.cfg.Log.Warn("canceled submission not stored", "err", err)
		o.change(r, func() { r.State = held })
		return &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail could not be taken back; it is being sent."}
	}
	o.change(r, func() { o.note(r.ID, updated) })
	close(r.called)
	return nil
}

// takeUp goes on with what a process before left: held submissions, and mails that
// are to be put back. It needs mu.
func (o *Outbox) takeUp(ctx context.Context, mails Mails) {
	ctx = context.WithoutCancel(ctx)
	var open []*attempt
	for _, r := range o.records {
		a := &attempt{o: o, r: r, mails: mails, outcome: make(chan error, 1)}
		switch {
		case r.State == held:
			o.wg.Go(func() {
				if a.hold() {
					a.send(ctx)
				}
			})
		case r.State == attempting:
			open = append(open, a)
		case r.Back:
			r.busy = true
			o.wg.Go(func() {
				a.putBack(ctx)
				o.release(r)
			})
		}
	}
	if len(open) > 0 {
		o.wg.Go(func() { o.learn(ctx, open) })
	}
}
