package outbox

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// openLearning opens an outbox that can ask, and runs it.
func openLearning(t *testing.T, d *disk, learn func([]string) (map[string]Learned, error)) (o *Outbox, stop func()) {
	t.Helper()
	o, err := Open(t.Context(), Config{Sender: d, Records: d, Stash: stash{d}, Identities: ids, Log: slog.New(slog.DiscardHandler),
		Learn: func(_ context.Context, attempts []string) (map[string]Learned, error) { return learn(attempts) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Run(ctx, d) }()
	return o, func() { cancel(); <-done }
}

// TestLearn: what a process before was attempting is what the platform's side says of
// that very attempt, and uncertain only when nobody knows.
func TestLearn(t *testing.T) {
	away := errors.New("porter is away")
	after := func(n int, first, then map[string]Learned, err error) func(int) (map[string]Learned, error) {
		return func(asked int) (map[string]Learned, error) {
			if asked <= n {
				return first, err
			}
			return then, nil
		}
	}
	taken := map[string]Learned{"s1.2": {Result: Result{Reply: "250 2.0.0 Ok"}}}
	pending := map[string]Learned{"s1.2": {Pending: true}}
	for name, c := range map[string]struct {
		heard func(asked int) (map[string]Learned, error)
		want  state
		asked int
	}{
		"taken":                   {after(0, nil, taken, nil), accepted, 1},
		"refused":                 {after(0, nil, map[string]Learned{"s1.2": {Err: &Refusal{Reply: "554 no"}}}, nil), refused, 1},
		"nothing was sent":        {after(0, nil, map[string]Learned{"s1.2": {Err: ErrAway}}, nil), refused, 1},
		"the line broke there":    {after(0, nil, map[string]Learned{"s1.2": {Err: ErrUncertain}}, nil), uncertain, 1},
		"nobody knows":            {after(0, nil, nil, nil), uncertain, 1},
		"an earlier attempt":      {after(0, nil, map[string]Learned{"s1.1": {Err: ErrAway}}, nil), uncertain, 1},
		"under way at first":      {after(3, pending, taken, nil), accepted, 4},
		"under way for too long":  {after(1<<20, pending, nil, nil), uncertain, int(learnFor/learnPause) + 1},
		"nobody to ask at first":  {after(learnTries-1, nil, taken, away), accepted, learnTries},
		"nobody to ask for long":  {after(learnTries, nil, taken, away), uncertain, learnTries},
		"fails while it goes on":  {func(n int) (map[string]Learned, error) { return after(2, pending, taken, nil)(n) }, accepted, 3},
		"another's is left alone": {after(0, nil, map[string]Learned{"s2.2": {Result: Result{}}}, nil), uncertain, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.putAttempts("s1", attempting, 2)
				asked := 0
				o, stop := openLearning(t, d, func(attempts []string) (map[string]Learned, error) {
					if asked++; !slices.Equal(attempts, []string{"s1.2"}) {
						t.Errorf("asked about %v", attempts)
					}
					return c.heard(asked)
				})
				defer stop()
				time.Sleep(learnFor + time.Minute)
				synctest.Wait()
				if got := d.state(t); got != c.want || asked != c.asked {
					t.Errorf("stored %q after %d questions, want %q after %d", got, asked, c.want, c.asked)
				}
				if o.Sending() {
					t.Error("it looks as if it were still being sent")
				}
				if len(d.sent()) != 0 {
					t.Error("it was sent again")
				}
			})
		})
	}
}

// TestLearnLeft: a process that ends while it asks leaves the question to the next.
func TestLearnLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.putAttempts("s1", attempting, 1)
		o, stop := openLearning(t, d, func([]string) (map[string]Learned, error) { return map[string]Learned{"s1.1": {Pending: true}}, nil })
		synctest.Wait()
		if !o.Sending() {
			t.Error("a mail whose fate is open is shown as if it were over")
		}
		stop()
		if got := d.state(t); got != attempting {
			t.Errorf("stored %q", got)
		}
		_, stop = openLearning(t, d, func([]string) (map[string]Learned, error) { return map[string]Learned{"s1.1": {}}, nil })
		synctest.Wait()
		stop()
		if got := d.state(t); got != accepted {
			t.Errorf("stored %q by the next process", got)
		}
	})
}

// TestDeathLearned is TestDeath where the platform's side outlives the process and
// remembers what it was asked to do: nothing is uncertain then.
func TestDeathLearned(t *testing.T) {
	count := newDisk()
	r := openRig(t, count)
	r.sendOne(create("c"))
	r.stop()
	for n := 1; n < len(count.steps); n++ {
		t.Run(count.steps[n], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				dead := false
				d.fail = func(step string) error {
					if step == "submit" || step == "end" || step == "taken" { // these are the platform's
						return nil
					}
					if len(d.steps) > n || dead {
						dead = true
						return errDead
					}
					return nil
				}
				first := openRig(t, d)
				first.sendOne(create("c"))
				first.stop()
				d.fail = nil
				_, stop := openLearning(t, d, func([]string) (map[string]Learned, error) { return maps.Clone(d.outcomes), nil })
				synctest.Wait()
				stop()
				got, sent := d.state(t), len(d.sent())
				if got == uncertain || sent > 1 || (got == accepted) != (sent == 1) {
					t.Errorf("stored %q, taken %d times", got, sent)
				}
			})
		})
	}
}
