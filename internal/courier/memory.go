package courier

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// busy counts the pushes under way.
type busy struct {
	mu  sync.Mutex // guards the rest
	all int
	of  map[string]int
}

// enter counts one of a person; leave ends it. It is refused when there are too many.
func (b *busy) enter(person string) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= maxAtOnce || b.of[person] >= maxPerson {
		return nil, false
	}
	b.all++
	b.of[person]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all--
		if b.of[person]--; b.of[person] == 0 {
			delete(b.of, person)
		}
	}, true
}

// times is what is remembered of URLs: a time each. When there are too many, the
// older half is forgotten.
type times struct {
	max int

	mu sync.Mutex // guards at
	at map[[32]byte]time.Time
}

func newTimes(max int) *times { return &times{max: max, at: map[[32]byte]time.Time{}} }

func (t *times) get(key [32]byte) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at[key]
}

func (t *times) set(key [32]byte, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[key] = at
	if len(t.at) <= t.max {
		return
	}
	keys := make([][32]byte, 0, len(t.at))
	for k := range t.at {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [32]byte) int { return cmp.Compare(t.at[a].UnixNano(), t.at[b].UnixNano()) })
	for _, k := range keys[:len(keys)/2] {
		delete(t.at, k)
	}
}

// targets are the URLs that were posted to, by person.
type targets struct{ *times }

func targetKey(person string, url [32]byte) [32]byte {
	return sha256.Sum256(append(url[:], person...))
}

// known says whether a URL was posted to lately for a person.
func (t targets) known(person string, url [32]byte, now time.Time) bool {
	return now.Sub(t.get(targetKey(person, url))) < knownFor
}

func (t targets) note(person string, url [32]byte, now time.Time) {
	t.set(targetKey(person, url), now)
}

// pauses are the URLs whose service asked to be left alone, and until when.
type pauses struct{ *times }

func (p pauses) left(url [32]byte, now time.Time) time.Duration { return p.get(url).Sub(now) }
