package keeper

import (
	"crypto/sha256"
	"crypto/subtle"
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
	credential []byte // sealed to porter
	locked     bool
	network    string
	created    time.Time
	expires    time.Time
	shared     bool

	mu        sync.Mutex // guards the rest; never held over a call
	login     string     // canonical; in memory alone
	platform  string
	addresses []string
	umk       seal.UMK
	uploads   seal.UploadKey
	at        placement
	seen      time.Time
	checked   time.Time // when its row was last looked at
	ended     bool
}

// placement is where a session lives. It changes in the person's turn alone.
type placement struct {
	cell       string // whose seat it has; "" for none
	fence      int64
	capability []byte // nil when the cell or porter could not be told
}

// now is the session's placement, and whether the session is over.
func (s *session) now() (at placement, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.ended
}

// current is the grant of a session that is placed, unless by the capability
// stale. It is false for one that is to be placed.
func (s *session) current(stale []byte) (ipc.Grant, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ipc.Grant{}, false, errSignedOut
	}
	if s.at.capability == nil || subtle.ConstantTimeCompare(s.at.capability, stale) == 1 {
		return ipc.Grant{}, false, nil
	}
	return s.grant(), true, nil
}

// master is a copy of the session's master key, which the caller wipes.
func (s *session) master() (seal.UMK, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return seal.UMK{}, errSignedOut
	}
	return seal.ParseUMK(s.umk.Reveal())
}

// row is what the session's limits are judged by.
func (s *session) row() store.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Session{UID: s.uid, Kind: s.kind, Created: s.created, LastSeen: s.seen, Expires: s.expires}
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
	s.uploads.Wipe()
	return s
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
		Session: s.hash[:], Capability: s.at.capability, Cell: s.at.cell, Login: s.login,
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
