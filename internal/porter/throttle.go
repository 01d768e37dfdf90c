package porter

import (
	"crypto/sha256"
	"sync/atomic"
	"time"

	"cofferdam/internal/limit"
)

// throttle slows guesses at one account down without locking its owner out.
// Failures count for the account over all networks that never signed in to it,
// and for account and network together; a browser that did sign in before (it
// shows a device token) is measured by itself alone, so that strangers' guesses
// cost the owner nothing.
type throttle struct {
	perHour atomic.Int64
	fails   *limit.Fails
}

func newThrottle(perHour int) *throttle {
	t := &throttle{fails: limit.NewFails()}
	t.perHour.Store(int64(perHour))
	return t
}

// attempt is one sign-in as the throttle sees it.
type attempt struct {
	login, network string
	known          bool
}

func (a attempt) account() string { return "a\x00" + a.login }
func (a attempt) pair() string    { return "n\x00" + a.login + "\x00" + limit.Network(a.network) }
func (a attempt) device() string  { return "d\x00" + a.login + "\x00" + limit.Network(a.network) }

// pairLimit is what one network alone gets: half of what all together get.
func (t *throttle) pairLimit() int { return max(3, int(t.perHour.Load())/2) }

// begin asks for a sign-in. With a wait of 0 it is under way, until the caller
// says by end, once, whether the platform refused it.
func (t *throttle) begin(a attempt) (end func(refused bool), wait time.Duration) {
	if a.known {
		return t.fails.Begin(a.device(), t.pairLimit())
	}
	pair, wait := t.fails.Begin(a.pair(), t.pairLimit())
	if wait > 0 {
		return nil, wait
	}
	account, wait := t.fails.Begin(a.account(), int(t.perHour.Load()))
	if wait > 0 {
		pair(false)
		return nil, wait
	}
	return func(refused bool) { pair(refused); account(refused) }, 0
}

// succeeded forgets what was counted against this login from this network.
func (t *throttle) succeeded(a attempt) {
	t.fails.Forget(a.pair())
	t.fails.Forget(a.device())
}

// deviceHash names a login inside of a device token (keeper makes the tokens).
func deviceHash(login string) []byte {
	sum := sha256.Sum256([]byte("cofferdam/device/v1\x00" + login))
	return sum[:16]
}
