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
			if w := f.Wait("a", 5); w != 0 {
				t.Fatalf("had to wait %s within the limit", w)
			}
			f.Add("a", 5)
		}
		first := f.Wait("a", 5)
		if first != firstWait {
			t.Fatalf("the first wait is %s, want %s", first, firstWait)
		}
		if f.Wait("b", 5) != 0 {
			t.Error("another key has to wait")
		}
		time.Sleep(first)
		if w := f.Wait("a", 5); w != 0 {
			t.Fatalf("still %s after the wait is over: that would be a lock-out", w)
		}
		f.Add("a", 5)
		if second := f.Wait("a", 5); second < first {
			t.Errorf("wait fell from %s to %s", first, second)
		}
		for range 50 {
			f.Add("a", 5)
		}
		if w := f.Wait("a", 5); w > maxWait {
			t.Errorf("waits %s, more than %s", w, maxWait)
		}
		time.Sleep(11 * time.Hour)
		if f.Add("a", 5); f.Wait("a", 5) != 0 {
			t.Error("old failures still count")
		}
	})
}

func TestFailsForgetsOlder(t *testing.T) {
	f := NewFails()
	for i := range maxKeys + 1 {
		f.Add(strconv.Itoa(i), 1)
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
				f.Add("a", 100)
			}
			for _, want := range []time.Duration{firstWait, 2 * firstWait, 4 * firstWait, 8 * firstWait, 16 * firstWait, maxWait, maxWait} {
				time.Sleep(pause)
				if got := f.Wait("a", 100) + pause; got != want {
					t.Errorf("waits %s, want %s", got, want)
				}
				f.Add("a", 100)
			}
		})
	}
}

func TestForget(t *testing.T) {
	f := NewFails()
	for range 3 {
		f.Add("a", 1)
	}
	f.Forget("a")
	f.Forget("never seen")
	if w := f.Wait("a", 1); w != 0 {
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
