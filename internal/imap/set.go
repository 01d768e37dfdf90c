package imap

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// UID is a unique identifier of a message in one mailbox under one
// UIDVALIDITY (RFC 9051, section 2.3.1.1). Zero means none.
type UID uint32

// SeqNum is a message sequence number (RFC 9051, section 2.3.1.2). Zero means
// none.
type SeqNum uint32

// Star stands for "*", the largest number in use, as the end of a range.
const Star = math.MaxUint32

// NumRange is an inclusive range. Stop may be Star; a server's range never
// ends in a star.
type NumRange[T ~uint32] struct{ Start, Stop T }

// NumSet is a set of numbers, kept as sorted ranges that neither touch nor
// overlap. The zero value is the empty set. Copying shares the ranges: use
// Clone before changing a copy.
type NumSet[T ~uint32] struct{ ranges []NumRange[T] }

// UIDSet is a set of UIDs. The compiler keeps it apart from SeqSet.
type UIDSet = NumSet[UID]

// SeqSet is a set of message sequence numbers.
type SeqSet = NumSet[SeqNum]

// UIDs makes a set of the given uids; zeroes are left out.
func UIDs(uids ...UID) UIDSet { return numSetOf(uids) }

// UIDRange makes the set from:to. to may be Star.
func UIDRange(from, to UID) UIDSet {
	var s UIDSet
	s.AddRange(from, to)
	return s
}

// Seqs makes a set of sequence numbers; zeroes are left out.
func Seqs(nums ...SeqNum) SeqSet { return numSetOf(nums) }

// SeqRange makes the set from:to. to may be Star.
func SeqRange(from, to SeqNum) SeqSet {
	var s SeqSet
	s.AddRange(from, to)
	return s
}

func numSetOf[T ~uint32](nums []T) NumSet[T] {
	if !slices.IsSorted(nums) {
		nums = slices.Clone(nums)
		slices.Sort(nums)
	}
	var s NumSet[T]
	for _, n := range nums {
		s.Add(n)
	}
	return s
}

// Add puts one number into the set; zero is ignored. Ascending order is the
// cheap one.
func (s *NumSet[T]) Add(n T) { s.AddRange(n, n) }

// AddRange puts from:to into the set, in whatever order the two are (RFC
// 9051: 2:4 and 4:2 are equivalent). Zero as an end counts as one.
func (s *NumSet[T]) AddRange(from, to T) {
	if from == 0 && to == 0 {
		return
	}
	if from > to {
		from, to = to, from
	}
	from = max(from, 1)
	if n := len(s.ranges); n == 0 || from > s.ranges[n-1].Stop && from-1 > s.ranges[n-1].Stop {
		s.ranges = append(s.ranges, NumRange[T]{from, to})
		return
	}
	s.merge(from, to)
}

// merge inserts a range that touches or precedes the last one.
func (s *NumSet[T]) merge(from, to T) {
	// The first range that ends at or after from-1, the first that starts after to+1.
	lo := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Stop >= from-1 })
	hi := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Start > to && s.ranges[i].Start-1 > to })
	if lo < hi {
		from = min(from, s.ranges[lo].Start)
		to = max(to, s.ranges[hi-1].Stop)
	}
	s.ranges = slices.Replace(s.ranges, lo, hi, NumRange[T]{from, to})
}

// AddSet puts all of other into the set.
func (s *NumSet[T]) AddSet(other NumSet[T]) {
	for _, r := range other.ranges {
		s.AddRange(r.Start, r.Stop)
	}
}

// Remove takes one number out of the set.
func (s *NumSet[T]) Remove(n T) {
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Stop >= n })
	if i == len(s.ranges) || s.ranges[i].Start > n {
		return
	}
	r := s.ranges[i]
	var keep []NumRange[T]
	if r.Start < n {
		keep = append(keep, NumRange[T]{r.Start, n - 1})
	}
	if n < r.Stop {
		keep = append(keep, NumRange[T]{n + 1, r.Stop})
	}
	s.ranges = slices.Replace(s.ranges, i, i+1, keep...)
}

// Contains reports whether n is in the set. A set with a star contains what
// lies at or above the start of its last range.
func (s NumSet[T]) Contains(n T) bool {
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Stop >= n })
	return n != 0 && i < len(s.ranges) && s.ranges[i].Start <= n
}

// Empty reports whether nothing is in the set.
func (s NumSet[T]) Empty() bool { return len(s.ranges) == 0 }

