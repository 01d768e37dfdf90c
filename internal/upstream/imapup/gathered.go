package imapup

import (
	"errors"
	"slices"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// errTooMuch says that the rows of one answer have more bytes than are kept.
var errTooMuch = errors.New("the rows of one answer are too large")

// gathered are index rows that are kept until it is known that they are of the
// right mailbox. A server may send a FETCH at any time (RFC 9051, section 7.5.2):
// what nobody asked for is no row, and of a mail that is told twice the first is
// taken, so that no server makes it more than was asked for.
type gathered struct {
	rows  []upstream.Row
	seen  upstream.UIDSet
	bytes int
	over  bool // maxRowBytes was reached; what came after it is missing
}

// take keeps a copy of a row.
func (g *gathered) take(r *upstream.Row) {
	if g.over || g.seen.Contains(r.UID) {
		return
	}
	g.bytes += sizeOf(r)
	if g.over = g.bytes > maxRowBytes && len(g.rows) > 0; g.over {
		return
	}
	g.seen.Add(r.UID)
	g.rows = append(g.rows, keep(r))
}

// reset forgets all rows: the call begins anew.
func (g *gathered) reset() { *g = gathered{rows: g.rows[:0]} }

// below drops the rows of uids that were not given yet when the server was asked
// for its marks: the next look begins there, if there are such mails.
func (g *gathered) below(next upstream.UID) {
	g.rows = slices.DeleteFunc(g.rows, func(r upstream.Row) bool { return r.UID >= next })
}

// sizeOf is about what a row needs in memory.
func sizeOf(r *upstream.Row) int {
	n := 128 + len(r.ID) + len(r.ThreadID) + len(r.Header)
	for _, f := range r.Flags {
		n += 16 + len(f)
	}
	return n
}

// halves cuts a set of two mails or more in two.
func halves(set upstream.UIDSet) (low, high upstream.UIDSet) {
	left := set.Count() / 2
	for _, r := range set.Ranges() {
		n := min(left, uint64(r.Stop-r.Start)+1)
		left -= n
		if n > 0 {
			low.AddRange(r.Start, r.Start+upstream.UID(n-1))
		}
		if from := uint64(r.Start) + n; from <= uint64(r.Stop) {
			high.AddRange(upstream.UID(from), r.Stop)
		}
	}
	return low, high
}

// common is what is in both sets.
func common(a, b upstream.UIDSet) (out upstream.UIDSet) {
	x, y := a.Ranges(), b.Ranges()
	for len(x) > 0 && len(y) > 0 {
		if from, to := max(x[0].Start, y[0].Start), min(x[0].Stop, y[0].Stop); from <= to {
			out.AddRange(from, to)
		}
		if x[0].Stop < y[0].Stop {
			x = x[1:]
		} else {
			y = y[1:]
		}
	}
	return out
}

// changed are flags that were told, of which only those that the caller knows are
// kept when there are many: each once, as it was told last.
type changed struct {
	list  []flagged
	known func() upstream.UIDSet
	room  int // at how many they are looked through; 0: not yet
}

type flagged struct {
	uid   upstream.UID
	flags []string
}

func (c *changed) add(uid upstream.UID, flags []imap.Flag) {
	words := make([]string, len(flags))
	for i, f := range flags {
		words[i] = string(f)
	}
	if c.list = append(c.list, flagged{uid, words}); len(c.list) > max(c.room, maxChanged) {
		c.thin()
	}
}

func (c *changed) thin() {
	known, at := c.known(), map[upstream.UID]int{}
	var list []flagged
	for _, f := range c.list {
		if i, twice := at[f.uid]; twice {
			list[i] = f
		} else if known.Contains(f.uid) {
			at[f.uid] = len(list)
			list = append(list, f)
		}
	}
	c.list, c.room = list, 2*len(list)
}

// uidsSeen are uids that were told, of which only those that the caller knows are
// kept when they make many ranges.
type uidsSeen struct {
	set   upstream.UIDSet
	known func() upstream.UIDSet
	room  int
}

func (s *uidsSeen) add(more upstream.UIDSet) {
	s.set.AddSet(more)
	if len(s.set.Ranges()) > max(s.room, maxChanged) {
		s.set = common(s.set, s.known())
		s.room = 2 * len(s.set.Ranges())
	}
}
