package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// A snapshot is: magic, version, tier of ids, a check of the account's key, then
// the sections of encode in their order, every number little-endian, every text
// and list behind its length. Rows are numbered without gaps. It holds no
// content; it is sealed by whoever keeps it.
//
// Versions 1 and 2 were never stored. A snapshot of another version is refused: a
// new index has the same ids, and a new epoch. docs/formats/index.md has the layout.
const (
	snapshotMagic   = "CofIndex"
	snapshotVersion = 3
)

var errSnapshot = errors.New("snapshot is damaged")

// Snapshot returns the index as bytes; nil while it is not complete, and of one
// with more than MaxSnapshot mails.
func (ix *Index) Snapshot() []byte {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if !ix.complete || ix.live > MaxSnapshot {
		return nil
	}
	w := &writer{ix: ix, at: make([]uint32, len(ix.rows))}
	w.b = make([]byte, 0, 4096+ix.live*96)
	w.b = append(w.b, snapshotMagic...)
	w.b = append(w.b, snapshotVersion, byte(ix.names.identity))
	check := ix.names.mac("snapshot")
	w.b = append(w.b, check[:8]...)
	w.log()
	w.words()
	w.rows()
	w.boxes()
	return w.b
}

// writer encodes an index.
type writer struct {
	b  []byte
	ix *Index
	at []uint32 // the number of a row in the snapshot
}

func (w *writer) u32(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *writer) n(v int)      { w.u32(uint32(v)) }
func (w *writer) text(s string) {
	w.n(len(s))
	w.b = append(w.b, s...)
}
func (w *writer) flag(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) log() {
	ix := w.ix
	w.text(ix.epoch)
	for _, v := range []uint32{ix.seq, ix.floor, ix.emailSeq, ix.threadSeq, ix.boxSeq, ix.arriveSeq} {
		w.u32(v)
	}
	w.n(len(ix.past))
	for _, b := range ix.past {
		w.text(b.epoch)
		w.u32(b.upTo)
	}
	w.n(len(ix.tombs))
	for _, t := range ix.tombs {
		w.b = append(append(w.b, t.key[:]...), t.thread[:]...)
		w.u32(t.created)
		w.u32(t.destroyed)
		w.u32(t.when)
	}
	w.n(len(ix.boxTombs))
	for _, t := range ix.boxTombs {
		w.text(string(t.id))
		w.u32(t.created)
		w.u32(t.destroyed)
	}
}

func (w *writer) words() {
	w.n(len(w.ix.words.sets))
	for _, set := range w.ix.words.sets {
		w.n(len(set))
		for _, k := range set {
			w.text(string(k))
		}
	}
	w.n(len(w.ix.names.long))
	for k, v := range w.ix.names.long {
		w.text(k)
		w.text(v)
	}
}

// rows writes the mails, in the order of the uids of their mailboxes: so the
// reader has little to sort. Of each its fields, then its copies.
func (w *writer) rows() {
	ix := w.ix
	w.n(ix.live)
	done := newBits(len(ix.rows))
	next := uint32(0)
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		for _, at := range b.uids {
			if i := ix.emailOf(at); !done.has(i) {
				done.set(i)
				w.at[i] = next
				next++
				w.row(i)
			}
		}
	}
}

func (w *writer) row(i uint32) {
	ix := w.ix
	r := &ix.rows[i]
	w.b = append(append(append(w.b, r.key[:]...), r.thread[:]...), r.msgid[:]...)
	w.u64(uint64(ix.received(i)))
	for _, v := range []uint32{r.size, r.created, r.arrived, ix.updated[i], uint32(ix.marks[i])} {
		w.u32(v)
	}
	if r.more == 0 {
		w.n(1)
		w.u32(uint32(r.box))
		w.u32(r.uid)
		return
	}
	var list []extra
	for m := r.more; m != 0; m = ix.extra[m-1].next {
		list = append(list, ix.extra[m-1])
	}
	w.n(len(list))
	for _, e := range list {
		w.u32(uint32(e.box))
		w.u32(e.uid)
		w.u32(uint32(e.marks))
	}
}

func (w *writer) boxes() {
	ix := w.ix
	w.n(len(ix.byID))
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		w.u32(uint32(b.slot))
		for _, s := range []string{string(b.id), string(b.parent), b.leaf, b.up.Name, b.up.Delimiter, b.up.ID, string(b.up.Role)} {
			w.text(s)
		}
		for _, v := range []bool{b.up.Inbox, b.up.Selectable, b.up.NoChildren, b.up.Subscribed, b.synced} {
			w.flag(v)
		}
		w.u32(uint32(b.up.Rights))
		w.marks(b.up.Marks)
		w.marks(b.marks)
		for _, v := range []uint32{b.created, b.renamed, b.recount} {
			w.u32(v)
		}
		w.n(len(b.hidden.Ranges()))
		for _, r := range b.hidden.Ranges() {
			w.u32(uint32(r.Start))
			w.u32(uint32(r.Stop))
		}
		w.n(len(b.order))
		for _, i := range b.order {
			w.u32(w.at[i])
		}
	}
}

