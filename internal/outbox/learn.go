package outbox

import (
	"context"
	"time"
)

// Learned is what became of an attempt whose answer nobody got: the process died, or
// its session was over before the answer came. Result and Err are what Submit would
// have returned.
type Learned struct {
	Pending bool // it is still under way
	Result  Result
	Err     error
}

// learn asks what became of attempts of a process that died, and writes what it hears.
// What nobody knows is uncertain.
func (o *Outbox) learn(ctx context.Context, open []*attempt) {
	until, failed := time.Now().Add(learnFor), 0
	for len(open) > 0 {
		heard, err := o.cfg.Learn(ctx, attemptNames(open))
		if err != nil {
			failed++
		}
		if wait := err != nil && failed < learnTries; !wait {
			open = concludeKnown(ctx, open, heard, time.Now().Before(until))
		}
		if len(open) > 0 && !open[0].pause(learnPause) {
			return // the next process asks again
		}
	}
}

// concludeKnown writes the outcomes of attempts, and returns those that are still
// under way, unless they have been for too long.
func concludeKnown(ctx context.Context, open []*attempt, heard map[string]Learned, patient bool) (rest []*attempt) {
	for _, a := range open {
		l, known := heard[a.r.attemptName()]
		switch {
		case known && l.Pending && patient:
			rest = append(rest, a)
		case known && !l.Pending:
			a.conclude(ctx, l.Result, l.Err)
		default:
			a.conclude(ctx, Result{}, ErrUncertain)
		}
	}
	return rest
}

func attemptNames(list []*attempt) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.r.attemptName())
	}
	return out
}
