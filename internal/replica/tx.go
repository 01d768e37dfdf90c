package replica

import (
	"slices"
	"sort"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/thread"
	"cofferdam/internal/upstream"
)

// tx gathers what one pass learned and applies it as one: a mail that vanished
// here and came there has moved. Building it touches nothing; commit does.
type tx struct {
	ix      *Index
	adds    []stagedRow
	flags   []stagedFlags
	removes []stagedRemove
	marks   map[*box]stagedMarks
	resets  []*box // mailboxes whose uids mean nothing any more
	hasher  *thread.Hasher

	// quiet leaves the change log alone: the mails were there all along and
	// only the index did not know them yet.
	quiet bool
	// mine is set for changes that the person made here: what comes is no
	// delivery (RFC 8621, section 1.5).
	mine bool
}

type stagedRow struct {
	box    *box
	uid    uint32
	key    emailKey
	thread threadKey
	msgid  [6]byte
	flags  []string
	marks  marks // instead of flags, for a copy of a known mail
	copied bool
	date   time.Time
	size   int64
}

type stagedFlags struct {
	box         *box
	uid         uint32
	flags       []string // the whole new set, unless patch
	patch       bool
	add, remove []string
}

type stagedRemove struct {
	box  *box
	uids upstream.UIDSet
}

type stagedMarks struct {
	marks  upstream.Marks
	synced bool
}

func (ix *Index) begin() *tx { return &tx{ix: ix, marks: make(map[*box]stagedMarks)} }

// add stages a mail of a mailbox. r is not kept.
func (t *tx) add(b *box, r *upstream.Row) {
	f := readFields(r.Header)
	if t.hasher == nil {
		t.hasher = t.ix.names.hasher()
	}
	t.ix.mu.Lock() // the namer interns
	key := t.ix.names.email(r, f)
	th, self := t.ix.names.thread(t.hasher, r, key, f)
	t.ix.mu.Unlock()
	t.adds = append(t.adds, stagedRow{
		box: b, uid: uint32(r.UID), key: key, thread: th, msgid: self,
		flags: slices.Clone(r.Flags), date: r.Date, size: r.Size,
	})
}

// place stages another copy of a mail that is known.
func (t *tx) place(b *box, uid upstream.UID, of ref) {
	c := &t.ix.columns
	i := c.emailOf(of)
	t.adds = append(t.adds, stagedRow{
		box: b, uid: uint32(uid), key: c.rows[i].key, thread: c.rows[i].thread, msgid: c.rows[i].msgid,
		marks: t.ix.copyMarks(of), copied: true, date: time.Unix(c.received(i), 0), size: int64(c.rows[i].size),
	})
}

func (t *tx) setFlags(b *box, uid upstream.UID, flags []string) {
	t.flags = append(t.flags, stagedFlags{box: b, uid: uint32(uid), flags: slices.Clone(flags)})
}

func (t *tx) patchFlags(b *box, uid upstream.UID, add, remove []string) {
	t.flags = append(t.flags, stagedFlags{box: b, uid: uint32(uid), patch: true, add: add, remove: remove})
}

func (t *tx) remove(b *box, uids upstream.UIDSet) {
	if !uids.Empty() {
		t.removes = append(t.removes, stagedRemove{b, uids})
	}
}

func (t *tx) mark(b *box, m upstream.Marks, synced bool) { t.marks[b] = stagedMarks{m, synced} }

// unstage takes back what was staged for a mailbox.
func (t *tx) unstage(b *box) {
	t.adds = slices.DeleteFunc(t.adds, func(s stagedRow) bool { return s.box == b })
	t.flags = slices.DeleteFunc(t.flags, func(s stagedFlags) bool { return s.box == b })
	t.removes = slices.DeleteFunc(t.removes, func(s stagedRemove) bool { return s.box == b })
}

// before is what a mail was when the transaction first touched it.
type before struct {
	existed bool
	marks   marks
	boxes   []uint16 // sorted
}

// run is a commit under way.
type run struct {
	t       *tx
	ix      *Index
	was     map[uint32]before
	left    map[*box][]uint32 // mails that lost a copy in the mailbox
	joined  map[*box][]uint32 // mails that got their first copy there
	newRefs map[*box][]ref
	hide    map[*box]upstream.UIDSet // marked \\Deleted just now
	counted map[threadKey]struct{}   // threads taken out of the counts
	counts  []counts                 // of the mailboxes before, by slot
	unknown []unknownUID
}

