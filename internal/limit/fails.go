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
	// openWait is for one that comes while as many as may fail are under way: most
	// of them will not fail, and be over in a moment.
	openWait = time.Second
	// maxDoublings keeps the shift from running over; maxWait is reached before.
	maxDoublings = 10
	// maxKeys bounds the memory; when it is reached, the older half is forgotten.
	maxKeys = 200_000
)

// Fails counts failures by key and says how long the next attempt must wait. It
// never locks for good: after maxWait an attempt is let through. Attempts that are
// under way count as well: else any number of guesses made at the same moment
// would pass before the first of them has failed.
type Fails struct {
	mu   sync.Mutex // guards keys
	keys map[string]*level
}

type level struct {
	count float64 // at the time at; decays to nothing within the window
	at    time.Time
	open  int // attempts under way
}

// NewFails makes an empty counter.
func NewFails() *Fails { return &Fails{keys: map[string]*level{}} }

func (l *level) now(perHour float64) float64 {
	return max(0, l.count-perHour*time.Since(l.at).Seconds()/window.Seconds())
}

// Begin asks for an attempt under key, when perHour failures an hour are let
// pass. With a wait of 0 it is under way, until the caller says by end, once,
// whether it failed; else the attempt must wait that long, and end is nil.
func (f *Fails) Begin(key string, perHour int) (end func(failed bool), wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if wait := f.wait(key, perHour); wait > 0 {
		return nil, wait
	}
	l := f.level(key)
	if left := perHour - int(math.Ceil(l.now(float64(perHour)))); l.open >= max(1, left) {
		return nil, openWait
	}
	l.open++
	return func(failed bool) { f.end(key, l, perHour, failed) }, 0
}

// end ends an attempt.
func (f *Fails) end(key string, l *level, perHour int, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.open--
	if failed {
		f.add(key, perHour)
	} else if l.open == 0 && l.count == 0 && f.keys[key] == l {
		delete(f.keys, key)
	}
}

// level is the count of a key. It needs mu.
func (f *Fails) level(key string) *level {
	l := f.keys[key]
	if l == nil {
		l = &level{}
		f.keys[key] = l
	}
	return l
}

// wait is how long an attempt under key must wait, 0 for not at all. It needs mu.
func (f *Fails) wait(key string, perHour int) time.Duration {
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

// add counts a failure. It needs mu.
func (f *Fails) add(key string, perHour int) {
	l := f.level(key)
	l.count, l.at = l.now(float64(perHour))+1, time.Now()
	if len(f.keys) > maxKeys {
		forgetOlder(f.keys)
	}
}

// Forget drops what was counted under key. What is under way stays so.
func (f *Fails) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.keys[key]
	if l == nil {
		return
	}
	if l.count = 0; l.open == 0 {
		delete(f.keys, key)
	}
}

// forgetOlder drops the half that changed longest ago.
func forgetOlder(keys map[string]*level) {
	type aged struct {
		key string
		at  time.Time
	}
	all := make([]aged, 0, len(keys))
	for k, l := range keys {
		if l.open == 0 {
			all = append(all, aged{k, l.at})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, a := range all[:len(all)/2] {
		delete(keys, a.key)
	}
}
