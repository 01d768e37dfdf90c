package replica

import (
	"encoding/binary"
	"time"
)

// row is what is kept of one mail beside the columns marks, date and ring. It
// has no pointers, so that the collector never looks at it.
type row struct {
	key     emailKey
	thread  threadKey
	uid     uint32 // of the only copy, when more is 0
	more    uint32 // 0, or 1 + the first of several copies in Index.extra
	size    uint32
	created uint32 // number of the change that created it
	arrived uint32 // the uid under which the index first knew it; see less
	box     uint16 // of the only copy, when more is 0
	msgid   [6]byte
}

// extra is one of several copies of a mail.
type extra struct {
	email uint32
	next  uint32 // 1 + the next copy, 0 at the end; in a free one the next free one
	uid   uint32
	marks marks
	box   uint16
}

// dead reports whether the row is free: no thread has the key zero.
func (r *row) dead() bool { return r.thread == threadKey{} }

// ref names a copy: the row itself, or with refExtra set an extra.
type ref uint32

const refExtra ref = 1 << 31

// tomb is what is remembered of a destroyed mail.
type tomb struct {
	key       emailKey
	thread    threadKey
	created   uint32
	destroyed uint32
	when      uint32 // unix seconds, for tombLife
}

// columns are the mails by row number. A freed row has no thread and is in
// free.
type columns struct {
	rows  []row
	marks []marks
	date  []uint32 // see packDate
	ring  []uint32 // the next mail of the thread; the ring of a thread is closed
	// updated is the number of the last change, of its creation if nothing else.
	updated []uint32
	odd     map[uint32]int64
	free    []uint32
	live    int

	extra     []extra
	freeExtra uint32 // 1 + the first free extra

	byKey    table // by emailKey
	byThread table // by threadKey: one mail of each thread
	seed     uint64
}

func (c *columns) keyHash(k *emailKey) uint64 {
	return mix(binary.LittleEndian.Uint64(k[:8])^c.seed, binary.LittleEndian.Uint64(k[8:]))
}

func (c *columns) threadHash(k *threadKey) uint64 {
	return mix(binary.LittleEndian.Uint64(k[:8])^c.seed, uint64(binary.LittleEndian.Uint32(k[8:])))
}

// mix spreads two words over one; the seed makes collisions unpredictable.
func mix(a, b uint64) uint64 {
	h := a ^ b*0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

func (c *columns) rowKeyHash(i uint32) uint64    { return c.keyHash(&c.rows[i].key) }
func (c *columns) rowThreadHash(i uint32) uint64 { return c.threadHash(&c.rows[i].thread) }

// find returns the row of a mail.
func (c *columns) find(k *emailKey) (uint32, bool) {
	return c.byKey.find(c.keyHash(k), func(i uint32) bool { return c.rows[i].key == *k })
}

// findThread returns some mail of a thread.
func (c *columns) findThread(k *threadKey) (uint32, bool) {
	return c.byThread.find(c.threadHash(k), func(i uint32) bool { return c.rows[i].thread == *k })
}

// alloc makes a row. The caller fills in the copies.
func (c *columns) alloc(k emailKey, t threadKey, date time.Time, size int64) uint32 {
	return c.allocAt(k, t, date.Unix(), size)
}

func (c *columns) allocAt(k emailKey, t threadKey, date int64, size int64) uint32 {
	var i uint32
	if n := len(c.free); n > 0 {
		i = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		i = uint32(len(c.rows))
		c.rows = grow(c.rows, row{})
		c.marks = grow(c.marks, 0)
		c.date = grow(c.date, 0)
		c.ring = grow(c.ring, i)
		c.updated = grow(c.updated, 0)
	}
	c.rows[i] = row{key: k, thread: t, size: uint32(min(max(size, 0), 1<<32-1))}
	c.marks[i], c.updated[i] = 0, 0
	c.setDate(i, date)
	c.byKey.insert(i, c.rowKeyHash)
	c.link(i)
	c.live++
	return i
}

// release gives a row back.
func (c *columns) release(i uint32) {
	c.unlink(i)
	c.byKey.remove(i, c.rowKeyHash)
	delete(c.odd, i)
	c.rows[i] = row{}
	c.marks[i], c.date[i], c.updated[i] = 0, 0, 0
	c.free = append(c.free, i)
	c.live--
}

// link puts a row into the ring of its thread.
func (c *columns) link(i uint32) {
	if head, ok := c.findThread(&c.rows[i].thread); ok {
		c.ring[i], c.ring[head] = c.ring[head], i
		return
	}
	c.ring[i] = i
	c.byThread.insert(i, c.rowThreadHash)
}

func (c *columns) unlink(i uint32) {
	next := c.ring[i]
	if next == i {
		c.byThread.remove(i, c.rowThreadHash)
		return
	}
	prev := next
	for c.ring[prev] != i {
		prev = c.ring[prev]
	}
	c.ring[prev] = next
	c.ring[i] = i
	c.byThread.replace(i, next, c.rowThreadHash(i))
}

// thread yields the mails of i's thread, i first.
func (c *columns) thread(i uint32) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for j := i; ; {
			next := c.ring[j]
			if !yield(j) || next == i {
				return
			}
			j = next
		}
	}
}

