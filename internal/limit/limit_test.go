package limit

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFails()
		for range 5 {
			if w := f.wait("a", 5); w != 0 {
				t.Fatalf("had to wait %s within the limit", w)
			}
			f.add("a", 5)
		}
		first := f.wait("a", 5)
		if first != firstWait {
			t.Fatalf("the first wait is %s, want %s", first, firstWait)
		}
		if f.wait("b", 5) != 0 {
			t.Error("another key has to wait")
		}
		time.Sleep(first)
		if w := f.wait("a", 5); w != 0 {
			t.Fatalf("still %s after the wait is over: that would be a lock-out", w)
		}
		f.add("a", 5)
		if second := f.wait("a", 5); second < first {
			t.Errorf("wait fell from %s to %s", first, second)
		}
		for range 50 {
			f.add("a", 5)
		}
		if w := f.wait("a", 5); w > maxWait {
			t.Errorf("waits %s, more than %s", w, maxWait)
		}
		time.Sleep(11 * time.Hour)
		if f.add("a", 5); f.wait("a", 5) != 0 {
			t.Error("old failures still count")
		}
	})
}

func TestFailsForgetsOlder(t *testing.T) {
	f := NewFails()
	for i := range maxKeys + 1 {
		f.add(strconv.Itoa(i), 1)
	}
	if len(f.keys) > maxKeys {
		t.Errorf("%d keys kept", len(f.keys))
	}
}

func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQuota()
		caps := map[string]int{"person": 10, "cell": 100}
		if _, ok := q.Take(10, caps); !ok {
			t.Fatal("the cap itself was refused")
		}
		wait, ok := q.Take(1, caps)
		if ok || wait <= 0 || wait > time.Hour/10+time.Second {
			t.Fatalf("over the cap: %v, wait %s", ok, wait)
		}
		if _, ok := q.Take(90, map[string]int{"cell": 100}); !ok {
			t.Error("a refused take was counted")
		}
		time.Sleep(wait)
		if _, ok := q.Take(1, caps); !ok {
			t.Error("refused after the wait it named")
		}
		if _, ok := q.Take(11, map[string]int{"other": 10}); ok {
			t.Error("more than a whole hour's cap was taken")
		}
	})
}

// TestWaits: each failure over the limit doubles the wait, whatever the moment
// at which it is asked for.
func TestWaits(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Nanosecond, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := NewFails()
			for range 100 {
				f.add("a", 100)
			}
			for _, want := range []time.Duration{firstWait, 2 * firstWait, 4 * firstWait, 8 * firstWait, 16 * firstWait, maxWait, maxWait} {
				time.Sleep(pause)
				if got := f.wait("a", 100) + pause; got != want {
					t.Errorf("waits %s, want %s", got, want)
				}
				f.add("a", 100)
			}
		})
	}
}

func TestForget(t *testing.T) {
	f := NewFails()
	for range 3 {
		f.add("a", 1)
	}
	f.Forget("a")
	f.Forget("never seen")
	if w := f.wait("a", 1); w != 0 {
		t.Errorf("waits %s after a good sign-in", w)
	}
}

func TestGive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQuota()
		caps := map[string]int{"person": 10, "cell": 100}
		for range 50 {
			if wait, ok := q.Take(8, caps); !ok {
				t.Fatalf("refused for %s although all was given back", wait)
			}
			q.Give(8, caps)
		}
		q.Give(50, caps) // more than was taken is no credit
		q.Give(1, map[string]int{"never seen": 1})
		if _, ok := q.Take(10, caps); !ok {
			t.Error("the cap itself was refused")
		}
		if _, ok := q.Take(1, caps); ok {
			t.Error("more than the cap was taken")
		}
	})
}

func TestQuotaForgetsOlder(t *testing.T) {
	q := NewQuota()
	for i := range maxKeys + 1 {
		q.Take(1, map[string]int{strconv.Itoa(i): 1})
	}
	if len(q.used) > maxKeys {
		t.Errorf("%d keys kept", len(q.used))
	}
}

// Guesses made at the same moment are not more than guesses one after another,
// and attempts that do not fail cost nothing.
func TestAttemptsUnderWayCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFails()
		var under []func(bool)
		begin := func() time.Duration {
			end, wait := f.Begin("a", 5)
			if wait == 0 {
				under = append(under, end)
			}
			return wait
		}
		for range 100 {
			begin()
		}
		if len(under) != 5 {
			t.Fatalf("%d attempts at once, want 5", len(under))
		}
		if w := begin(); w != openWait {
			t.Errorf("waits %s for attempts under way", w)
		}
		if _, w := f.Begin("b", 5); w != 0 {
			t.Error("another key has to wait")
		}
		f.Forget("a") // somebody signs in well meanwhile
		if begin() == 0 {
			t.Error("what is under way was forgotten")
		}
		for _, end := range under {
			end(true)
		}
		under = nil
		if w := begin(); w != firstWait {
			t.Errorf("waits %s after 5 failures", w)
		}
		time.Sleep(firstWait)
		for range 10 {
			begin()
		}
		if len(under) != 1 {
			t.Errorf("%d attempts after the wait, want 1", len(under))
		}
		under[0](false)
		f.Forget("a")
		for range 1000 {
			end, wait := f.Begin("a", 5)
			if wait != 0 {
				t.Fatal("good attempts have to wait")
			}
			end(false)
		}
		if len(f.keys) != 1 { // b is under way
			t.Errorf("%d keys kept", len(f.keys))
		}
	})
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
		"::1": "::/64", "": "?", "x": "?", "192.0.2.7:80": "?", "192.0.2.0/24": "?", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Network(ip); got != want {
			t.Errorf("%q: %q, want %q", ip, got, want)
		}
	}
	// One attacker over IPv4 is one, whichever way gate wrote the address.
	if a, b := Network("192.0.2.7"), Network("::ffff:192.0.2.7"); a != b {
		t.Errorf("%q and %q", a, b)
	}
	if a, b := Network("::ffff:192.0.2.7"), Network("::ffff:198.51.100.1"); a == b {
		t.Errorf("all of IPv4 is one network: %q", a)
	}
}
