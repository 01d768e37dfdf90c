package keeper

import (
	"crypto/sha256"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// live is the table of sessions that are open in this process. What it holds
// dies with the session: the master key is wiped.
type live struct {
	mu       sync.Mutex // guards the rest
	sessions map[seal.SessionHash]*session
}

// session is one open session.
type session struct {
	hash       seal.SessionHash
	token      [32]byte // SHA-256(sid | skey)
	uid        user.ID
	kind       store.SessionKind
	login      string // canonical; in memory alone
	platform   string
	addresses  []string
	credential []byte // sealed to porter
	umk        seal.UMK
	locked     bool
	network    string
	expires    time.Time
	shared     bool

	mu         sync.Mutex // guards the rest, and is held while the session is placed
	cell       string
	fence      int64
	capability []byte
	seen       time.Time
	ended      bool
}

func newLive() *live { return &live{sessions: map[seal.SessionHash]*session{}} }

// add puts a session in, unless it is there already: then that one is returned.
func (l *live) add(s *session) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.sessions[s.hash]; old != nil {
		return old
	}
	l.sessions[s.hash] = s
	return s
}

func (l *live) get(h seal.SessionHash) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[h]
}

// remove takes a session out and wipes its key.
func (l *live) remove(h seal.SessionHash) *session {
	l.mu.Lock()
	s := l.sessions[h]
	delete(l.sessions, h)
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.umk.Wipe()
	return s
}

// forget takes out a session that was never placed.
func (l *live) forget(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions[s.hash] == s {
		delete(l.sessions, s.hash)
	}
}

// of are the sessions for which keep holds.
func (l *live) of(keep func(*session) bool) []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*session
	for _, s := range l.sessions {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// count is how many sessions and people are live.
func (l *live) count() (sessions, people int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	uids := map[user.ID]struct{}{}
	for _, s := range l.sessions {
		uids[s.uid] = struct{}{}
	}
	return len(l.sessions), len(uids)
}

// grant is what gate gets of a placed session. It needs s.mu.
func (s *session) grant() ipc.Grant {
	return ipc.Grant{
		Session: s.hash[:], Capability: s.capability, Cell: s.cell, Login: s.login,
		Expires: s.expires.Unix(), Locked: s.locked,
	}
}

// tokenHash stands for both halves of a cookie.
func tokenHash(t seal.SessionToken) [32]byte {
	sid, skey := t.Reveal()
	h := sha256.New()
	h.Write(sid)
	h.Write(skey)
	return [32]byte(h.Sum(nil))
}

func now() time.Time { return time.Now().Truncate(time.Second) }