func (w *writer) marks(m upstream.Marks) {
	w.u32(m.UIDValidity)
	w.u32(uint32(m.UIDNext))
	w.u64(m.ModSeq)
	w.u32(m.Messages)
	w.u32(m.Unseen)
}

// decode makes an index of a snapshot. It is strict: what does not hold together
// is refused.
func decode(b []byte, identity upstream.Identity, key []byte) (*Index, error) {
	head := len(snapshotMagic) + 2 + 8
	if len(b) < head || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, errors.New("not a snapshot")
	}
	if v := b[len(snapshotMagic)]; v != snapshotVersion {
		return nil, fmt.Errorf("snapshot version %d is not known", v)
	}
	ix := newIndex(identity, key, "")
	check := ix.names.mac("snapshot")
	if upstream.Identity(b[len(snapshotMagic)+1]) != identity || string(b[head-8:head]) != string(check[:8]) {
		return nil, errors.New("snapshot of an account with other ids")
	}
	r := &reader{b: b[head:], ix: ix}
	r.log()
	r.words()
	r.rows()
	r.boxes()
	if r.bad || len(r.b) > 0 || !ix.sound() {
		return nil, errSnapshot
	}
	ix.complete = true
	ix.setTrash()
	ix.countAll()
	return ix, nil
}

// sound says whether what was read can be worked with. A cell that was broken into
// can have written it: then it may say what is wrong, but nobody who reads it may
// fall over it. The rows' own checks are the reader's.
func (ix *Index) sound() bool {
	known := func(seqs ...uint32) bool {
		return !slices.ContainsFunc(seqs, func(s uint32) bool { return s > ix.seq })
	}
	ok := jmap.ValidID(ix.epoch) && known(ix.floor, ix.emailSeq, ix.threadSeq, ix.boxSeq, ix.arriveSeq)
	for _, b := range ix.past {
		ok = ok && jmap.ValidID(b.epoch)
	}
	for i, t := range ix.tombs {
		ok = ok && ix.names.soundEmail(t.key) && ix.names.sound(t.thread[:]) && known(t.created, t.destroyed) &&
			(i == 0 || ix.tombs[i-1].destroyed < t.destroyed)
	}
	for _, t := range ix.boxTombs {
		ok = ok && jmap.ValidID(string(t.id)) && known(t.created, t.destroyed)
	}
	for i := range ix.rows {
		r := &ix.rows[i]
		ok = ok && ix.names.soundEmail(r.key) && ix.names.sound(r.thread[:]) && known(r.created, ix.updated[i])
	}
	hidden := uint64(0)
	for _, b := range ix.byID {
		hidden += b.hidden.Count()
		ok = ok && hidden <= MaxMails && jmap.ValidID(string(b.id)) && (b.parent == "" || ix.byID[b.parent] != nil) && known(b.created, b.renamed, b.recount)
	}
	return ok
}

// reader decodes; the first thing that does not fit makes it bad, after which it
// reads zeroes.
type reader struct {
	b   []byte
	bad bool
	ix  *Index
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) || r.bad {
		r.bad = true
		return make([]byte, min(max(n, 0), 64))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) flag() bool  { return r.take(1)[0] == 1 }

