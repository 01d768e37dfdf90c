package porter

import (
	"sync"

	"cofferdam/internal/seal"
)

// shared is a credential that several holders use: it is wiped when the last
// one lets go.
type shared struct {
	mu   sync.Mutex // guards refs
	refs int
	cred seal.Credential
}

// share takes over c with one holder.
func share(c seal.Credential) *shared { return &shared{cred: c, refs: 1} }

// borrow counts one more holder.
func (s *shared) borrow() *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs++
	return s
}

// release counts one holder less; the last one wipes the secret.
func (s *shared) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs--
	if s.refs == 0 {
		s.cred.Wipe()
	}
}

// equal says whether both hold the same. The caller has a hold on both.
func (s *shared) equal(o *shared) bool {
	return s.cred.Kind == o.cred.Kind && s.cred.Login == o.cred.Login && s.cred.Secret.Equal(o.cred.Secret)
}
