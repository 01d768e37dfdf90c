package outbox

import (
	"context"
	"errors"
	"io"
	"time"

	"cofferdam/internal/jmap"
)

// putBack moves a mail that was not sent, or perhaps not, to where it was before
// the asker was told that it is on its way: clients move it to Sent then (RFC 8621
// section 7.5, onSuccessUpdateEmail), and there it would look sent. The record says
// that it is to be done until it is done.
func (a *attempt) putBack(ctx context.Context) {
	o, r := a.o, a.r
	a.pause(time.Until(r.Created.Add(settleTime)))
	pause := firstPause
	for n := 1; ; n++ {
		err := a.mails.PutBack(ctx, jmap.EmailID(r.Email), r.Home, a.openCopy())
		if err == nil || errors.Is(err, ErrNoPlace) {
			break
		}
		if n == backTries || !a.pause(pause) {
			o.cfg.Log.Warn("mail that was not sent not put back", "err", err)
			return
		}
		pause *= 2
	}
	o.change(r, func() {
		r.Back, r.Copy = false, nil
		o.note(r.ID, updated)
	})
	if err := o.store(ctx, r); err != nil {
		o.cfg.Log.Warn("submission not stored", "err", err) // it is put back once more
	}
}

// pause waits, and says false when Run ends first.
func (a *attempt) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.o.ctx.Done():
		return false
	}
}

// openCopy opens the copy of the mail; nil: there is none.
func (a *attempt) openCopy() func(context.Context) (io.ReadCloser, error) {
	if a.copied == nil && (a.r.Copy == nil || a.o.cfg.Stash == nil) {
		return nil
	}
	return a.openCopied
}
