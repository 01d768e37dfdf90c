package outbox

import (
	"context"
	"time"
)

// Offer is what the submission server can do for a client.
type Offer struct {
	MaxSize    int64               // bytes of a mail; 0: it does not say
	MaxHold    time.Duration       // for which the server itself holds a mail; 0: it does not
	Extensions map[string][]string // EHLO keywords with their arguments; it is not changed
}

// AskOffer learns what the submission server can. Until it has succeeded it is
// Config.Offered.
func (o *Outbox) AskOffer(ctx context.Context) error {
	if o.cfg.Offer == nil {
		return nil
	}
	next, err := o.cfg.Offer(ctx)
	if err == nil {
		o.offer.Store(&next)
	}
	return err
}

// Offer is what is known of the submission server.
func (o *Outbox) Offer() Offer {
	if p := o.offer.Load(); p != nil {
		return *p
	}
	return o.cfg.Offered
}

// MaxDelay is the longest time for which a mail can be held back: here, or by the
// server (RFC 8621, section 1.3.2, maxDelayedSend).
func (o *Outbox) MaxDelay() time.Duration { return max(o.MaxHold(), o.Offer().MaxHold) }
