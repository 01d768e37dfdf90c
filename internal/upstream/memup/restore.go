package memup

import (
	"maps"
	"slices"
)

// Copy is a backup of the account as it is. The returned function restores it, as an
// operator restores a mail store: with the uids, UIDVALIDITYs and mod-sequences of
// then, so that those that were given since are given again. Nobody is told.
func (a *Account) Copy() (restore func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept, used, validity := copyBoxes(a.boxes), a.used, a.validity
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.boxes, a.used, a.validity = copyBoxes(kept), used, validity
	}
}

func copyBoxes(boxes map[string]*mailbox) map[string]*mailbox {
	out := maps.Clone(boxes)
	for name, b := range out {
		c := *b
		c.mails, c.gone = nil, slices.Clone(b.gone)
		for _, m := range b.mails {
			n := *m
			n.flags = slices.Clone(m.flags)
			c.mails = append(c.mails, &n)
		}
		out[name] = &c
	}
	return out
}
