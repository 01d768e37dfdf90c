package replica

// uncount takes the threads that the transaction will touch out of the counts;
// recount puts them back as they are then.
func (r *run) uncount() {
	ix, t := r.ix, r.t
	if !ix.complete {
		return // all is counted when the index becomes complete
	}
	r.counts = make([]counts, len(ix.boxes))
	for i, b := range ix.boxes {
		if b != nil {
			r.counts[i] = b.counts
		}
	}
	r.counted = make(map[threadKey]struct{})
	for i := range t.adds {
		r.uncountThread(t.adds[i].thread)
		if at, ok := t.adds[i].box.findUID(&ix.columns, t.adds[i].uid); ok {
			r.uncountRef(t.adds[i].box.uids[at])
		}
	}
	for i := range t.flags {
		if at, ok := t.flags[i].box.findUID(&ix.columns, t.flags[i].uid); ok {
			r.uncountRef(t.flags[i].box.uids[at])
		}
	}
	for _, b := range t.resets {
		for _, at := range b.uids {
			r.uncountRef(at)
		}
	}
	for _, rm := range t.removes {
		from, _ := rm.box.findUID(&ix.columns, uint32(rm.uids.Ranges()[0].Start))
		for _, at := range rm.box.uids[from:] {
			if rm.uids.Contains(uidOf(ix.uidOf(at))) {
				r.uncountRef(at)
			}
		}
	}
}

func (r *run) uncountRef(at ref) { r.uncountThread(r.ix.rows[r.ix.emailOf(at)].thread) }

func (r *run) uncountThread(k threadKey) {
	if _, ok := r.counted[k]; ok {
		return
	}
	r.counted[k] = struct{}{}
	if i, ok := r.ix.findThread(&k); ok {
		r.ix.countThread(i, -1)
	}
}

// recount counts the threads again and logs the mailboxes that changed.
func (r *run) recount() {
	ix := r.ix
	for k := range r.counted {
		if i, ok := ix.findThread(&k); ok {
			ix.countThread(i, 1)
		}
	}
	for i, c := range r.counts {
		if b := ix.boxes[i]; b != nil && b.counts != c {
			b.recount = ix.next()
			ix.boxSeq = ix.seq
		}
	}
}

// countThread adds the thread of mail i to the counts of its mailboxes, or with
// sign -1 takes it away.
func (ix *Index) countThread(i uint32, sign int) {
	var buf [16]uint16
	boxes := buf[:0]
	unread, unreadTrash := false, false
	for j := range ix.thread(i) {
		u := ix.marks[j].unread()
		trashed, elsewhere := false, false
		for at, slot := range ix.copies(j) {
			if ix.isTwin(j, at, slot) {
				continue
			}
			b := ix.boxes[slot]
			b.emails += sign
			if u {
				b.unread += sign
			}
			trashed, elsewhere = trashed || b == ix.trash, elsewhere || b != ix.trash
			if !containsSlot(boxes, slot) {
				boxes = append(boxes, slot)
			}
		}
		// RFC 8621, section 2: mail in the trash counts as a thread of its own.
		unread = unread || u && elsewhere
		unreadTrash = unreadTrash || u && trashed
	}
	for _, slot := range boxes {
		b := ix.boxes[slot]
		b.threads += sign
		if b == ix.trash && unreadTrash || b != ix.trash && unread {
			b.unreadThreads += sign
		}
	}
}

// isTwin reports whether a mail has an earlier copy in the same mailbox.
func (ix *Index) isTwin(i uint32, at ref, slot uint16) bool {
	if ix.rows[i].more == 0 {
		return false
	}
	for first, s := range ix.copies(i) {
		if s == slot {
			return first != at
		}
	}
	return false
}

func containsSlot(list []uint16, slot uint16) bool {
	for _, s := range list {
		if s == slot {
			return true
		}
	}
	return false
}

// countAll counts everything from nothing.
func (ix *Index) countAll() {
	for _, b := range ix.boxes {
		if b != nil {
			b.counts = counts{}
		}
	}
	seen := newBits(len(ix.rows))
	for i := range ix.rows {
		if ix.rows[i].dead() || seen.has(uint32(i)) {
			continue
		}
		for j := range ix.thread(uint32(i)) {
			seen.set(j)
		}
		ix.countThread(uint32(i), 1)
	}
}

// bits is a set of row numbers.
type bits []uint64

func newBits(n int) bits         { return make(bits, (n+63)/64) }
func (b bits) has(i uint32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i uint32)      { b[i/64] |= 1 << (i % 64) }
