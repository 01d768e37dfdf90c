package porter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestThrottle: guesses from one network wait, guesses from many networks wait
// together, and the owner's own browser never waits for what strangers do.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(10)
		wait := func(a attempt) time.Duration {
			end, w := th.begin(a)
			if w == 0 {
				end(false)
			}
			return w
		}
		fail := func(a attempt) {
			end, w := th.begin(a)
			if w != 0 {
				t.Fatalf("waits %s within the limit", w)
			}
			end(true)
		}
		guess := func(network string) attempt { return attempt{"ann@x", network, false} }
		for range th.pairLimit() {
			if w := wait(guess("1.1.1.1")); w != 0 {
				t.Fatalf("waits %s within the limit", w)
			}
			fail(guess("1.1.1.1"))
		}
		if wait(guess("1.1.1.1")) == 0 {
			t.Error("one network guesses on")
		}
		if w := wait(guess("2.2.2.2")); w != 0 {
			t.Errorf("another network waits %s for it", w)
		}
		if w := wait(attempt{"bob@x", "1.1.1.1", false}); w != 0 {
			t.Errorf("another account waits %s", w)
		}
		for i := range 5 {
			fail(guess(fmt.Sprintf("3.3.3.%d", i)))
		}
		if wait(guess("9.9.9.9")) == 0 {
			t.Error("many networks guess on together")
		}
		owner := attempt{"ann@x", "4.4.4.4", true}
		if w := wait(owner); w != 0 {
			t.Errorf("the owner's browser waits %s for strangers", w)
		}
		for range th.pairLimit() {
			fail(owner)
		}
		if wait(owner) == 0 {
			t.Error("a stolen device token guesses on")
		}
		th.succeeded(owner)
		if w := wait(owner); w != 0 {
			t.Errorf("waits %s after a good sign-in", w)
		}
		if wait(guess("9.9.9.9")) == 0 {
			t.Error("the owner's sign-in lets strangers guess on")
		}
		if w := wait(guess("9.9.9.9")); w > 15*time.Minute {
			t.Errorf("a wait of %s is a lock-out", w)
		}
		time.Sleep(wait(guess("9.9.9.9")))
		if w := wait(guess("9.9.9.9")); w != 0 {
			t.Errorf("still %s after the wait", w)
		}
	})
}

func TestPairLimit(t *testing.T) {
	for perHour, want := range map[int]int{0: 3, 1: 3, 6: 3, 10: 5, 100: 50} {
		if got := newThrottle(perHour).pairLimit(); got != want {
			t.Errorf("%d an hour: %d from one network, want %d", perHour, got, want)
		}
	}
}

// One attacker has a /64 of IPv6: changing the address inside of it is no new
// network. The account's own limit, which its owner shares, is not used up by it.
func TestThrottleByNetwork(t *testing.T) {
	th := newThrottle(20)
	passed := 0
	for i := range 50 {
		end, wait := th.begin(attempt{"ann@x", fmt.Sprintf("2001:db8:1:2::%x", i), false})
		if wait == 0 {
			passed++
			end(true)
		}
	}
	if passed != th.pairLimit() {
		t.Errorf("%d guesses from one network, want %d", passed, th.pairLimit())
	}
	if _, wait := th.begin(attempt{"ann@x", "192.0.2.1", false}); wait != 0 {
		t.Errorf("the owner waits %s for one network's guesses", wait)
	}
}

// Guesses at the same moment are no more than those one after another, and one
// that the account's limit stops leaves nothing behind in its network's.
func TestThrottleAtOnce(t *testing.T) {
	th := newThrottle(20)
	passed := 0
	for i := range 200 {
		if _, wait := th.begin(attempt{"ann@x", fmt.Sprintf("192.0.2.%d", i%40), false}); wait == 0 {
			passed++
		}
	}
	if passed != 20 {
		t.Errorf("%d guesses at once, want 20", passed)
	}
	end, wait := th.begin(attempt{"bob@x", "192.0.2.39", false})
	if wait != 0 {
		t.Fatalf("another account waits %s", wait)
	}
	end(true)
}
