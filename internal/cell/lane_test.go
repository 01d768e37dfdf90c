package cell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const laneStep = 64 << 10

// move lets size bytes pass in steps and returns when each was through.
func move(t *testing.T, tr *transfer, size int) (through []time.Duration) {
	t.Helper()
	began := time.Now()
	for left := size; left > 0; left -= laneStep {
		if err := tr.pass(t.Context(), min(left, laneStep)); err != nil {
			t.Error(err)
		}
		through = append(through, time.Since(began))
	}
	return through
}

// spent is a lane whose burst is used up.
func spent(t *testing.T) *lane {
	l := newLane()
	move(t, l.transfer(coming), laneFree+laneBurst)
	return l
}

func TestLaneRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane()
		times := move(t, l.transfer(coming), laneFree+laneBurst+4*laneRate)
		if burst := times[(laneFree+laneBurst)/laneStep-1]; burst != 0 {
			t.Errorf("the burst took %v", burst)
		}
		if all := times[len(times)-1].Round(100 * time.Millisecond); all != 4*time.Second {
			t.Errorf("four times the rate took %v after the burst", all)
		}
		time.Sleep(2 * time.Second) // half of what a burst needs
		if more := move(t, l.transfer(coming), laneFree+2*laneRate+laneStep); more[len(more)-2] > 10*time.Millisecond {
			t.Errorf("after a pause %v were waited", more[len(more)-2])
		}
	})
}

// TestLaneFree: what is small waits for nobody, also beside large files.
func TestLaneFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := spent(t)
		go move(t, l.transfer(goingOut), laneRate)
		synctest.Wait()
		small := l.transfer(coming)
		if times := move(t, small, laneFree); slices.Max(times) != 0 {
			t.Errorf("a small file waited for %v", slices.Max(times))
		}
		if times := move(t, small, laneStep); times[0] == 0 {
			t.Error("one byte over the free ones waits for nobody")
		}
		time.Sleep(time.Minute)
	})
}

// TestLaneOrder: what is nearer to its end is done first, then what began first,
// and all of them take as long as if they were one.
func TestLaneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := spent(t)
		legs := []leg{coming, coming, filing, goingOut}
		var wg sync.WaitGroup
		ended := make([]time.Duration, len(legs))
		for i, g := range legs {
			tr := l.transfer(g)
			wg.Go(func() {
				times := move(t, tr, laneFree+laneRate)
				ended[i] = times[len(times)-1].Round(100 * time.Millisecond)
			})
		}
		wg.Wait()
		if want := []time.Duration{3 * time.Second, 4 * time.Second, 2 * time.Second, time.Second}; !slices.Equal(ended, want) {
			t.Errorf("ended after %v, want %v", ended, want)
		}
	})
}

// TestLanePatience: however much goes before it, a file moves on in time.
func TestLanePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := spent(t)
		go move(t, l.transfer(goingOut), 20*laneRate)
		time.Sleep(time.Second)
		times := move(t, l.transfer(coming), laneFree+3*laneStep)
		last := times[laneFree/laneStep-1]
		for _, at := range times[laneFree/laneStep:] {
			if pause := at - last; pause < lanePatience-time.Second || pause > lanePatience+100*time.Millisecond {
				t.Errorf("a step waited for %v", pause)
			}
			last = at
		}
		time.Sleep(time.Minute)
	})
}

// TestLaneLeft: who gives up holds nobody up.
func TestLaneLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := spent(t)
		ctx, cancel := context.WithCancel(t.Context())
		gone := l.through(ctx, goingOut, bytes.NewReader(make([]byte, laneFree+laneStep)))
		result := make(chan error)
		go func() {
			_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{gone}, make([]byte, 2*laneFree))
			result <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		if len(l.waiting) != 0 {
			t.Errorf("%d still wait", len(l.waiting))
		}
		other := move(t, l.transfer(coming), laneFree+laneRate)
		if took := other[len(other)-1].Round(100 * time.Millisecond); took != time.Second {
			t.Errorf("another took %v", took)
		}
	})
}
