package cell

import (
	"context"

	"cofferdam/internal/jmap"
)

// classes are those that are kept of a person.
func (p *person) classes() []*class { return []*class{p.outbox, p.settings} }

// Faults implements account.Faults: what was found wrong with the person's sealed
// classes and what they did not acknowledge yet, class by class. The account must
// be open. A locked session has no class, and so none.
func (p *person) Faults() (out []jmap.Fault) {
	for _, s := range p.classes() {
		for _, f := range s.faults() {
			out = append(out, jmap.Fault{Class: string(s.key.Class()), Kind: string(f.Kind), Found: f.Found, Rows: f.Rows})
		}
	}
	return out
}

// Acknowledge implements account.Faults.
func (p *person) Acknowledge(ctx context.Context) error {
	for _, s := range p.classes() {
		if len(s.faults()) == 0 {
			continue
		}
		if err := s.open.Acknowledge(ctx); err != nil {
			return err
		}
	}
	return nil
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
			n += len(p.Faults())
		default: // known in a moment
		}
	}
	return n
}
