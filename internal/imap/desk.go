package imap

import "sync"

// Desks are what connections read and parse with, for all connections of a process:
// one that the server has nothing to say on holds none. Nothing of what was read with a
// desk is on it when the next connection gets it. The zero value is ready, and safe for
// concurrent use.
type Desks struct{ pool sync.Pool }

// desk is room for what the server sends, and for one response of it.
type desk struct {
	in   []byte
	tree tree
}

func (d *Desks) take() *desk {
	if k, ok := d.pool.Get().(*desk); ok {
		return k
	}
	return &desk{in: make([]byte, readBuffer)}
}

// give takes a desk back; used is how much of in was written to.
func (d *Desks) give(k *desk, used int) {
	clear(k.in[:used])
	k.tree.wipe()
	d.pool.Put(k)
}
