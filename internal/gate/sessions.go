package gate

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"cofferdam/internal/ipc"
)

// sessions remembers grants for a minute, so that a request costs no call to
// keeper, and ends streams when keeper says that a session is over.
type sessions struct {
	open func(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, error)

	mu    sync.Mutex // guards byKey, byID and the entries' fields
	byKey map[[32]byte]*session
	byID  map[string]*session
	known chan struct{} // closed and replaced when a session becomes known
}

// session is one live session as gate sees it.
type session struct {
	key    [32]byte // SHA-256(sid | skey)
	id     string   // SHA-256(sid)
	grant  ipc.Grant
	fresh  time.Time // when to ask keeper again
	ctx    context.Context
	cancel context.CancelFunc
	asking chan struct{} // not nil while a call to keeper runs
}

func newSessions(open func(context.Context, ipc.SessionKey, string, []byte) (ipc.Grant, error)) *sessions {
	return &sessions{open: open, byKey: map[[32]byte]*session{}, byID: map[string]*session{}, known: make(chan struct{})}
}

func keyHash(k ipc.SessionKey) [32]byte {
	h := sha256.New()
	h.Write(k.SID)
	h.Write(k.SKey)
	return [32]byte(h.Sum(nil))
}

// get is the grant for a session key, from memory or from keeper. With stale,
// the remembered grant is not good if it still has that capability. The context
// ends with the session.
func (s *sessions) get(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, context.Context, error) {
	for {
		s.mu.Lock()
		e := s.byKey[keyHash(k)]
		if e != nil && e.asking == nil && time.Now().Before(e.fresh) && string(e.grant.Capability) != string(stale) {
			defer s.mu.Unlock()
			return e.grant, e.ctx, nil
		}
		if e == nil || e.asking == nil {
			s.mu.Unlock()
			return s.ask(ctx, k, network, stale)
		}
		wait := e.asking
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ipc.Grant{}, nil, ctx.Err()
		}
	}
}

// ask calls keeper; others who want the same session wait for the answer.
func (s *sessions) ask(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, context.Context, error) {
	done := make(chan struct{})
	s.mu.Lock()
	e := s.byKey[keyHash(k)]
	if e == nil {
		e = &session{key: keyHash(k)}
		s.byKey[e.key] = e
	} else if e.asking != nil { // somebody was quicker
		s.mu.Unlock()
		return s.get(ctx, k, network, stale)
	}
	e.asking = done
	s.mu.Unlock()

	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTime)
	grant, err := s.open(ask, k, network, stale)
	cancel()

	s.mu.Lock()
	defer s.mu.Unlock()
	close(done)
	e.asking = nil
	if err != nil {
		if ipc.CodeOf(err) != ipc.CodeUnavailable || e.ctx == nil {
			s.remove(e)
		}
		return ipc.Grant{}, nil, err
	}
	s.keep(e, grant)
	return e.grant, e.ctx, nil
}

// put remembers the grant of a new session.
func (s *sessions) put(k ipc.SessionKey, grant ipc.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &session{key: keyHash(k)}
	s.byKey[e.key] = e
	s.keep(e, grant)
}

// keep stores a grant in e and wakes those who wait for the session. It needs mu.
func (s *sessions) keep(e *session, grant ipc.Grant) {
	e.grant, e.fresh = grant, time.Now().Add(grantLife)
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithCancel(context.Background())
		e.id = string(grant.Session)
	}
	s.byID[e.id] = e
	close(s.known)
	s.known = make(chan struct{})
	if len(s.byKey) > maxGrants {
		s.sweep()
	}
}

// sweep forgets sessions that have not been used for a while and hold no stream.
// It needs mu.
func (s *sessions) sweep() {
	for _, e := range s.byKey {
		if e.asking == nil && time.Since(e.fresh) > grantLife {
			s.remove(e)
		}
	}
}

// remove forgets e and ends what runs under it. It needs mu.
func (s *sessions) remove(e *session) {
	if s.byKey[e.key] == e {
		delete(s.byKey, e.key)
	}
	if e.id != "" && s.byID[e.id] == e {
		delete(s.byID, e.id)
	}
	if e.cancel != nil {
		e.cancel()
	}
}

// end forgets a session by SHA-256(sid) and cancels its streams.
func (s *sessions) end(id []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byID[string(id)]; e != nil {
		s.remove(e)
	}
}

// endStreams ends every stream, so that a draining gate is not held up by them;
// browsers connect again.
func (s *sessions) endStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byKey {
		if e.cancel != nil {
			e.cancel()
		}
	}
}

// byTicket is the grant of a session named by a ticket. A gate that was just
// restarted does not know its sessions until their browsers' next request with
// a cookie, which is a moment away: it waits for that.
func (s *sessions) byTicket(ctx context.Context, id []byte) (ipc.Grant, bool) {
	ctx, cancel := context.WithTimeout(ctx, ticketWait)
	defer cancel()
	for {
		s.mu.Lock()
		e, known := s.byID[string(id)], s.known
		if e != nil {
			defer s.mu.Unlock()
			return e.grant, true
		}
		s.mu.Unlock()
		select {
		case <-known:
		case <-ctx.Done():
			return ipc.Grant{}, false
		}
	}
}

// stale forgets a grant whose cell did not know it, so that the next request with
// a cookie asks keeper for a new one; the session's streams live on.
func (s *sessions) stale(grant ipc.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byID[string(grant.Session)]
	if e == nil || string(e.grant.Capability) != string(grant.Capability) {
		return
	}
	e.fresh = time.Time{}
	delete(s.byID, e.id) // byTicket waits until keep puts it back
}

func (g *Gate) openSession(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, error) {
	return ipc.Call[ipc.Grant](ctx, g.keeper, ipc.KeeperOpen, ipc.OpenRequest{Key: k, Network: network, Stale: stale})
}
