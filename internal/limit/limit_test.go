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
		if first == 0 {
			t.Fatal("no wait at the limit")
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
