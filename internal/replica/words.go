package replica

import (
	"errors"
	"slices"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Words is what a query has to be told, since the index holds no words. A nil
// *Words tells nothing.
type Words struct {
	Text  Text
	Order *Order // nil: Query says by ErrNeedsOrder if it needs one
	// Settle sorts mails that Order does not know before all others, instead of
	// asking for another Order: for those that the server has no more.
	Settle bool
}

// Found is what the server's search found in one mailbox.
type Found struct {
	At   upstream.Place
	UIDs upstream.UIDSet
}

// Text holds, for each condition of a filter that has text, what the server
// found for the text of it.
type Text map[*jmap.EmailCondition][]Found

// Order is how mails follow one another by their words.
type Order struct {
	// Ranks holds for a comparator, by its place in the sort, the ranks of mails
	// in ascending order: those with equal words have equal ranks.
	Ranks map[int][]Rank
	// Whole means that there is one comparator in Ranks, and that its ranks are
	// of all comparators from there on, with their directions.
	Whole bool
}

// Rank has the ranks of mails of one mailbox, which begin at 1.
type Rank struct {
	At    upstream.Place
	UIDs  []upstream.UID
	Ranks []uint32 // of the UIDs
}

// ErrNeedsOrder is returned by Query for a sort by words without an Order that
// has all the mails it sorts.
var ErrNeedsOrder = errors.New("sort needs the words of the mails")

// ByWords reports whether the index needs an Order to sort by a property.
func ByWords(p jmap.SortProperty) bool {
	switch p {
	case jmap.SortFrom, jmap.SortTo, jmap.SortSubject, jmap.SortSentAt:
		return true
	}
	return false
}

func sortsByWords(by []jmap.Comparator) bool {
	return slices.ContainsFunc(by, func(c jmap.Comparator) bool { return ByWords(c.Property) })
}

// Match is what of a query's mails is read from one mailbox.
type Match struct {
	At   upstream.Place
	UIDs upstream.UIDSet
	Of   int // mails in the mailbox
}

// Matches returns one place of each mail that a filter finds.
func (ix *Index) Matches(f *jmap.Filter[jmap.EmailCondition], text Text) ([]Match, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	base := ix.base(f)
	if base.none {
		return nil, nil
	}
	e := &evaluator{ix: ix, text: text, box: base.box}
	match, err := e.filter(f, true)
	if err != nil {
		return nil, err
	}
	uids := make([][]upstream.UID, len(ix.boxes))
	for _, i := range ix.candidates(base) {
		if match(i) {
			at, slot := ix.copyIn(i, base.box)
			uids[slot] = append(uids[slot], uidOf(ix.uidOf(at)))
		}
	}
	var out []Match
	for slot, list := range uids {
		if len(list) == 0 {
			continue
		}
		slices.Sort(list)
		m := Match{At: ix.boxes[slot].place(), Of: len(ix.boxes[slot].order)}
		for _, u := range list {
			m.UIDs.Add(u)
		}
		out = append(out, m)
	}
	return out, nil
}

// copyIn is a copy of a mail: the one in b if b is not nil, else the first.
func (ix *Index) copyIn(i uint32, b *box) (at ref, slot uint16) {
	for at, slot := range ix.copies(i) {
		if b == nil || slot == b.slot {
			return at, slot
		}
	}
	panic("replica: a mail of a mailbox has no copy there")
}

// Where returns mailboxes that hold at least one copy of every mail that a
// filter can find, whatever its conditions with text find: where to search.
func (ix *Index) Where(f *jmap.Filter[jmap.EmailCondition]) ([]upstream.Place, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	base := ix.base(f)
	if base.none {
		return nil, nil
	}
	e := &evaluator{ix: ix, box: base.box, blind: true}
	match, err := e.filter(f, true)
	if err != nil {
		return nil, err
	}
	if base.box != nil {
		if slices.ContainsFunc(base.box.order, match) {
			return []upstream.Place{base.box.place()}, nil
		}
		return nil, nil
	}
	return ix.cover(match), nil
}

// Extent is the highest uid that the index has of a mailbox, 0 if it has none, and
// the number of mails there: while the uid stays, no mail has come.
func (ix *Index) Extent(at upstream.Place) (top upstream.UID, mails int) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	b := ix.byName[at.Box]
	if b == nil || b.marks.UIDValidity != at.Validity || len(b.uids) == 0 {
		return 0, 0
	}
	return uidOf(ix.uidOf(b.uids[len(b.uids)-1])), len(b.uids)
}

// MailboxesBut returns all Mailboxes but those at the places.
func (ix *Index) MailboxesBut(places map[upstream.Place]bool) []jmap.MailboxID {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	var out []jmap.MailboxID
	for _, b := range ix.boxes {
		if b != nil && !places[b.place()] {
			out = append(out, b.id)
		}
	}
	return out
}

// cover chooses mailboxes for the mails that match: first those of the mails
// with one copy, then what is needed for the others.
func (ix *Index) cover(match func(uint32) bool) []upstream.Place {
	chosen := make([]bool, len(ix.boxes))
	var several []uint32
	for _, i := range ix.candidates(base{}) {
		if !match(i) {
			continue
		}
		if ix.rows[i].more != 0 {
			several = append(several, i)
		} else {
			chosen[ix.rows[i].box] = true
		}
	}
	for _, i := range several {
		has, first := false, -1
		for _, slot := range ix.copies(i) {
			has = has || chosen[slot]
			if first < 0 {
				first = int(slot)
			}
		}
		if !has {
			chosen[first] = true
		}
	}
	var out []upstream.Place
	for slot, yes := range chosen {
		if yes {
			out = append(out, ix.boxes[slot].place())
		}
	}
	return out
}

// ReceivedAt is when the mail at a place was received; zero if the index has
// none there.
func (ix *Index) ReceivedAt(at upstream.Place, uid upstream.UID) time.Time {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if i, ok := ix.rowAt(at, uid); ok {
		return time.Unix(ix.received(i), 0).UTC()
	}
	return time.Time{}
}

func (ix *Index) rowAt(at upstream.Place, uid upstream.UID) (uint32, bool) {
	b := ix.byName[at.Box]
	if b == nil || b.marks.UIDValidity != at.Validity {
		return 0, false
	}
	pos, ok := b.findUID(&ix.columns, uint32(uid))
	if !ok {
		return 0, false
	}
	return ix.emailOf(b.uids[pos]), true
}

// column spreads ranks over the rows; 0 is no rank.
func (ix *Index) column(ranks []Rank) []uint32 {
	col := make([]uint32, len(ix.rows))
	for _, r := range ranks {
		for at, uid := range r.UIDs {
			if i, ok := ix.rowAt(r.At, uid); ok {
				col[i] = r.Ranks[at]
			}
		}
	}
	return col
}