// HasStar reports whether the set ends in a star.
func (s NumSet[T]) HasStar() bool {
	n := len(s.ranges)
	return n > 0 && s.ranges[n-1].Stop == Star
}

// Count returns how many numbers the set holds; a star counts as its number.
func (s NumSet[T]) Count() uint64 {
	var n uint64
	for _, r := range s.ranges {
		n += uint64(r.Stop-r.Start) + 1
	}
	return n
}

// Ranges returns the ranges in ascending order. They must not be changed.
func (s NumSet[T]) Ranges() []NumRange[T] { return s.ranges }

// Clone returns a set that shares nothing with s.
func (s NumSet[T]) Clone() NumSet[T] { return NumSet[T]{slices.Clone(s.ranges)} }

// All yields the numbers in ascending order. A set from a server may hold four
// thousand million numbers: compare Count with what you expect first.
func (s NumSet[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, r := range s.ranges {
			for n := r.Start; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Stop {
					break
				}
			}
		}
	}
}

// String returns the set as the protocol writes it, "1:3,7,9:*".
func (s NumSet[T]) String() string { return string(s.appendTo(nil)) }

func (s NumSet[T]) appendTo(b []byte) []byte {
	for i, r := range s.ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.appendTo(b)
	}
	return b
}

func (r NumRange[T]) appendTo(b []byte) []byte {
	b = appendNum(b, r.Start)
	if r.Stop != r.Start {
		b = append(b, ':')
		b = appendNum(b, r.Stop)
	}
	return b
}

func appendNum[T ~uint32](b []byte, n T) []byte {
	if uint32(n) == Star {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// chunks cuts the set into sets whose text has at most limit bytes each.
func (s NumSet[T]) chunks(limit int) []NumSet[T] {
	var out []NumSet[T]
	var scratch [24]byte
	start, size := 0, 0
	for i, r := range s.ranges {
		n := len(r.appendTo(scratch[:0])) + 1
		if i > start && size+n > limit {
			out = append(out, NumSet[T]{s.ranges[start:i]})
			start, size = i, 0
		}
		size += n
	}
	return append(out, NumSet[T]{s.ranges[start:]})
}

// ParseUIDSet reads a uid-set such as "1:3,7". A star is taken.
func ParseUIDSet(s string) (UIDSet, error) { return parseSet[UID](s) }

// ParseSeqSet reads a sequence-set such as "1:3,7". A star is taken.
func ParseSeqSet(s string) (SeqSet, error) { return parseSet[SeqNum](s) }

func parseSet[T ~uint32](text string) (NumSet[T], error) {
	ranges, err := parseRanges[T](text)
	if err != nil {
		return NumSet[T]{}, err
	}
	var s NumSet[T]
	if !slices.IsSortedFunc(ranges, func(a, b NumRange[T]) int { return int(int64(a.Start) - int64(b.Start)) }) {
		// Sorting first keeps the insertion of a hostile order linear.
		ranges = slices.Clone(ranges)
		slices.SortFunc(ranges, func(a, b NumRange[T]) int {
			return int(int64(min(a.Start, a.Stop)) - int64(min(b.Start, b.Stop)))
		})
	}
	for _, r := range ranges {
		s.AddRange(r.Start, r.Stop)
	}
	return s, nil
}

// parseRanges reads a set and keeps the order of the text, which matters in
// COPYUID (RFC 4315, section 3).
func parseRanges[T ~uint32](text string) ([]NumRange[T], error) {
	if text == "" {
		return nil, fmt.Errorf("imap: empty number set")
	}
	if n := strings.Count(text, ",") + 1; n > maxRanges {
		return nil, &LimitError{What: "ranges in a number set", Limit: maxRanges}
	}
	out := make([]NumRange[T], 0, strings.Count(text, ",")+1)
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, ":")
		a, err := parseSetNum[T](from)
		if err != nil {
			return nil, err
		}
		b := a
		if isRange {
			if b, err = parseSetNum[T](to); err != nil {
				return nil, err
			}
		}
		out = append(out, NumRange[T]{a, b})
	}
	return out, nil
}

func parseSetNum[T ~uint32](s string) (T, error) {
	if s == "*" {
		return Star, nil
	}
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, fmt.Errorf("imap: bad number %.20q in a set", s)
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("imap: bad number %.20q in a set", s)
	}
	return T(n), nil
}
