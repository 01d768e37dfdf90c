package porter

import (
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"cofferdam/internal/ipc"
)

// outcomes remembers what became of mails that were handed over, for a cell that died
// before it had the answer, and for a person who signed out before it came: their keys
// are gone then, and only the next session can write it down. A porter that starts
// anew knows nothing; such mails are uncertain.
type outcomes struct {
	mu     sync.Mutex                     // guards the rest
	people map[string]map[string]*outcome // by uid and attempt
	swept  time.Time
}

type outcome struct {
	ipc.Outcome
	at time.Time // of the beginning, then of the end
}

func newOutcomes() *outcomes { return &outcomes{people: map[string]map[string]*outcome{}} }

// begin notes that an attempt is under way; settle what came of it. "" is not noted.
func (o *outcomes) begin(uid, attempt string) (settle func(ipc.Submitted, error)) {
	if attempt == "" {
		return func(ipc.Submitted, error) {}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep(time.Now())
	of := o.people[uid]
	if of == nil {
		of = map[string]*outcome{}
		o.people[uid] = of
	}
	one := &outcome{ipc.Outcome{Attempt: attempt, Pending: true}, time.Now()}
	of[attempt] = one
	if len(of) > maxOutcomes {
		delete(of, oldest(of))
	}
	return func(out ipc.Submitted, err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		one.Pending, one.at = false, time.Now()
		if err == nil {
			one.Submitted = &out
			return
		}
		one.Code = ipc.CodeOf(err)
		if e, ok := errors.AsType[*ipc.Error](err); ok {
			one.Detail = e.Detail
		}
	}
}

func oldest(of map[string]*outcome) (attempt string) {
	for name, one := range of {
		if attempt == "" || one.at.Before(of[attempt].at) {
			attempt = name
		}
	}
	return attempt
}

// sweep forgets what is older than keepOutcome, once a minute. It needs mu.
func (o *outcomes) sweep(now time.Time) {
	if now.Sub(o.swept) < time.Minute {
		return
	}
	o.swept = now
	for uid, of := range o.people {
		for name, one := range of {
			if now.Sub(one.at) > keepOutcome {
				delete(of, name)
			}
		}
		if len(of) == 0 {
			delete(o.people, uid)
		}
	}
}

// of returns what is known of a person's attempts.
func (o *outcomes) of(uid string, attempts []string) []ipc.Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep(time.Now())
	out := []ipc.Outcome{}
	for _, name := range attempts {
		if one := o.people[uid][name]; one != nil {
			out = append(out, one.Outcome)
		}
	}
	return out
}

func (p *Porter) submitOutcomes(in ipc.OutcomeAsk, cell string) (ipc.OutcomeList, error) {
	g, err := p.registry.find(base64.RawURLEncoding.EncodeToString(in.Auth.Capability), cell)
	if err != nil {
		return ipc.OutcomeList{}, err
	}
	if len(in.Attempts) > ipc.MaxOutcomes {
		return ipc.OutcomeList{}, ipc.Errorf(ipc.CodeInvalid, "at most %d attempts are asked about at once", ipc.MaxOutcomes)
	}
	return ipc.OutcomeList{Outcomes: p.outcomes.of(g.person.uid, in.Attempts)}, nil
}
