package push

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/seal"
)

// run is a subscription's life. When it returns by itself, the subscription is
// destroyed.
func (h *Hub) run(ctx context.Context, s *subscription) {
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(s)
	}()
	if err := h.verify(ctx, s); err != nil {
		if ctx.Err() == nil {
			h.cfg.Log.Info("push subscription given up: its verification was not taken", "err", err)
		}
		return
	}
	select {
	case <-s.returned:
	case <-ctx.Done():
		return
	}
	if h.tell(ctx, s) != nil && ctx.Err() == nil {
		h.cfg.Log.Info("push subscription given up: its push service does not take it any more")
	}
}

// verify pushes the PushVerification, once: until the code is returned there is no
// further request (RFC 8620, section 7.2). One that was not sent waits.
func (h *Hub) verify(ctx context.Context, s *subscription) error {
	for {
		answer, err := h.send(ctx, s, jmap.AppendPushVerification(nil, s.id, s.code), "high")
		var later *Later
		switch {
		case errors.As(err, &later):
			if !sleep(ctx, later.After) {
				return ctx.Err()
			}
		case err == nil && answer.Status/100 == 2 || h.isVerified(s):
			return nil
		case err != nil:
			return err
		default:
			return errGone
		}
	}
}

// isVerified says whether the client has returned the code, perhaps before the push
// service has answered.
func (h *Hub) isVerified(s *subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.verified
}

// tell pushes what changes until the subscription ends.
func (h *Hub) tell(ctx context.Context, s *subscription) error {
	var p pace
	for fails := 0; ; {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !sleep(ctx, max(settleTime, p.wait(time.Now()))) {
			return ctx.Err()
		}
		body, news := h.news(s)
		if body == nil {
			continue
		}
		answer, err := h.send(ctx, s, body, urgency(news))
		var later *Later
		switch {
		case errors.As(err, &later):
			p.slowed(time.Now(), later.After)
		case err != nil || answer.Status == http.StatusTooManyRequests || answer.Status >= 500:
			p.slowed(time.Now(), answer.RetryAfter)
		case answer.Status == http.StatusNotFound || answer.Status == http.StatusGone:
			return errGone
		case answer.Status/100 != 2:
			if fails++; fails >= maxFails {
				return errGone
			}
			p.slowed(time.Now(), answer.RetryAfter)
		default:
			fails = 0
			p.sent(time.Now())
			h.note(s, news)
		}
		s.signal() // what changed meanwhile, or was not taken
	}
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// send encrypts and posts one object.
func (h *Hub) send(ctx context.Context, s *subscription, body []byte, urgency string) (Answer, error) {
	m := Message{Body: body, TTL: messageLife, Urgency: urgency}
	h.mu.Lock()
	err := ctx.Err() // a subscription that ended was wiped under mu
	if err == nil {
		m.URL = string(s.url.Reveal())
		if s.keys != nil {
			m.Encrypted = true
			m.Body, err = s.keys.Encrypt(body)
		}
	}
	h.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	return h.cfg.Send(ctx, s.session, m)
}

// urgency is what a device is woken up for (RFC 8030, section 5.3): mail that came,
// and not that something was read elsewhere.
func urgency(news map[jmap.AccountID]jmap.TypeStates) string {
	for _, states := range news {
		if _, mail := states[jmap.TypeEmailDelivery]; mail {
			return "normal"
		}
	}
	return "low"
}

// news is a StateChange of what the subscription was not told, nil for nothing. What
// does not fit into a message is left for the next.
func (h *Hub) news(s *subscription) ([]byte, map[jmap.AccountID]jmap.TypeStates) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body []byte
	out := map[jmap.AccountID]jmap.TypeStates{}
	for _, id := range slices.Sorted(maps.Keys(h.states)) {
		changed := jmap.TypeStates{}
		for t, state := range h.states[id] {
			if s.told[id] != nil && s.told[id][t] != state && (s.types == nil || slices.Contains(s.types, t)) {
				changed[t] = state
			}
		}
		if len(changed) == 0 {
			continue
		}
		out[id] = changed
		next := jmap.AppendStateChange(nil, out)
		if len(next) > seal.MaxPush && body != nil {
			delete(out, id)
			break
		}
		body = next
	}
	return body, out
}

// note remembers what was told.
func (h *Hub) note(s *subscription, news map[jmap.AccountID]jmap.TypeStates) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, states := range news {
		told := maps.Clone(s.told[id])
		maps.Copy(told, states)
		s.told[id] = told
	}
}

// watch follows the accounts while there is somebody to tell, and only then: it keeps
// a connection to the mail platform busy. It needs mu.
func (h *Hub) watch() {
	wanted := !h.closed && slices.ContainsFunc(h.subs, func(s *subscription) bool { return s.verified })
	switch {
	case wanted && h.watching == nil:
		ctx, cancel := context.WithCancel(h.ctx)
		h.watching = cancel
		h.states = map[jmap.AccountID]jmap.TypeStates{}
		for _, a := range h.cfg.Accounts() {
			h.wg.Go(func() { h.follow(ctx, a) })
		}
	case !wanted && h.watching != nil:
		h.watching()
		h.watching, h.states = nil, nil
	}
}

// follow takes in the states of an account until ctx ends.
func (h *Hub) follow(ctx context.Context, a Account) {
	id := a.Info().ID
	var have jmap.TypeStates
	for {
		now, err := a.WaitChange(ctx, have)
		if err == nil {
			have = maps.Clone(now)
			h.learn(ctx, id, maps.Clone(now))
		}
		pause := settleTime
		if err != nil {
			pause = watchPause
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// learn takes in states and wakes who is to be told. What a new subscription has is
// what is there when it comes.
func (h *Hub) learn(ctx context.Context, id jmap.AccountID, states jmap.TypeStates) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	h.states[id] = states
	for _, s := range h.subs {
		if !s.verified {
			continue
		}
		if s.told == nil {
			s.told = map[jmap.AccountID]jmap.TypeStates{}
		}
		if s.told[id] == nil {
			s.told[id] = states
		}
		s.signal()
	}
}

// sleep returns false if ctx ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
