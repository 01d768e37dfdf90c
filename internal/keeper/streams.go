package keeper

import "sync"

// streams bounds the uploads that are under way, by person and by cell.
type streams struct {
	mu sync.Mutex // guards by
	by map[string]int
}

func newStreams() *streams { return &streams{by: map[string]int{}} }

// enter takes a place; false: there is none. leave gives it back.
func (s *streams) enter(person, cell string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, c := "p"+person, "c"+cell
	if s.by[p] >= streamsPerson || s.by[c] >= streamsCell {
		return nil, false
	}
	s.by[p]++
	s.by[c]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, key := range []string{p, c} {
			if s.by[key]--; s.by[key] == 0 {
				delete(s.by, key)
			}
		}
	}, true
}
