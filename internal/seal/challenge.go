package seal

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

const (
	// challengeMAC is the length of the truncated HMAC-SHA-256.
	challengeMAC = 16
	// ChallengeSize is the length of a challenge: Unix seconds and MAC.
	ChallengeSize = 8 + challengeMAC
)

// seenKey stands for an encapsulated key; 128 bits of a hash keep the memory of
// what was seen small, and nobody gains from a collision with their own box.
type seenKey [16]byte

// Challenges issues the challenges that sealed sign-ins are bound to, and sees
// to it that each sealed sign-in is accepted once. Its key is random and dies
// with the process: after a restart the page asks for a new challenge.
type Challenges struct {
	key key

	mu      sync.Mutex // guards now, before, rotated
	now     map[seenKey]struct{}
	before  map[seenKey]struct{}
	rotated time.Time
}

// NewChallenges makes an issuer with a fresh key.
func NewChallenges() *Challenges {
	return &Challenges{key: newKey(), now: map[seenKey]struct{}{}, rotated: time.Now()}
}

// Issue returns a challenge for now. Challenges of one second are equal: what
// makes a sign-in unique is its encapsulated key.
func (c *Challenges) Issue() []byte {
	return c.issue(time.Now().Unix())
}

func (c *Challenges) issue(seconds int64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, ChallengeSize), uint64(seconds))
	mac, err := c.key.mac(newTranscript("cofferdam/challenge/v1").number(seconds))
	if err != nil {
		panic("seal: challenges without a key")
	}
	return append(b, mac[:challengeMAC]...)
}

// Accept checks that the box answers a challenge of ours that is not older than
// ChallengeLife (else ErrExpired, also for one of an earlier process), and that
// its encapsulated key was not shown before (ErrReplayed). ErrBusy means that
// too many were seen to remember one more.
func (c *Challenges) Accept(box SigninBox) error {
	if len(box.Challenge) != ChallengeSize || len(box.Enc) != pointSize {
		return fmt.Errorf("sign-in challenge of %d bytes, key of %d: %w", len(box.Challenge), len(box.Enc), ErrFormat)
	}
	seconds := int64(binary.BigEndian.Uint64(box.Challenge))
	if subtle.ConstantTimeCompare(c.issue(seconds), box.Challenge) != 1 {
		return fmt.Errorf("sign-in challenge not issued here: %w", ErrExpired)
	}
	// The seconds are ours now, so they are a sane time.
	age := time.Since(time.Unix(seconds, 0))
	if age > ChallengeLife || age < -challengeSkew {
		return fmt.Errorf("sign-in challenge %s old: %w", age.Truncate(time.Second), ErrExpired)
	}
	return c.once(box.Enc)
}

// once remembers enc for at least ChallengeLife. Two maps take turns, so that
// forgetting costs nothing.
func (c *Challenges) once(enc []byte) error {
	sum := sha256.Sum256(enc)
	k := seenKey(sum[:16])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotate()
	_, inNow := c.now[k]
	_, inBefore := c.before[k]
	if inNow || inBefore {
		return fmt.Errorf("sealed sign-in: %w", ErrReplayed)
	}
	if len(c.now) >= MaxChallengesSeen {
		return fmt.Errorf("remembering sealed sign-ins: %w", ErrBusy)
	}
	c.now[k] = struct{}{}
	return nil
}

// rotate needs c.mu. A box is accepted up to challengeSkew before and
// ChallengeLife after its challenge's time, so a half of the memory lasts both.
func (c *Challenges) rotate() {
	const half = ChallengeLife + challengeSkew
	now := time.Now()
	switch age := now.Sub(c.rotated); {
	case age < half:
		return
	case age < 2*half:
		c.before, c.now = c.now, map[seenKey]struct{}{}
	default:
		c.before, c.now = nil, map[seenKey]struct{}{}
	}
	c.rotated = now
}
