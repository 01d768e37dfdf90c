package keeper

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cofferdam/internal/user"
)

// rates bounds the record calls of a person, so that a hostile cell cannot keep
// the database busy.
type rates struct {
	mu sync.Mutex // guards by
	by map[user.ID]*rated
}

type rated struct {
	limiter *rate.Limiter
	used    time.Time
}

func newRates() *rates { return &rates{by: map[user.ID]*rated{}} }

func (r *rates) allow(uid user.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.by[uid]
	if e == nil {
		e = &rated{limiter: rate.NewLimiter(recordRate, 2*recordRate)}
		r.by[uid] = e
	}
	e.used = time.Now()
	return e.limiter.Allow()
}

// sweep forgets people who called nothing for a while.
func (r *rates) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, e := range r.by {
		if time.Since(e.used) > time.Minute {
			delete(r.by, uid)
		}
	}
}
