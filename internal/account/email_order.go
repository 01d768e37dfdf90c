package account

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/thread"
	"cofferdam/internal/upstream"
)

// orderByWords finds out how the mails of a query follow one another by what
// only their headers tell. The server sorts one mailbox, if it can; lists of
// several mailboxes cannot be merged without the words, and so these are read.
func (a *Account) orderByWords(ctx context.Context, q *jmap.EmailQuery, text replica.Text) (*replica.Order, error) {
	matches, err := a.mail.Matches(q.Filter, text)
	if err != nil {
		return nil, err
	}
	if len(matches) == 1 && matches[0].Of <= int(matches[0].UIDs.Count())*sortShare {
		order, err := a.orderByServer(ctx, q.Sort, matches[0].At)
		if !errors.Is(err, upstream.ErrUnsupported) {
			return order, err
		}
	}
	return a.orderByReading(ctx, q.Sort, matches)
}

// orderByServer has the server sort by the first comparator by words and all
// behind it, since an order alone does not say which mails are equal in it.
func (a *Account) orderByServer(ctx context.Context, by []jmap.Comparator, at upstream.Place) (*replica.Order, error) {
	first := slices.IndexFunc(by, func(c jmap.Comparator) bool { return replica.ByWords(c.Property) })
	uids, err := a.cfg.Store.Sort(ctx, at, by[first:])
	if err != nil {
		return nil, err
	}
	ranks := make([]uint32, len(uids))
	for i := range ranks {
		ranks[i] = uint32(i + 1)
	}
	return &replica.Order{Whole: true, Ranks: map[int][]replica.Rank{first: {{At: at, UIDs: uids, Ranks: ranks}}}}, nil
}

// sorting is a sort by words that are read.
type sorting struct {
	a       *Account
	by      []jmap.Comparator // those by words
	matches []replica.Match
	fields  []string

	mu    sync.Mutex // guards what follows
	mails []sorted
	bytes int
}

// sorted is a mail with what it is sorted by.
type sorted struct {
	match int // its place in matches
	uid   upstream.UID
	keys  []string // by comparator
}

// Bytes of memory of a mail and of each key, beside the text.
const (
	sortedSize = 40
	keySize    = 16
)

func (a *Account) orderByReading(ctx context.Context, by []jmap.Comparator, matches []replica.Match) (*replica.Order, error) {
	s := &sorting{a: a, matches: matches}
	var at []int
	for i, c := range by {
		if replica.ByWords(c.Property) {
			s.by, at = append(s.by, c), append(at, i)
			if f := fieldOf(c.Property); !slices.Contains(s.fields, f) {
				s.fields = append(s.fields, f)
			}
		}
	}
	batches, n := batchesOf(matches, upstream.Want{Fields: s.fields})
	if n*(sortedSize+len(s.by)*keySize) > maxSortBytes {
		return nil, errSortTooLarge
	}
	err := atOnce(ctx, len(batches), func(ctx context.Context, i int) error { return s.read(ctx, batches[i]) })
	if err != nil {
		return nil, err
	}
	order := &replica.Order{Ranks: make(map[int][]replica.Rank)}
	for key, i := range at {
		order.Ranks[i] = s.ranks(key)
	}
	return order, nil
}

var errSortTooLarge = &jmap.MethodError{Type: jmap.UnsupportedSort,
	Description: "too many mails to be sorted by their headers; a filter that finds fewer can be"}

// batchesOf cuts matches into exchanges of at most sortBatch mails, and counts
// the mails.
func batchesOf(matches []replica.Match, want upstream.Want) (batches [][]upstream.Ask, n int) {
	for _, m := range matches {
		ask := upstream.Ask{At: m.At, Want: want}
		flush := func() {
			if !ask.UIDs.Empty() {
				batches[len(batches)-1] = append(batches[len(batches)-1], ask)
				ask.UIDs = upstream.UIDSet{}
			}
		}
		for uid := range m.UIDs.All() {
			if n%sortBatch == 0 {
				if n > 0 {
					flush()
				}
				batches = append(batches, nil)
			}
			ask.UIDs.Add(uid)
			n++
		}
		flush()
	}
	return batches, n
}

// read reads one batch.
func (s *sorting) read(ctx context.Context, asks []upstream.Ask) error {
	match := make(map[string]int)
	for i, m := range s.matches {
		match[m.At.Box] = i
	}
	err := s.a.cfg.Store.Fetch(ctx, asks, func(c *upstream.Content) {
		h := message.ParseHeader(c.Header)
		x := sorted{match: match[c.Box], uid: c.UID, keys: make([]string, len(s.by))}
		size := sortedSize
		for i, by := range s.by {
			x.keys[i] = s.key(by.Property, h, &x)
			size += keySize + len(x.keys[i])
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.bytes += size; s.bytes <= maxSortBytes {
			s.mails = append(s.mails, x)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, upstream.ErrNoBox): // the index will know soon
		return fmt.Errorf("%w: %w", jmap.ServerUnavailable, err)
	case err == nil && s.bytes > maxSortBytes:
		return errSortTooLarge
	}
	return err
}

func fieldOf(p jmap.SortProperty) string {
	switch p {
	case jmap.SortFrom:
		return "From"
	case jmap.SortTo:
		return "To"
	case jmap.SortSentAt:
		return "Date"
	}
	return "Subject"
}

// key is what a mail is sorted by (RFC 8621, section 4.4.2), in a form that is
// compared octet by octet.
func (s *sorting) key(p jmap.SortProperty, h message.Header, x *sorted) string {
	switch p {
	case jmap.SortSubject:
		return jmap.UnicodeCasemap(thread.BaseSubject(h.Text("Subject")))
	case jmap.SortSentAt:
		// As RFC 5256, section 2.2: without a date, when it was received.
		f, _ := h.Last("Date")
		t, ok := f.Date()
		if !ok {
			t = s.a.mail.ReceivedAt(s.matches[x.match].At, x.uid)
		}
		return string(binary.BigEndian.AppendUint64(nil, uint64(t.Unix())^1<<63))
	}
	f, _ := h.Last(fieldOf(p))
	list := f.Addresses()
	if len(list) == 0 {
		return ""
	}
	return jmap.UnicodeCasemap(cmp.Or(list[0].Name, list[0].Email))
}

// ranks sorts by one of the keys.
func (s *sorting) ranks(key int) []replica.Rank {
	slices.SortFunc(s.mails, func(a, b sorted) int { return strings.Compare(a.keys[key], b.keys[key]) })
	out := make([]replica.Rank, len(s.matches))
	for i, m := range s.matches {
		out[i].At = m.At
	}
	rank := uint32(0)
	for i, x := range s.mails {
		if i == 0 || x.keys[key] != s.mails[i-1].keys[key] {
			rank++
		}
		r := &out[x.match]
		r.UIDs, r.Ranks = append(r.UIDs, x.uid), append(r.Ranks, rank)
	}
	return out
}
