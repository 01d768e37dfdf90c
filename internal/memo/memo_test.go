package memo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func newMemo() *Memo[int, string] {
	return &Memo[int, string]{Time: time.Minute, Keep: time.Minute, Max: 2, Fits: func(s string) bool { return len(s) < 10 }}
}

// Those who ask at the same time share one piece of work, and one who leaves does
// not end it for the others.
func TestMemoShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, runs := newMemo(), 0
		work := func(ctx context.Context) (string, error) {
			runs++
			time.Sleep(time.Second)
			return "shown", ctx.Err()
		}
		leaving, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := m.Get(leaving, t.Context(), 1, work)
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("one who left got %v", err)
		}
		for range 3 {
			if v, err := m.Get(t.Context(), t.Context(), 1, work); v != "shown" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		}
		if runs != 1 {
			t.Errorf("%d runs for four who asked", runs)
		}
		time.Sleep(2 * time.Minute)
		if _, err := m.Get(t.Context(), t.Context(), 1, work); err != nil || runs != 2 {
			t.Errorf("after a while: %d runs, %v", runs, err)
		}
	})
}

// What is too large, too much or went wrong is not kept.
func TestMemoIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, runs := newMemo(), map[int]int{}
		ask := func(key int, v string, err error) {
			_, got := m.Get(t.Context(), t.Context(), key, func(context.Context) (string, error) {
				runs[key]++
				return v, err
			})
			if got != err {
				t.Errorf("key %d: %v", key, got)
			}
		}
		wrong := errors.New("the render died")
		for range 2 {
			ask(1, "small", nil)
			ask(2, "a very large document", nil)
			ask(3, "", wrong)
			ask(4, "small", nil)
			ask(5, "one too many", nil)
		}
		for key, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 1, 5: 2} {
			if runs[key] != want {
				t.Errorf("key %d: %d runs, want %d", key, runs[key], want)
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.flight) != 2 {
			t.Errorf("%d results are kept", len(m.flight))
		}
	})
}
