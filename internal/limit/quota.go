package limit

import (
	"sync"
	"time"
)

// Quota caps an amount per hour under one or more keys at once. It refills
// evenly.
type Quota struct {
	mu   sync.Mutex // guards used
	used map[string]*level
}

// NewQuota makes a quota of which nothing is used.
func NewQuota() *Quota { return &Quota{used: map[string]*level{}} }

// Take asks for n under each key, whose value is its cap per hour: all or
// nothing. When it is refused, wait is how long until it fits; an n above a cap
// never fits and waits the whole window.
func (q *Quota) Take(n int, caps map[string]int) (wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, perHour := range caps {
		l := q.used[key]
		if l == nil {
			l = &level{}
		}
		if over := l.now(float64(perHour)) + float64(n) - float64(perHour); over > 0 {
			wait = max(wait, min(window, time.Duration(over/float64(perHour)*float64(window))))
		}
	}
	if wait > 0 {
		return wait, false
	}
	for key, perHour := range caps {
		l := q.used[key]
		if l == nil {
			l = &level{}
			q.used[key] = l
		}
		l.count, l.at = l.now(float64(perHour))+float64(n), time.Now()
	}
	if len(q.used) > maxKeys {
		forgetOlder(q.used)
	}
	return 0, true
}

// Give takes back a Take of n that came to nothing.
func (q *Quota) Give(n int, caps map[string]int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, perHour := range caps {
		if l := q.used[key]; l != nil {
			l.count, l.at = max(0, l.now(float64(perHour))-float64(n)), time.Now()
		}
	}
}
