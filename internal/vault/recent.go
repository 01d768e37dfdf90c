package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// recent remembers the proofs that were charged as attempts lately. Who shows
// one again asks for what they were told already, so that it is no guess: it
// costs nothing, and a person with many devices and one password never meets
// their limit (docs/decisions/0007-attempts.md).
//
// It holds keyed hashes under a key of this process, in memory alone: on disk
// they would be something to guess against.
type recent struct {
	key [sha256.Size]byte

	mu       sync.Mutex // guards the rest
	now, old map[[sha256.Size]byte]struct{}
}

func newRecent() *recent {
	r := &recent{now: map[[sha256.Size]byte]struct{}{}}
	rand.Read(r.key[:])
	return r
}

func (r *recent) tag(uid user.ID, proof seal.Proof, version uint32) [sha256.Size]byte {
	h := hmac.New(sha256.New, r.key[:])
	h.Write(uid[:])
	h.Write(binary.BigEndian.AppendUint32(nil, version))
	h.Write(proof.Reveal())
	return [sha256.Size]byte(h.Sum(nil))
}

func (r *recent) has(tag [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, now := r.now[tag]
	_, old := r.old[tag]
	if old && !now { // in use: it moves on with the newer half
		r.put(tag)
	}
	return now || old
}

func (r *recent) add(tag [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(tag)
}

// put forgets the older half when the newer one is full. It needs mu.
func (r *recent) put(tag [sha256.Size]byte) {
	if len(r.now) >= maxRecent {
		r.old, r.now = r.now, map[[sha256.Size]byte]struct{}{}
	}
	r.now[tag] = struct{}{}
}

// charge counts an attempt, unless the proof is a recent one.
func (v *Vault) charge(ctx context.Context, uid user.ID, proof seal.Proof, version uint32) error {
	tag := v.recent.tag(uid, proof, version)
	if v.recent.has(tag) {
		v.counters.Repeated.Add(1)
		return nil
	}
	if err := v.attempt(ctx, uid); err != nil {
		return err
	}
	v.recent.add(tag)
	return nil
}