// n reads the length of a list whose elements take size bytes at least.
func (r *reader) n(size int) int {
	n := int(r.u32())
	if r.bad || n > len(r.b)/size {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) text() string {
	n := r.n(1)
	return string(r.take(n))
}

func (r *reader) log() {
	ix := r.ix
	ix.epoch = r.text()
	for _, v := range []*uint32{&ix.seq, &ix.floor, &ix.emailSeq, &ix.threadSeq, &ix.boxSeq, &ix.arriveSeq} {
		*v = r.u32()
	}
	for range r.n(8) {
		b := branch{r.text(), r.u32()}
		last := len(ix.past) - 1
		r.bad = r.bad || b.upTo > ix.seq || last >= 0 && b.upTo <= ix.past[last].upTo
		ix.past = append(ix.past, b)
	}
	for range r.n(40) {
		t := tomb{key: emailKey(r.take(16)), thread: threadKey(r.take(12))}
		t.created, t.destroyed, t.when = r.u32(), r.u32(), r.u32()
		ix.tombs = append(ix.tombs, t)
	}
	for range r.n(12) {
		ix.boxTombs = append(ix.boxTombs, boxTomb{jmap.MailboxID(r.text()), r.u32(), r.u32()})
	}
}

func (r *reader) words() {
	for i := range r.n(4) {
		var set []jmap.Keyword
		for range r.n(5) {
			set = append(set, jmap.Keyword(r.text()))
		}
		if i > 0 && int(r.ix.words.intern(set)) != i {
			r.bad = true
		}
	}
	for range r.n(8) {
		k := r.text()
		r.ix.names.long[k] = r.text()
	}
}

func (r *reader) rows() {
	ix := r.ix
	count := r.n(74)
	ix.reserve(count)
	for range count {
		key, thread := emailKey(r.take(16)), threadKey(r.take(12))
		msgid := [6]byte(r.take(6))
		date := int64(r.u64())
		size, created, arrived, updated, m := r.u32(), r.u32(), r.u32(), r.u32(), marks(r.u32())
		if _, twin := ix.find(&key); twin || r.bad || thread == (threadKey{}) || int(m.set()) >= len(ix.words.sets) {
			r.bad = true
			return
		}
		i := ix.allocAt(key, thread, date, int64(size))
		ix.rows[i].msgid, ix.rows[i].created, ix.rows[i].arrived = msgid, created, arrived
		ix.updated[i], ix.marks[i] = updated, m
		r.copies(i)
	}
}

// copies reads the copies of a row.
func (r *reader) copies(i uint32) {
	ix := r.ix
	n := r.n(8)
	if n == 1 {
		ix.rows[i].box, ix.rows[i].uid = uint16(r.u32()), r.u32()
		return
	}
	link := &ix.rows[i].more
	for range n {
		at := ix.allocExtra(extra{email: i, box: uint16(r.u32()), uid: r.u32(), marks: marks(r.u32())})
		if int(ix.extra[at].marks.set()) >= len(ix.words.sets) {
			r.bad = true
		}
		*link = at + 1
		link = &ix.extra[at].next
	}
	if n == 0 {
		r.bad = true
	}
}

func (r *reader) boxes() {
	for range r.n(80) {
		b := &box{slot: uint16(r.u32())}
		b.id, b.parent, b.leaf = jmap.MailboxID(r.text()), jmap.MailboxID(r.text()), r.text()
		b.up.Name, b.up.Delimiter, b.up.ID, b.up.Role = r.text(), r.text(), r.text(), jmap.Role(r.text())
		for _, v := range []*bool{&b.up.Inbox, &b.up.Selectable, &b.up.NoChildren, &b.up.Subscribed, &b.synced} {
			*v = r.flag()
		}
		b.up.Rights = jmap.Rights(r.u32())
		b.up.Marks, b.marks = r.marks(), r.marks()
		b.created, b.renamed, b.recount = r.u32(), r.u32(), r.u32()
		for range r.n(8) {
			b.hidden.AddRange(upstream.UID(r.u32()), upstream.UID(r.u32()))
		}
		n := r.n(4)
		b.order, b.uids = make([]uint32, n), make([]ref, 0, n)
		for at := range b.order {
			b.order[at] = r.u32()
		}
		r.addBox(b)
	}
	r.addCopies()
}

func (r *reader) marks() upstream.Marks {
	return upstream.Marks{UIDValidity: r.u32(), UIDNext: upstream.UID(r.u32()), ModSeq: r.u64(), Messages: r.u32(), Unseen: r.u32()}
}

func (r *reader) addBox(b *box) {
	ix := r.ix
	for len(ix.boxes) <= int(b.slot) {
		ix.boxes = append(ix.boxes, nil)
	}
	if r.bad || b.slot == noBox || ix.boxes[b.slot] != nil || ix.byID[b.id] != nil {
		r.bad = true
		return
	}
	ix.boxes[b.slot], ix.byID[b.id], ix.byName[b.up.Name] = b, b, b
}

// addCopies puts every copy into its mailbox and looks whether the orders are
// those of the mails that are there.
func (r *reader) addCopies() {
	ix := r.ix
	for i := range ix.rows {
		for at, slot := range ix.copies(uint32(i)) {
			if r.bad || int(slot) >= len(ix.boxes) || ix.boxes[slot] == nil {
				r.bad = true
				return
			}
			b := ix.boxes[slot]
			b.uids = append(b.uids, at)
			r.bad = r.bad || ix.uidOf(at) == 0 // no mail has it, and no set of uids
		}
	}
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		byUID := func(x, y ref) int { return int(int64(ix.uidOf(x)) - int64(ix.uidOf(y))) }
		if !slices.IsSortedFunc(b.uids, byUID) {
			slices.SortFunc(b.uids, byUID)
		}
		for n, at := range b.uids {
			if n > 0 && ix.uidOf(b.uids[n-1]) == ix.uidOf(at) {
				r.bad = true
			}
		}
		r.checkOrder(b)
	}
}

func (r *reader) checkOrder(b *box) {
	ix := r.ix
	for n, i := range b.order {
		if int(i) >= len(ix.rows) || !ix.in(i, b.slot) || n > 0 && !ix.less(b.order[n-1], i) {
			r.bad = true
			return
		}
	}
	mails := len(b.uids)
	for _, at := range b.uids {
		if i := ix.emailOf(at); ix.isTwin(i, at, b.slot) {
			mails--
		}
	}
	if mails != len(b.order) {
		r.bad = true
	}
}
