package gate

import "sync"

// busy counts the requests of each person that are under way in cells. The line to
// a cell has so many connections for all of its people: one person with a thousand
// slow downloads must not keep the others out.
type busy struct {
	max int
	mu  sync.Mutex // guards by
	by  map[string]int
}

func newBusy(max int) *busy { return &busy{max: max, by: map[string]int{}} }

// enter takes a place for a person; ok is false when they have max.
func (b *busy) enter(login string) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[login] >= b.max {
		return nil, false
	}
	b.by[login]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.by[login]--; b.by[login] == 0 {
			delete(b.by, login)
		}
	}, true
}
