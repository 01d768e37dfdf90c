package porter

import (
	"crypto/rand"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// refs holds opened passwords between authentication and key derivation, and
// the connection that was authenticated, for at most refLife.
type refs struct {
	mu     sync.Mutex // guards the rest
	open   map[[16]byte]seal.Credential
	spares map[string]*imapConn // by login
}

func newRefs() *refs {
	return &refs{open: map[[16]byte]seal.Credential{}, spares: map[string]*imapConn{}}
}

// put takes over c and conn.
func (r *refs) put(c seal.Credential, conn *imapConn) ([]byte, error) {
	var ref [16]byte
	rand.Read(ref[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) >= maxRefs {
		return nil, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many sign-ins at once", RetryAfter: time.Second}
	}
	r.open[ref] = c
	time.AfterFunc(refLife, func() {
		if c, ok := r.take(ref[:]); ok {
			c.Wipe()
		}
	})
	if old := r.spares[c.Login]; old != nil {
		old.Close()
	}
	r.spares[c.Login] = conn
	time.AfterFunc(spareLife, func() { r.dropSpare(c.Login, conn) })
	return ref[:], nil
}

// take hands the credential out once; the caller wipes it.
func (r *refs) take(ref []byte) (seal.Credential, bool) {
	if len(ref) != 16 {
		return seal.Credential{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.open[[16]byte(ref)]
	delete(r.open, [16]byte(ref))
	return c, ok
}

// takeSpare hands the connection of a login out, nil when there is none.
func (r *refs) takeSpare(login string) *imapConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.spares[login]
	delete(r.spares, login)
	return c
}

func (r *refs) dropSpare(login string, conn *imapConn) {
	r.mu.Lock()
	mine := r.spares[login] == conn
	if mine {
		delete(r.spares, login)
	}
	r.mu.Unlock()
	if mine {
		conn.Close()
	}
}