// unknownUID is a mail that became visible and has to be read.
type unknownUID struct {
	box *box
	uid upstream.UID
}

// commit applies the transaction. It returns the mails that lost their \Deleted
// flag: what the index knew of them is gone, so they must be read again.
func (t *tx) commit() ([]unknownUID, error) {
	ix := t.ix
	ix.mu.Lock()
	if ix.live+len(t.adds) > MaxMails {
		ix.mu.Unlock()
		return nil, ErrTooManyMails
	}
	r := &run{t: t, ix: ix, was: make(map[uint32]before, len(t.adds)), left: map[*box][]uint32{},
		joined: map[*box][]uint32{}, newRefs: map[*box][]ref{},
		hide: map[*box]upstream.UIDSet{}}
	seq, moved := ix.seq, t.moves()
	r.uncount()
	for _, b := range t.resets {
		r.reset(b)
	}
	for i := range t.adds {
		r.add(&t.adds[i])
	}
	r.mergeRefs()
	for i := range t.flags {
		r.setFlags(&t.flags[i])
	}
	for b, uids := range r.hide {
		r.remove(stagedRemove{b, uids})
		b.hidden.AddSet(uids)
	}
	for _, rm := range t.removes {
		r.remove(rm)
	}
	r.mergeOrders()
	for b, m := range t.marks {
		b.marks, b.synced = m.marks, m.synced
	}
	r.log()
	changed := ix.seq != seq
	if changed || moved || len(r.hide)+len(r.unknown) > 0 {
		ix.gen++ // a look that found everything as it was does not count
	}
	ix.mu.Unlock()
	if changed {
		ix.notify()
	}
	return r.unknown, nil
}

// moves says whether it changes more than flags, which may be as they were. It needs
// Index.mu.
func (t *tx) moves() bool {
	if t.quiet || len(t.adds)+len(t.removes)+len(t.resets) > 0 {
		return true
	}
	for b, m := range t.marks {
		if b.marks != m.marks || b.synced != m.synced {
			return true
		}
	}
	return false
}

// touch remembers what a mail was.
func (r *run) touch(i uint32, existed bool) {
	if _, ok := r.was[i]; ok {
		return
	}
	w := before{existed: existed}
	if existed {
		w.marks, w.boxes = r.ix.marks[i], r.ix.boxesOf(i)
	}
	r.was[i] = w
}

