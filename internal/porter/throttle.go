package porter

import (
	"crypto/sha256"
	"time"

	"cofferdam/internal/limit"
)

// throttle slows guesses at one account down without locking its owner out.
// Failures count for the account over all networks that never signed in to it,
// and for account and network together; a browser that did sign in before (it
// shows a device token) is measured by itself alone, so that strangers' guesses
// cost the owner nothing.
type throttle struct {
	perHour int
	fails   *limit.Fails
}

func newThrottle(perHour int) *throttle {
	return &throttle{perHour: perHour, fails: limit.NewFails()}
}

// attempt is one sign-in as the throttle sees it.
type attempt struct {
	login, network string
	known          bool
}

func (a attempt) account() string { return "a\x00" + a.login }
func (a attempt) pair() string    { return "n\x00" + a.login + "\x00" + a.network }
func (a attempt) device() string  { return "d\x00" + a.login + "\x00" + a.network }

// one network alone gets half of what all networks together get.
func (t *throttle) pairLimit() int { return max(3, t.perHour/2) }

// wait is how long this sign-in must wait, 0 for not at all.
func (t *throttle) wait(a attempt) time.Duration {
	if a.known {
		return t.fails.Wait(a.device(), t.pairLimit())
	}
	return max(t.fails.Wait(a.account(), t.perHour), t.fails.Wait(a.pair(), t.pairLimit()))
}

// failed counts a sign-in that the platform refused.
func (t *throttle) failed(a attempt) {
	if a.known {
		t.fails.Add(a.device(), t.pairLimit())
		return
	}
	t.fails.Add(a.account(), t.perHour)
	t.fails.Add(a.pair(), t.pairLimit())
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
