package replica

import mathbits "math/bits"

// table is an open-addressing hash table of row numbers, 4 bytes a slot. It
// holds no keys: the caller compares.
type table struct {
	slots []uint32 // row number + 1; 0 is empty
	used  int
}

// maxLoad is the part of the slots that may be used, in percent: linear probing
// stays short, and a mail costs 5.3 to 6.3 bytes.
const maxLoad = 75

func (t *table) home(h uint64) int {
	hi, _ := mathbits.Mul64(h, uint64(len(t.slots)))
	return int(hi)
}

// find returns the row number for which eq is true.
func (t *table) find(h uint64, eq func(uint32) bool) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	for i := t.home(h); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		switch s := t.slots[i]; {
		case s == 0:
			return 0, false
		case eq(s - 1):
			return s - 1, true
		}
	}
}

// insert adds a row that is not in the table. hash gives the hash of a row.
func (t *table) insert(row uint32, hash func(uint32) uint64) {
	if (t.used+1)*100 > len(t.slots)*maxLoad {
		t.resize(t.used+t.used/6+16, hash)
	}
	t.put(row, hash(row))
	t.used++
}

func (t *table) put(row uint32, h uint64) {
	i := t.home(h)
	for t.slots[i] != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = row + 1
}

// reserve makes room for n rows.
func (t *table) reserve(n int, hash func(uint32) uint64) {
	if n > t.used && n*100 > len(t.slots)*maxLoad {
		t.resize(n, hash)
	}
}

func (t *table) resize(n int, hash func(uint32) uint64) {
	old := t.slots
	t.slots = make([]uint32, n*100/maxLoad+8)
	for _, s := range old {
		if s != 0 {
			t.put(s-1, hash(s-1))
		}
	}
}

// replace makes the slot of row old hold row new, which has the same key.
func (t *table) replace(old, new uint32, h uint64) {
	for i := t.home(h); t.slots[i] != 0; {
		if t.slots[i] == old+1 {
			t.slots[i] = new + 1
			return
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// remove takes a row out and closes the gap behind it.
func (t *table) remove(row uint32, hash func(uint32) uint64) {
	n := len(t.slots)
	if n == 0 {
		return
	}
	i := t.home(hash(row))
	for t.slots[i] != row+1 {
		if t.slots[i] == 0 {
			return
		}
		i = (i + 1) % n
	}
	t.used--
	for j := (i + 1) % n; t.slots[j] != 0; j = (j + 1) % n {
		home := t.home(hash(t.slots[j] - 1))
		// Whoever may stand at i moves there: its home is not in (i, j].
		if (j-home+n)%n >= (j-i+n)%n {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
}

// grow appends v with little slack.
func grow[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = reserve(s, len(s)+len(s)/growSlack+64)
	}
	return append(s, v)
}

// reserve returns s with at least room for n elements in all.
func reserve[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s
	}
	t := make([]T, len(s), n)
	copy(t, s)
	return t
}