// Dates are seconds since 1970 in 32 bits; what does not fit is in odd.
func (c *columns) setDate(i uint32, s int64) {
	delete(c.odd, i)
	if s > 0 && s < 1<<32 {
		c.date[i] = uint32(s)
		return
	}
	c.date[i] = 0
	if c.odd == nil {
		c.odd = make(map[uint32]int64)
	}
	c.odd[i] = s
}

// received is the receivedAt of a row in unix seconds.
func (c *columns) received(i uint32) int64 {
	if d := c.date[i]; d != 0 {
		return int64(d)
	}
	return c.odd[i]
}

// less orders rows by receivedAt. INTERNALDATE has whole seconds: what came in
// one second is in the order of arrival, which is that of the uids it came under
// (RFC 9051, section 2.3.1.1). A mail keeps that place when it moves, so that the
// order of a mailbox never changes but by what comes and goes. The key decides
// between mails of several mailboxes.
func (c *columns) less(a, b uint32) bool {
	if da, db := c.received(a), c.received(b); da != db {
		return da < db
	}
	if ua, ub := c.rows[a].arrived, c.rows[b].arrived; ua != ub {
		return ua < ub
	}
	return string(c.rows[a].key[:]) < string(c.rows[b].key[:])
}

func (c *columns) compare(a, b uint32) int {
	switch {
	case c.less(a, b):
		return -1
	case c.less(b, a):
		return 1
	}
	return 0
}

// reserve makes room for n mails.
func (c *columns) reserve(n int) {
	c.rows = reserve(c.rows, n)
	c.marks = reserve(c.marks, n)
	c.date = reserve(c.date, n)
	c.ring = reserve(c.ring, n)
	c.updated = reserve(c.updated, n)
	c.byKey.reserve(n, c.rowKeyHash)
}

// emailOf is the row that a copy belongs to.
func (c *columns) emailOf(r ref) uint32 {
	if r&refExtra != 0 {
		return c.extra[r&^refExtra].email
	}
	return uint32(r)
}

func (c *columns) uidOf(r ref) uint32 {
	if r&refExtra != 0 {
		return c.extra[r&^refExtra].uid
	}
	return c.rows[r].uid
}

// copies yields each copy of a row with its mailbox.
func (c *columns) copies(i uint32) func(yield func(r ref, box uint16) bool) {
	return func(yield func(ref, uint16) bool) {
		m := c.rows[i].more
		if m == 0 {
			yield(ref(i), c.rows[i].box)
			return
		}
		for m != 0 {
			e := c.extra[m-1]
			if !yield(refExtra|ref(m-1), e.box) {
				return
			}
			m = e.next
		}
	}
}

// in reports whether a row has a copy in a mailbox.
func (c *columns) in(i uint32, box uint16) bool {
	m := c.rows[i].more
	if m == 0 {
		return c.rows[i].box == box
	}
	for ; m != 0; m = c.extra[m-1].next {
		if c.extra[m-1].box == box {
			return true
		}
	}
	return false
}
