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
		guess := func(network string) attempt { return attempt{"ann@x", network, false} }
		for range th.pairLimit() {
			if w := th.wait(guess("1.1.1.1")); w != 0 {
				t.Fatalf("waits %s within the limit", w)
			}
			th.failed(guess("1.1.1.1"))
		}
		if th.wait(guess("1.1.1.1")) == 0 {
			t.Error("one network guesses on")
		}
		if w := th.wait(guess("2.2.2.2")); w != 0 {
			t.Errorf("another network waits %s for it", w)
		}
		if w := th.wait(attempt{"bob@x", "1.1.1.1", false}); w != 0 {
			t.Errorf("another account waits %s", w)
		}
		for i := range 5 {
			th.failed(guess(fmt.Sprintf("3.3.3.%d", i)))
		}
		if th.wait(guess("9.9.9.9")) == 0 {
			t.Error("many networks guess on together")
		}
		owner := attempt{"ann@x", "4.4.4.4", true}
		if w := th.wait(owner); w != 0 {
			t.Errorf("the owner's browser waits %s for strangers", w)
		}
		for range th.pairLimit() {
			th.failed(owner)
		}
		if th.wait(owner) == 0 {
			t.Error("a stolen device token guesses on")
		}
		th.succeeded(owner)
		if w := th.wait(owner); w != 0 {
			t.Errorf("waits %s after a good sign-in", w)
		}
		if th.wait(guess("9.9.9.9")) == 0 {
			t.Error("the owner's sign-in lets strangers guess on")
		}
		if w := th.wait(guess("9.9.9.9")); w > 15*time.Minute {
			t.Errorf("a wait of %s is a lock-out", w)
		}
		time.Sleep(th.wait(guess("9.9.9.9")))
		if w := th.wait(guess("9.9.9.9")); w != 0 {
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
