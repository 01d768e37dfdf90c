package porter

import (
	"sync"
	"time"

	"cofferdam/internal/ipc"
)

// refusals notes credentials of live sessions that the platform did not take. A
// platform in trouble may say no to a good one, so that a single no ends nothing;
// but a password that was changed must neither be tried again and again, which
// locks people out at many platforms, nor leave its session alive.
type refusals struct {
	mu sync.Mutex // guards of
	of map[[32]byte]*refusal
}

type refusal struct {
	count int
	last  time.Time // of the last no that counted
	tried time.Time // after it
}

func newRefusals() *refusals { return &refusals{of: map[[32]byte]*refusal{}} }

var (
	errRefusedNow  = ipc.Errorf(ipc.CodeUnavailable, "the mail platform did not accept the sign-in just now")
	errRefusedOver = ipc.Errorf(ipc.CodeExpired, "the mail platform does not accept the sign-in any more")
)

// begin says whether a credential may be shown to the platform now: after a no,
// by one at a time. CodeExpired means that its session is over.
func (r *refusals) begin(id [32]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.get(id)
	switch {
	case e == nil:
		return nil
	case e.count >= refusedTimes:
		return errRefusedOver
	case time.Since(e.last) < refusedPause, time.Since(e.tried) < refusedPause:
		return errRefusedNow
	}
	e.tried = time.Now()
	return nil
}

// over says whether a credential's session is over.
func (r *refusals) over(id [32]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.get(id)
	return e != nil && e.count >= refusedTimes
}

// get is what is known of a credential, nil for nothing. It needs mu.
func (r *refusals) get(id [32]byte) *refusal {
	e := r.of[id]
	if e != nil && time.Since(e.last) > refusedKept {
		delete(r.of, id)
		return nil
	}
	return e
}

// add counts a no, and says what it means.
func (r *refusals) add(id [32]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.of) >= maxRefusals {
		for k, e := range r.of {
			if time.Since(e.last) > refusedKept {
				delete(r.of, k)
			}
		}
	}
	e := r.get(id)
	if e == nil {
		if len(r.of) >= maxRefusals {
			return errRefusedOver // this many at once are no moment's trouble
		}
		e = &refusal{}
		r.of[id] = e
	}
	if time.Since(e.last) >= refusedPause { // several at once are one
		e.count, e.last = e.count+1, time.Now()
	}
	if e.count >= refusedTimes {
		return errRefusedOver
	}
	return errRefusedNow
}

// forget notes a yes.
func (r *refusals) forget(id [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, id)
}
