package replica

import (
	"cmp"
	"slices"

	"cofferdam/internal/jmap"
)

// evaluator turns a filter and an order into functions of a row.
type evaluator struct {
	ix    *Index
	text  Text
	given *Order
	box   *box // every candidate is in it; nil if they are anywhere
	// blind: no text has been looked for, and a row matches if it can.
	blind bool

	ranks [][]uint32 // by row, of the comparators by words
}

// filter returns the function that says whether a row matches. can is true if
// what is not known shall be taken for a match: false below a NOT.
func (e *evaluator) filter(f *jmap.Filter[jmap.EmailCondition], can bool) (func(uint32) bool, error) {
	if f == nil {
		return func(uint32) bool { return true }, nil
	}
	if f.Op == "" {
		return e.condition(f.Leaf, can)
	}
	nodes := make([]func(uint32) bool, len(f.Nodes))
	for at, n := range f.Nodes {
		var err error
		if nodes[at], err = e.filter(n, can != (f.Op == jmap.OpNot)); err != nil {
			return nil, err
		}
	}
	op := f.Op
	return func(i uint32) bool {
		for _, n := range nodes {
			switch hit := n(i); {
			case op == jmap.OpAnd && !hit, op == jmap.OpNot && hit:
				return false
			case op == jmap.OpOr && hit:
				return true
			}
		}
		return op != jmap.OpOr
	}, nil
}

// condition returns the function for one condition: all of what it asks.
func (e *evaluator) condition(c *jmap.EmailCondition, can bool) (func(uint32) bool, error) {
	var tests []func(uint32) bool
	add := func(t func(uint32) bool) { tests = append(tests, t) }
	e.metaTests(c, add)
	e.keywordTests(c, add)
	if c.HasText() && e.blind {
		add(func(uint32) bool { return can })
	} else if c.HasText() {
		found, ok := e.text[c]
		if !ok {
			return nil, jmap.UnsupportedFilter
		}
		add(e.ix.rowsOf(found).has)
	}
	if len(tests) == 1 {
		return tests[0], nil
	}
	return func(i uint32) bool {
		for _, t := range tests {
			if !t(i) {
				return false
			}
		}
		return true
	}, nil
}

func (e *evaluator) metaTests(c *jmap.EmailCondition, add func(func(uint32) bool)) {
	ix := e.ix
	if b := ix.byID[c.InMailbox]; c.InMailbox != "" && (b == nil || b != e.box) {
		add(func(i uint32) bool { return b != nil && ix.in(i, b.slot) })
	}
	if len(c.InMailboxOtherThan) > 0 {
		not := make([]bool, len(ix.boxes))
		for _, id := range c.InMailboxOtherThan {
			if b := ix.byID[id]; b != nil {
				not[b.slot] = true
			}
		}
		add(func(i uint32) bool { return ix.inOther(i, not) })
	}
	if !c.Before.IsZero() {
		// receivedAt has whole seconds, Before may not: t < 1.5 is t <= 1.
		limit := c.Before.Unix()
		if c.Before.Nanosecond() > 0 {
			limit++
		}
		add(func(i uint32) bool { return ix.received(i) < limit })
	}
	if !c.After.IsZero() {
		limit := c.After.Unix()
		if c.After.Nanosecond() > 0 {
			limit++
		}
		add(func(i uint32) bool { return ix.received(i) >= limit })
	}
	if c.MinSize > 0 {
		add(func(i uint32) bool { return uint64(ix.rows[i].size) >= c.MinSize })
	}
	if c.MaxSize != nil {
		add(func(i uint32) bool { return uint64(ix.rows[i].size) < *c.MaxSize })
	}
	if c.HasAttachment != nil {
		add(func(i uint32) bool { return ix.marks[i]&markAttach != 0 == *c.HasAttachment })
	}
}

func (e *evaluator) keywordTests(c *jmap.EmailCondition, add func(func(uint32) bool)) {
	if c.HasKeyword != "" {
		add(e.has(c.HasKeyword))
	}
	if c.NotKeyword != "" {
		has := e.has(c.NotKeyword)
		add(func(i uint32) bool { return !has(i) })
	}
	if k := c.AllInThreadHaveKeyword; k != "" {
		all, _ := e.inThreads(k)
		add(all.has)
	}
	if k := c.SomeInThreadHaveKeyword; k != "" {
		_, some := e.inThreads(k)
		add(some.has)
	}
	if k := c.NoneInThreadHaveKeyword; k != "" {
		_, some := e.inThreads(k)
		add(func(i uint32) bool { return !some.has(i) })
	}
}

// inOther reports whether a mail is in a mailbox that is not in not.
func (ix *Index) inOther(i uint32, not []bool) bool {
	for _, slot := range ix.copies(i) {
		if !not[slot] {
			return true
		}
	}
	return false
}

// has returns the test for a keyword.
func (e *evaluator) has(k jmap.Keyword) func(uint32) bool {
	ix := e.ix
	if bit := systemMark(k); bit != 0 {
		return func(i uint32) bool { return ix.marks[i]&bit != 0 }
	}
	having := ix.words.having(k)
	return func(i uint32) bool { return having[ix.marks[i].set()] }
}

