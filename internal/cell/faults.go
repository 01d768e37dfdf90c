package cell

import "cofferdam/internal/records"

// faults are what was found wrong with a person's sealed classes and what they did
// not acknowledge yet, class by class. The account must be open. A locked session has
// no class, and so none.
func (p *person) faults() []records.Fault {
	return append(p.outbox.faults(), p.settings.faults()...)
}

// faults counts those of everybody here.
func (ps *people) faults() int {
	ps.mu.Lock()
	all := make([]*person, 0, len(ps.byRoom))
	for _, p := range ps.byRoom {
		all = append(all, p)
	}
	ps.mu.Unlock()
	n := 0
	for _, p := range all {
		select {
		case <-p.opened:
			n += len(p.faults())
		default: // known in a moment
		}
	}
	return n
}