// boxesOf are the slots of a mail's mailboxes, sorted.
func (ix *Index) boxesOf(i uint32) []uint16 {
	var out []uint16
	for _, b := range ix.copies(i) {
		out = append(out, b)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// add makes a copy, and the mail if there is none yet.
func (r *run) add(s *stagedRow) {
	ix, b := r.ix, s.box
	m, deleted := s.marks, false
	if !s.copied {
		m, deleted = ix.words.read(s.flags)
	}
	at, known := b.findUID(&ix.columns, s.uid)
	if deleted {
		if known { // filed by us, and marked before anybody has looked
			r.hideUID(b, s.uid)
		} else {
			b.hidden.Add(upstream.UID(s.uid))
		}
		return
	}
	if known {
		r.setCopy(b.uids[at], m)
		return
	}
	b.hidden.Remove(upstream.UID(s.uid))
	i, ok := ix.find(&s.key)
	if !ok {
		i = ix.alloc(s.key, s.thread, s.date, s.size)
		ix.rows[i].box, ix.rows[i].uid, ix.rows[i].msgid = b.slot, s.uid, s.msgid
		ix.rows[i].arrived = s.uid
		ix.marks[i] = m
		r.touch(i, false)
		r.joined[b] = append(r.joined[b], i)
		r.newRefs[b] = append(r.newRefs[b], ref(i))
		return
	}
	r.touch(i, true)
	if ix.rows[i].box == noBox {
		ix.rows[i].box, ix.rows[i].uid = b.slot, s.uid
		ix.marks[i] = m | ix.marks[i]&markOwn
		r.joined[b] = append(r.joined[b], i)
		r.newRefs[b] = append(r.newRefs[b], ref(i))
		return
	}
	if r.hasNewUID(b, i, s.uid) {
		return // a server that says everything twice
	}
	if !ix.in(i, b.slot) {
		r.joined[b] = append(r.joined[b], i)
	}
	r.newRefs[b] = append(r.newRefs[b], r.addCopy(i, b.slot, s.uid, m))
}

// reset takes all copies of a mailbox from their mails, before it is read anew.
func (r *run) reset(b *box) {
	b.hidden = upstream.UIDSet{}
	if all := b.known(&r.ix.columns); !all.Empty() {
		r.remove(stagedRemove{b, all})
	}
}

// hasNewUID reports whether this transaction has already made that copy.
func (r *run) hasNewUID(b *box, i, uid uint32) bool {
	for ref, slot := range r.ix.copies(i) {
		if slot == b.slot && r.ix.uidOf(ref) == uid {
			return true
		}
	}
	return false
}

// addCopy adds a copy to a mail that has some.
func (r *run) addCopy(i uint32, slot uint16, uid uint32, m marks) ref {
	ix := r.ix
	if ix.rows[i].more == 0 {
		own := ix.allocExtra(extra{email: i, uid: ix.rows[i].uid, box: ix.rows[i].box, marks: ix.marks[i] &^ markOwn})
		r.rename(ix.boxes[ix.rows[i].box], ix.rows[i].uid, ref(i), refExtra|ref(own))
		ix.rows[i].more = own + 1
	}
	e := ix.allocExtra(extra{email: i, uid: uid, box: slot, marks: m, next: ix.rows[i].more})
	ix.rows[i].more = e + 1
	ix.aggregate(i)
	return refExtra | ref(e)
}

// rename makes a copy be found at another place.
func (r *run) rename(b *box, uid uint32, old, new ref) {
	for at, n := range r.newRefs[b] {
		if n == old {
			r.newRefs[b][at] = new
			return
		}
	}
	b.renameRef(&r.ix.columns, uid, new)
}

func (c *columns) allocExtra(e extra) uint32 {
	if c.freeExtra == 0 {
		c.extra = grow(c.extra, e)
		return uint32(len(c.extra) - 1)
	}
	at := c.freeExtra - 1
	c.freeExtra = c.extra[at].next
	c.extra[at] = e
	return at
}

// aggregate works out the marks of a mail from those of its copies: $seen is
// the AND, everything else the OR.
func (ix *Index) aggregate(i uint32) {
	m := ix.rows[i].more
	if m == 0 {
		return
	}
	sum, set := markSeen, uint32(0)
	for ; m != 0; m = ix.extra[m-1].next {
		c := ix.extra[m-1].marks
		sum = sum&(c|^markSeen) | c&^markSeen&(1<<markBits-1)
		set = ix.words.union(set, c.set())
	}
	ix.marks[i] = (sum | ix.marks[i]&markOwn).withSet(set)
}

// mergeRefs puts the new copies into the mailboxes' orders.
func (r *run) mergeRefs() {
	c := &r.ix.columns
	for b, refs := range r.newRefs {
		byUID := func(x, y ref) int { return int(int64(c.uidOf(x)) - int64(c.uidOf(y))) }
		if len(refs) <= smallBatch {
			for _, ref := range refs {
				b.addUID(c, ref, c.uidOf(ref))
			}
			continue
		}
		slices.SortFunc(refs, byUID)
		b.uids = merge(b.uids, refs, byUID)
	}
}

// smallBatch is the number of changes from which one pass over a mailbox's
// order is cheaper than one insertion each.
const smallBatch = 16

// merge merges two sorted lists, of which b is the shorter: what lies between two
// of its elements is moved at once.
func merge[T any](a, b []T, compare func(x, y T) int) []T {
	n := len(a)
	a = reserve(a, n+len(b)+(n+len(b))/growSlack)[:n+len(b)]
	for j := len(b) - 1; j >= 0; j-- {
		from := sort.Search(n, func(i int) bool { return compare(a[i], b[j]) > 0 })
		copy(a[from+j+1:], a[from:n])
		a[from+j], n = b[j], from
	}
	return a
}

// setFlags applies new flags of one copy.
func (r *run) setFlags(s *stagedFlags) {
	ix, b := r.ix, s.box
	at, ok := b.findUID(&ix.columns, s.uid)
	if !ok {
		r.reveal(s)
		return
	}
	c := b.uids[at]
	if s.patch {
		r.setCopy(c, ix.patched(c, s.add, s.remove))
		return
	}
	m, deleted := ix.words.read(s.flags)
	if deleted {
		r.hideUID(b, s.uid)
		return
	}
	r.setCopy(c, m)
}

// hideUID has a copy leave the index that is marked \Deleted now.
func (r *run) hideUID(b *box, uid uint32) {
	hide := r.hide[b]
	hide.Add(upstream.UID(uid))
	r.hide[b] = hide
}

// reveal notices a hidden mail that is marked \Deleted no more.
func (r *run) reveal(s *stagedFlags) {
	uid := upstream.UID(s.uid)
	if s.patch || !s.box.hidden.Contains(uid) {
		return
	}
	if _, deleted := r.ix.words.read(s.flags); !deleted {
		s.box.hidden.Remove(uid)
		r.unknown = append(r.unknown, unknownUID{s.box, uid})
	}
}

func (ix *Index) copyMarks(c ref) marks {
	if c&refExtra != 0 {
		return ix.extra[c&^refExtra].marks
	}
	return ix.marks[c]
}

// patched are the marks of a copy after flags were added and removed.
func (ix *Index) patched(c ref, add, remove []string) marks {
	m := ix.copyMarks(c)
	plus, _ := ix.words.read(add)
	minus, _ := ix.words.read(remove)
	set := ix.words.union(m.set(), plus.set())
	if gone := ix.words.sets[minus.set()]; len(gone) > 0 {
		keep := slices.DeleteFunc(slices.Clone(ix.words.sets[set]), func(w jmap.Keyword) bool {
			return slices.Contains(gone, w)
		})
		set = ix.words.intern(keep)
	}
	return (m&^(minus&markSystem) | plus&markSystem).withSet(set)
}

// setCopy gives a copy new marks.
func (r *run) setCopy(c ref, m marks) {
	ix := r.ix
	i := ix.emailOf(c)
	r.touch(i, true)
	if c&refExtra != 0 {
		ix.extra[c&^refExtra].marks = m
		ix.marks[i] |= m & markOwn
		ix.aggregate(i)
		return
	}
	ix.marks[i] = m | ix.marks[i]&markOwn
}

// remove takes copies away. The mails stay until log.
func (r *run) remove(s stagedRemove) {
	ix, b := r.ix, s.box
	c := &ix.columns
	b.hidden = without(b.hidden, s.uids)
	type copyOf struct{ email, uid uint32 }
	var dropped []copyOf
	from, _ := b.findUID(c, uint32(s.uids.Ranges()[0].Start))
	keep := b.uids[:from]
	for _, at := range b.uids[from:] {
		if uid := c.uidOf(at); s.uids.Contains(upstream.UID(uid)) {
			dropped = append(dropped, copyOf{c.emailOf(at), uid})
		} else {
			keep = append(keep, at)
		}
	}
	b.uids = keep
	for _, d := range dropped {
		r.touch(d.email, true)
		r.left[b] = append(r.left[b], d.email)
		r.dropCopy(b, d.email, d.uid)
	}
}

// dropCopy takes a copy from its mail; the last one leaves it without any.
func (r *run) dropCopy(b *box, i, uid uint32) {
	ix := r.ix
	if ix.rows[i].more == 0 {
		ix.rows[i].box = noBox
		return
	}
	link := &ix.rows[i].more
	for e := &ix.extra[*link-1]; e.box != b.slot || e.uid != uid; e = &ix.extra[*link-1] {
		link = &e.next
	}
	at := *link - 1
	*link = ix.extra[at].next
	ix.freeCopy(at)
	last := ix.rows[i].more
	if ix.extra[last-1].next != 0 {
		ix.aggregate(i)
		return
	}
	e := ix.extra[last-1]
	ix.rows[i].uid, ix.rows[i].box, ix.rows[i].more = e.uid, e.box, 0
	r.inline(ix.boxes[e.box], last-1, i)
	ix.marks[i] = e.marks | ix.marks[i]&markOwn
	ix.freeCopy(last - 1)
}

// inline makes the only copy of a mail be found in its row. The copy itself may
// be among those that are being dropped; then it is not in the order any more.
func (r *run) inline(b *box, at, i uint32) {
	c := &r.ix.columns
	if pos, ok := b.findUID(c, c.extra[at].uid); ok && b.uids[pos] == refExtra|ref(at) {
		b.uids[pos] = ref(i)
	}
}

func (c *columns) freeCopy(at uint32) {
	c.extra[at] = extra{next: c.freeExtra}
	c.freeExtra = at + 1
}

// noBox is the mailbox of a row without copies.
const noBox = 1<<16 - 1

// without is a minus b.
func without(a, b upstream.UIDSet) upstream.UIDSet {
	if a.Empty() {
		return a
	}
	var out upstream.UIDSet
	for u := range a.All() {
		if !b.Contains(u) {
			out.Add(u)
		}
	}
	return out
}