// inThreads returns the mails of threads of which all, and of which some, mails
// have a keyword.
func (e *evaluator) inThreads(k jmap.Keyword) (all, some bits) {
	ix := e.ix
	has := e.has(k)
	all, some = newBits(len(ix.rows)), newBits(len(ix.rows))
	seen := newBits(len(ix.rows))
	for n := range ix.rows {
		i := uint32(n)
		if ix.rows[n].dead() || seen.has(i) {
			continue
		}
		every, any := true, false
		for j := range ix.thread(i) {
			seen.set(j)
			h := has(j)
			every, any = every && h, any || h
		}
		for j := range ix.thread(i) {
			if every {
				all.set(j)
			}
			if any {
				some.set(j)
			}
		}
	}
	return all, some
}

// rowsOf are the mails at the places that were found.
func (ix *Index) rowsOf(found []Found) bits {
	rows := newBits(len(ix.rows))
	for _, f := range found {
		b := ix.byName[f.At.Box]
		if b == nil || b.marks.UIDValidity != f.At.Validity {
			continue
		}
		for _, at := range b.uids {
			if f.UIDs.Contains(uidOf(ix.uidOf(at))) {
				rows.set(ix.emailOf(at))
			}
		}
	}
	return rows
}

// order returns the comparison for a sort (RFC 8621, section 4.4.2).
func (e *evaluator) order(by []jmap.Comparator) (func(a, b uint32) int, error) {
	var keys []func(a, b uint32) int
	for at, c := range by {
		if ByWords(c.Property) {
			if err := e.rank(at, c); err != nil {
				return nil, err
			}
			if e.given.Whole {
				keys = append(keys, e.byRank())
				break
			}
		}
		key, err := e.comparator(c)
		if err != nil {
			return nil, err
		}
		if c.Descending {
			up := key
			key = func(a, b uint32) int { return up(b, a) }
		}
		keys = append(keys, key)
	}
	return func(a, b uint32) int {
		for _, k := range keys {
			if n := k(a, b); n != 0 {
				return n
			}
		}
		return 0
	}, nil
}

func (e *evaluator) comparator(c jmap.Comparator) (func(a, b uint32) int, error) {
	ix := e.ix
	switch c.Property {
	case jmap.SortReceivedAt:
		return func(a, b uint32) int { return cmp.Compare(ix.received(a), ix.received(b)) }, nil
	case jmap.SortSize:
		return func(a, b uint32) int { return cmp.Compare(ix.rows[a].size, ix.rows[b].size) }, nil
	case jmap.SortHasKeyword:
		return byBool(e.has(c.Keyword)), nil
	case jmap.SortAllInThread:
		all, _ := e.inThreads(c.Keyword)
		return byBool(all.has), nil
	case jmap.SortSomeInThread:
		_, some := e.inThreads(c.Keyword)
		return byBool(some.has), nil
	case jmap.SortFrom, jmap.SortTo, jmap.SortSubject, jmap.SortSentAt:
		return e.byRank(), nil
	}
	return nil, jmap.UnsupportedSort
}

// rank takes over the ranks that were given for a comparator.
func (e *evaluator) rank(at int, c jmap.Comparator) error {
	if c.Collation != "" && c.Collation != Collation {
		return jmap.UnsupportedSort
	}
	if e.given == nil {
		return ErrNeedsOrder
	}
	ranks, ok := e.given.Ranks[at]
	if !ok {
		return ErrNeedsOrder
	}
	e.ranks = append(e.ranks, e.ix.column(ranks))
	return nil
}

// byRank compares by the ranks taken over last.
func (e *evaluator) byRank() func(a, b uint32) int {
	col := e.ranks[len(e.ranks)-1]
	return func(a, b uint32) int { return cmp.Compare(col[a], col[b]) }
}

// unranked reports whether a row of list has no rank by words.
func (e *evaluator) unranked(list []uint32) bool {
	for _, col := range e.ranks {
		if slices.ContainsFunc(list, func(i uint32) bool { return col[i] == 0 }) {
			return true
		}
	}
	return false
}

// byBool puts false before true.
func byBool(f func(uint32) bool) func(a, b uint32) int {
	return func(a, b uint32) int {
		switch x, y := f(a), f(b); {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
}

// Sorts are the properties that Query can order by.
func Sorts() []jmap.SortProperty {
	return []jmap.SortProperty{jmap.SortReceivedAt, jmap.SortSize, jmap.SortFrom, jmap.SortTo, jmap.SortSubject,
		jmap.SortSentAt, jmap.SortHasKeyword, jmap.SortAllInThread, jmap.SortSomeInThread}
}

// Collation is the one by which words are ordered: the one that RFC 5256 obliges
// IMAP's SORT to (RFC 5051).
const Collation = "i;unicode-casemap"

// NeedsAttachments reports whether a filter asks which mails have attachments.
func NeedsAttachments(f *jmap.Filter[jmap.EmailCondition]) bool {
	if f == nil {
		return false
	}
	if f.Op == "" {
		return f.Leaf.HasAttachment != nil
	}
	return slices.ContainsFunc(f.Nodes, NeedsAttachments)
}
