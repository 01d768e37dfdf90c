package gate

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"cofferdam/internal/ipc"
)

// sessions remembers grants for a minute, so that a request costs no call to
// keeper, and ends streams when a session is over: keeper says so, and is asked
// every aliveEvery in case that notice was lost.
type sessions struct {
	open func(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, error)

	mu    sync.Mutex // guards the rest and the entries' fields
	byKey map[[32]byte]*session
	byID  map[string]*session
	ended map[string]time.Time // ids of notices of the last minute: an answer of keeper's may be older than one
	known chan struct{}        // closed and replaced when a session becomes known
}

// session is one live session as gate sees it.
type session struct {
	key       [32]byte // SHA-256(sid | skey)
	id        string   // SHA-256(sid)
	grant     ipc.Grant
	stale     bool      // its cell does not know the capability
	fresh     time.Time // when to ask keeper again
	confirmed time.Time // when keeper last said that the session lives
	used      time.Time
	streams   int
	ctx       context.Context
	cancel    context.CancelFunc
	asking    chan struct{} // not nil while a call to keeper runs
}

func newSessions(open func(context.Context, ipc.SessionKey, string, []byte) (ipc.Grant, error)) *sessions {
	return &sessions{open: open, byKey: map[[32]byte]*session{}, byID: map[string]*session{}, ended: map[string]time.Time{}, known: make(chan struct{})}
}

var errOver = ipc.Errorf(ipc.CodeUnknown, "session is over")

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
			e.used = time.Now()
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

	began := time.Now()
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTime)
	grant, err := s.open(ask, k, network, stale)
	cancel()

	s.mu.Lock()
	defer s.mu.Unlock()
	close(done)
	e.asking = nil
	if err == nil && !s.keep(e, grant, began) {
		err = errOver
	}
	if err != nil {
		if over(err) || e.ctx == nil {
			s.remove(e)
		}
		return ipc.Grant{}, nil, err
	}
	return e.grant, e.ctx, nil
}

// over says whether keeper's answer means that a session is no more. Anything
// else (keeper is away, a fault of ours) leaves its streams alone.
func over(err error) bool {
	code := ipc.CodeOf(err)
	return code == ipc.CodeUnknown || code == ipc.CodeExpired || code == ipc.CodeForbidden
}

// put remembers the grant of a new session.
func (s *sessions) put(k ipc.SessionKey, grant ipc.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &session{key: keyHash(k)}
	s.byKey[e.key] = e
	if !s.keep(e, grant, time.Now()) {
		s.remove(e)
	}
}

// keep stores a grant in e and wakes those who wait for the session. It is false
// for a session that ended while keeper answered. It needs mu.
func (s *sessions) keep(e *session, grant ipc.Grant, asked time.Time) bool {
	if _, ended := s.ended[string(grant.Session)]; ended || e.ctx != nil && e.ctx.Err() != nil {
		return false
	}
	e.grant, e.stale, e.fresh, e.confirmed, e.used = grant, false, asked.Add(grantLife), asked, asked
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithCancel(context.Background())
		e.id = string(grant.Session)
	}
	s.byKey[e.key], s.byID[e.id] = e, e
	s.wake()
	if len(s.byKey) > maxGrants {
		s.evict(e)
	}
	return true
}

// wake lets those who wait for a session look again. It needs mu.
func (s *sessions) wake() {
	close(s.known)
	s.known = make(chan struct{})
}

// evict forgets one session without a stream other than e: its next request asks
// keeper. It needs mu.
func (s *sessions) evict(e *session) {
	tries := 0
	for _, other := range s.byKey { // Go's order is as good as a random one
		if other != e && other.asking == nil && other.streams == 0 {
			s.remove(other)
			return
		}
		if tries++; tries == evictTries {
			return
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
	s.ended[string(id)] = time.Now()
	if e := s.byID[string(id)]; e != nil {
		s.remove(e)
	}
}

// hold counts a stream of a session; the result ends it.
func (s *sessions) hold(id []byte) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byID[string(id)]
	if e == nil {
		return func() {}
	}
	e.streams++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.streams--
		e.used = time.Now()
	}
}

// watch asks keeper every aliveEvery which sessions are over, until ctx ends.
func (s *sessions) watch(ctx context.Context, alive func(context.Context, [][]byte) ([][]byte, error)) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.round(ctx, alive)
		}
	}
}

// round forgets what is no longer used, asks about the rest, and ends what keeper
// says is over or did not confirm for too long.
func (s *sessions) round(ctx context.Context, alive func(context.Context, [][]byte) ([][]byte, error)) {
	ids := s.tidy()
	for len(ids) > 0 {
		n := min(len(ids), ipc.MaxAlive)
		asked := time.Now()
		over, err := alive(ctx, ids[:n])
		if err == nil {
			s.confirm(ids[:n], asked)
		}
		for _, id := range over {
			s.end(id)
		}
		ids = ids[n:]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byKey {
		if e.streams > 0 && time.Since(e.confirmed) > unconfirmed {
			s.remove(e)
		}
	}
}

// tidy forgets sessions without streams whose last ticket is over, and old
// notices. It returns the ids of the others.
func (s *sessions) tidy() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range s.ended {
		if time.Since(at) > grantLife {
			delete(s.ended, id)
		}
	}
	var ids [][]byte
	for _, e := range s.byKey {
		switch {
		case e.asking != nil || e.ctx == nil:
		case e.streams == 0 && time.Since(e.used) > ticketLife:
			s.remove(e)
		default:
			ids = append(ids, []byte(e.id))
		}
	}
	return ids
}

// confirm notes that keeper knew the sessions at a time.
func (s *sessions) confirm(ids [][]byte, asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if e := s.byID[string(id)]; e != nil {
			e.confirmed = asked
		}
	}
	s.wake()
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

// byTicket is the grant of a session named by a ticket, and its context. A gate
// that was just restarted does not know its sessions until their browsers' next
// request with a cookie, which is a moment away: it waits for that. It waits, too,
// for a session that keeper did not confirm within a minute.
func (s *sessions) byTicket(ctx context.Context, id []byte) (ipc.Grant, context.Context, bool) {
	ctx, cancel := context.WithTimeout(ctx, ticketWait)
	defer cancel()
	for {
		s.mu.Lock()
		e, known := s.byID[string(id)], s.known
		if e != nil && !e.stale && time.Since(e.confirmed) < grantLife {
			defer s.mu.Unlock()
			e.used = time.Now()
			return e.grant, e.ctx, true
		}
		s.mu.Unlock()
		select {
		case <-known:
		case <-ctx.Done():
			return ipc.Grant{}, nil, false
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
	e.fresh, e.stale = time.Time{}, true // byTicket waits until keep has a new one
}

func (g *Gate) openSession(ctx context.Context, k ipc.SessionKey, network string, stale []byte) (ipc.Grant, error) {
	return ipc.Call[ipc.Grant](ctx, g.keeper, ipc.KeeperOpen, ipc.OpenRequest{Key: k, Network: network, Stale: stale})
}

// alive asks keeper which of the sessions are over.
func (g *Gate) alive(ctx context.Context, ids [][]byte) ([][]byte, error) {
	out, err := ipc.Call[ipc.Ended](ctx, g.keeper, ipc.KeeperAlive, ipc.Alive{Sessions: ids})
	return out.Sessions, err
}
