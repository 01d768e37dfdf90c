package cell

import (
	"context"
	"errors"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/push"
)

// vapidKey is announced where there is a courier to sign with it.
func (c *Cell) vapidKey() string {
	if c.courier == nil {
		return ""
	}
	return c.cfg.PushKey
}

// newHub makes the place of a person's PushSubscriptions. They are in memory alone,
// and end with the person's time here (decisions/0009).
func (c *Cell) newHub(p *person) *push.Hub {
	return push.New(push.Config{
		Accounts: func() []push.Account { // asked by requests, which wait until the account is there
			out := make([]push.Account, len(p.view.Accounts))
			for i, a := range p.view.Accounts {
				out[i] = a
			}
			return out
		},
		Send: func(ctx context.Context, session string, m push.Message) (push.Answer, error) {
			return c.post(ctx, p, session, m)
		},
		Log: c.log,
	})
}

// viewOf is what a request sees of the person: the subscriptions are those of its
// session.
func (p *person) viewOf(ctx context.Context) *jmapserver.Person {
	g, ok := ctx.Value(grantKey{}).(*grant)
	if p.push == nil || !ok {
		return p.view
	}
	view := *p.view
	view.Push = p.push.Session(g.session, !g.basic)
	return &view
}

// endPushes destroys the subscriptions of a session.
func (p *person) endPushes(session string) {
	if p.push != nil {
		p.push.End(session)
	}
}

// post hands one message to courier, in the name of the session that subscribed.
func (c *Cell) post(ctx context.Context, p *person, session string, m push.Message) (push.Answer, error) {
	capability, ok := c.people.capabilityOf(p, session)
	if !ok {
		return push.Answer{}, &push.Later{After: pushPause} // gate brings another with the next request
	}
	req := ipc.CourierPushRequest{Auth: ipc.Auth{Capability: capability}, URL: m.URL, Body: m.Body, TTL: int(m.TTL / time.Second), Urgency: m.Urgency}
	if m.Encrypted {
		req.Encoding = ipc.AES128GCM
	}
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	out, err := ipc.Call[ipc.CourierPushed](ctx, c.courier, ipc.CourierPush, req)
	var e *ipc.Error
	switch {
	case err == nil:
		return push.Answer{Status: out.Status, RetryAfter: time.Duration(out.RetryAfter) * time.Second}, nil
	case errors.As(err, &e) && e.Code == ipc.CodeThrottled:
		return push.Answer{}, &push.Later{After: max(e.RetryAfter, time.Second)}
	case errors.As(err, &e) && (e.Code == ipc.CodeUnknown || e.Code == ipc.CodeFenced || e.Code == ipc.CodeExpired):
		c.noteRefusal(p, capability, err)
		return push.Answer{}, &push.Later{After: pushPause}
	case ipc.CodeOf(err) == ipc.CodeUnavailable:
		// Courier itself is away, for a moment: that says nothing of the push service. It
		// may have been cut off after posting; a device that is told twice loses nothing.
		return push.Answer{}, &push.Later{After: courierPause}
	}
	return push.Answer{}, err
}

// capabilityOf is a session's own.
func (ps *people) capabilityOf(p *person, session string) ([]byte, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, g := range p.grants {
		if g.session == session {
			return g.capability, true
		}
	}
	return nil, false
}
