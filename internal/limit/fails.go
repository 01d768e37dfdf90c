package limit

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// firstWait is what the first failure over the limit costs; each further one
	// doubles it up to maxWait.
	firstWait = 30 * time.Second
	maxWait   = 15 * time.Minute
	window    = time.Hour
	// maxDoublings keeps the shift from running over; maxWait is reached before.
	maxDoublings = 10
	// maxKeys bounds the memory; when it is reached, the older half is forgotten.
	maxKeys = 200_000
)

// Fails counts failures by key and says how long the next attempt must wait. It
// never locks for good: after maxWait an attempt is let through.
type Fails struct {
	mu   sync.Mutex // guards keys
	keys map[string]*level
}

type level struct {
	count float64 // at the time at; decays to nothing within the window
	at    time.Time
}

// NewFails makes an empty counter.
func NewFails() *Fails { return &Fails{keys: map[string]*level{}} }

func (l *level) now(perHour float64) float64 {
	return max(0, l.count-perHour*time.Since(l.at).Seconds()/window.Seconds())
}

// Wait is how long an attempt under key must wait, 0 for not at all, when
// perHour failures an hour are let pass.
func (f *Fails) Wait(key string, perHour int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.keys[key]
	if l == nil {
		return 0
	}
	over := l.now(float64(perHour)) - float64(perHour) + 1
	if over <= 0 {
		return 0
	}
	// Failures decay from the first moment on: the first one over the limit has
	// an over of 1 or just below.
	doublings := min(int(math.Ceil(over))-1, maxDoublings)
	wait := min(firstWait<<doublings, maxWait)
	return max(0, wait-time.Since(l.at))
}

// Add counts a failure.
func (f *Fails) Add(key string, perHour int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.keys[key]
	if l == nil {
		l = &level{}
		f.keys[key] = l
	}
	l.count, l.at = l.now(float64(perHour))+1, time.Now()
	if len(f.keys) > maxKeys {
		forgetOlder(f.keys)
	}
}

// Forget drops what was counted under key.
func (f *Fails) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
}

// forgetOlder drops the half that changed longest ago.
func forgetOlder(keys map[string]*level) {
	type aged struct {
		key string
		at  time.Time
	}
	all := make([]aged, 0, len(keys))
	for k, l := range keys {
		all = append(all, aged{k, l.at})
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, a := range all[:len(all)/2] {
		delete(keys, a.key)
	}
}
