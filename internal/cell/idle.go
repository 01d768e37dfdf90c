package cell

import (
	"context"
	"time"
)

// forgetIdle lets people go of whom nothing was heard for a while, with their index
// saved: they cost no memory and no connection to the mail server. Their session
// lives on, and its next request brings them back. It returns when ctx ends.
func (c *Cell) forgetIdle(ctx context.Context) {
	tick := time.NewTicker(c.cfg.Forget / idleChecks)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, p := range c.people.idle(time.Now().Add(-c.cfg.Forget)) {
			c.forget(ctx, p)
		}
	}
}

// forget saves what is worth it and lets a person go, unless they are back
// meanwhile.
func (c *Cell) forget(ctx context.Context, p *person) {
	heard := c.people.heard(p)
	if err := p.index.save(ctx, p.account); err != nil {
		c.log.Info("index not saved", "uid", p.uid.String(), "err", err)
	}
	c.people.dismissIf(p, func() bool { return p.busy == 0 && p.heard.Equal(heard) && !p.wanted() })
}

// idle are the people of whom nothing was heard since a time, and for whom nothing
// is under way.
func (ps *people) idle(since time.Time) []*person {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var out []*person
	for _, p := range ps.byRoom {
		select {
		case <-p.opened:
			if p.err == nil && p.busy == 0 && p.heard.Before(since) && !p.wanted() {
				out = append(out, p)
			}
		default:
		}
	}
	return out
}

// wanted says whether something is to happen for a person who is away: a mail to be
// sent, a device to be told.
func (p *person) wanted() bool { return p.push != nil && p.push.Any() || p.account.Sending() }

func (ps *people) heard(p *person) time.Time {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return p.heard
}

// dismissIf dismisses a person if that is right at the moment.
func (ps *people) dismissIf(p *person, right func() bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if right() {
		ps.dismiss(p)
	}
}

// here are the people whose account is open.
func (ps *people) here() []*person {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var out []*person
	for _, p := range ps.byRoom {
		select {
		case <-p.opened:
			if p.err == nil && !p.gone {
				out = append(out, p)
			}
		default:
		}
	}
	return out
}
