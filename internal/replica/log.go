package replica

import (
	"maps"
	"slices"
	"time"
)

// mergeOrders brings the mailboxes' orders up to date.
func (r *run) mergeOrders() {
	c := &r.ix.columns
	for b, list := range r.joined {
		list = slices.DeleteFunc(list, func(i uint32) bool {
			return !c.in(i, b.slot) || slices.Contains(r.was[i].boxes, b.slot)
		})
		if len(list) <= smallBatch {
			for _, i := range list {
				b.addOrder(c, i)
			}
			continue
		}
		slices.SortFunc(list, c.compare)
		b.order = merge(b.order, list, c.compare)
	}
	for b, list := range r.left {
		list = slices.DeleteFunc(list, func(i uint32) bool { return c.in(i, b.slot) })
		if len(list) <= smallBatch {
			for _, i := range list {
				b.removeOrder(c, i)
			}
			continue
		}
		gone := newBits(len(c.rows))
		for _, i := range list {
			gone.set(i)
		}
		b.order = slices.DeleteFunc(b.order, gone.has)
	}
}

// log writes down what became of the touched mails, frees the destroyed ones
// and counts anew.
func (r *run) log() {
	ix := r.ix
	for _, i := range slices.Sorted(maps.Keys(r.was)) {
		w := r.was[i]
		switch exists := ix.rows[i].box != noBox || ix.rows[i].more != 0; {
		case exists && !w.existed:
			r.logCreated(i)
		case exists:
			r.logUpdated(i, w)
		default:
			r.logDestroyed(i, w)
		}
	}
	r.recount()
}

func (r *run) logCreated(i uint32) {
	ix := r.ix
	if r.t.quiet {
		return
	}
	ix.rows[i].created = ix.next()
	ix.updated[i] = ix.seq
	ix.emailSeq, ix.threadSeq = ix.seq, ix.seq
	if !r.t.mine {
		ix.arriveSeq = ix.seq
	}
}

func (r *run) logUpdated(i uint32, w before) {
	ix := r.ix
	if w.marks&^markOwn == ix.marks[i]&^markOwn && slices.Equal(w.boxes, ix.boxesOf(i)) {
		return
	}
	ix.updated[i] = ix.next()
	ix.emailSeq = ix.seq
}

func (r *run) logDestroyed(i uint32, w before) {
	ix := r.ix
	if w.existed && ix.complete {
		ix.tombs = append(ix.tombs, tomb{
			key: ix.rows[i].key, thread: ix.rows[i].thread, created: ix.rows[i].created,
			destroyed: ix.next(), when: uint32(time.Now().Unix()),
		})
		ix.emailSeq, ix.threadSeq = ix.seq, ix.seq
		ix.forgetTombs()
	}
	ix.release(i)
}

// forgetTombs keeps the number and age of tombs in bounds.
func (ix *Index) forgetTombs() {
	n := max(len(ix.tombs)-maxTombs, 0)
	oldest := uint32(time.Now().Add(-tombLife).Unix())
	for n < len(ix.tombs) && ix.tombs[n].when < oldest {
		n++
	}
	if n > 0 {
		ix.floor = max(ix.floor, ix.tombs[n-1].destroyed)
		ix.tombs = slices.Delete(ix.tombs, 0, n)
	}
}
