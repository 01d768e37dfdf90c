package outbox

import (
	"bytes"
	"context"
	"errors"
	"time"

	"cofferdam/internal/jmap"
)

// Notice sends a notice from the null sender (RFC 3798, section 3): a mail that is
// in no mailbox, of which nobody is told what became of it. It is no submission:
// nothing of it is stored. Its errors are ErrAway (nothing was sent), ErrUncertain
// and *Refusal.
func (o *Outbox) Notice(ctx context.Context, to []string, mail []byte) error {
	_, leave, ok := o.enter()
	if !ok {
		return ErrAway
	}
	defer leave()
	// An attempt under way goes on when the asker leaves: cutting it off could leave
	// open whether it was sent.
	ctx = context.WithoutCancel(ctx)
	env := &jmap.Envelope{}
	for _, a := range to {
		env.RcptTo = append(env.RcptTo, jmap.EnvelopeAddress{Email: a})
	}
	var c content
	if err := c.read(newWire(bytes.NewReader(mail))); err != nil {
		return &Refusal{Reply: "552 5.3.4 The notice is too large."}
	}
	pause := firstPause
	for n := 1; ; n++ {
		err := o.noticeOnce(ctx, c.addressed(env, time.Time{}), mail, c.size)
		if !errors.Is(err, ErrAway) || n == tries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-o.ctx.Done():
			return err
		}
		pause *= 4
	}
}

func (o *Outbox) noticeOnce(ctx context.Context, e *jmap.Envelope, mail []byte, size int64) error {
	body := &handover{in: newWire(bytes.NewReader(mail)), before: func() error { return nil }}
	_, err := o.cfg.Sender.Submit(ctx, "", e, body, size)
	if ended := body.finish(); err != nil {
		return meaning(err, ended)
	}
	return nil
}
