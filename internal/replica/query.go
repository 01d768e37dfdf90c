package replica

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// Query answers Email/query from the index (RFC 8621, section 4.4). The errors
// are jmap.AnchorNotFound, jmap.UnsupportedSort, jmap.UnsupportedFilter and
// ErrNeedsOrder. What the index does not hold yet is not found: callers see to it
// (Replica.Ready).
func (ix *Index) Query(q *jmap.EmailQuery, words *Words) (jmap.EmailQueryResult, error) {
	if words == nil {
		words = new(Words)
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	rows, err := ix.run(q, words)
	if err != nil {
		return jmap.EmailQueryResult{}, err
	}
	res := jmap.EmailQueryResult{Total: rows.len(), State: ix.queryState(words.Text, rows)}
	res.CanCalculateChanges = words.Text == nil && ix.complete && !sortsByWords(q.Sort)
	anchor := 0
	if q.Window.Anchor != "" {
		if anchor = ix.position(rows, q.Window.Anchor); anchor < 0 {
			return res, jmap.AnchorNotFound
		}
	}
	from, to := q.Window.Bounds(rows.len(), anchor)
	res.Position = from
	res.IDs = make([]jmap.EmailID, 0, to-from)
	for at := from; at < to; at++ {
		res.IDs = append(res.IDs, ix.names.emailID(ix.rows[rows.at(at)].key))
	}
	return res, nil
}

// result is a list of rows, read from its end if reverse.
type result struct {
	list    []uint32
	reverse bool
}

func (r result) len() int { return len(r.list) }

func (r result) at(i int) uint32 {
	if r.reverse {
		return r.list[len(r.list)-1-i]
	}
	return r.list[i]
}

func (ix *Index) position(rows result, id string) int {
	k, ok := ix.names.parseEmail(jmap.EmailID(id))
	if !ok {
		return -1
	}
	row, ok := ix.find(&k)
	if !ok {
		return -1
	}
	for at := range rows.len() {
		if rows.at(at) == row {
			return at
		}
	}
	return -1
}

// queryState is the Email state, which changes whenever a result can. With text
// it is a hash of the result, since the server's search may change by itself.
func (ix *Index) queryState(text Text, rows result) jmap.QueryState {
	if text == nil {
		return jmap.QueryState(ix.state(ix.emailSeq))
	}
	h := fnv.New64a()
	for at := range rows.len() {
		h.Write(ix.rows[rows.at(at)].key[:])
	}
	return jmap.QueryState(fmt.Sprintf("t%x", h.Sum64()))
}

// run works out the whole result.
func (ix *Index) run(q *jmap.EmailQuery, words *Words) (result, error) {
	base := ix.base(q.Filter)
	if base.box == nil && base.none {
		return result{}, nil
	}
	byDate, descending := onlyByDate(q.Sort)
	if byDate && base.exact && !q.CollapseThreads {
		return result{ix.candidates(base), descending}, nil
	}
	key := ""
	if words.Text == nil {
		key = cacheKey(q)
		if list, ok := ix.cached(key); ok {
			return result{list: list}, nil
		}
	}
	list, err := ix.evaluate(q, words, base, byDate, descending)
	if err == nil && key != "" && !words.Settle {
		ix.store(key, list)
	}
	return result{list: list}, err
}

func (ix *Index) evaluate(q *jmap.EmailQuery, words *Words, base base, byDate, descending bool) ([]uint32, error) {
	e := &evaluator{ix: ix, text: words.Text, given: words.Order, box: base.box}
	match, err := e.filter(q.Filter, true)
	if err != nil {
		return nil, err
	}
	less, err := e.order(q.Sort)
	if err != nil {
		return nil, err
	}
	all := result{ix.candidates(base), descending || !byDate}
	if base.exact && byDate {
		return slices.Clone(ix.collapsed(all)), nil
	}
	list := make([]uint32, 0, min(all.len(), 1024))
	for at := range all.len() {
		if i := all.at(at); match(i) {
			list = append(list, i)
		}
	}
	if e.unranked(list) && !words.Settle {
		return nil, ErrNeedsOrder
	}
	if !byDate {
		slices.SortStableFunc(list, less)
	}
	if q.CollapseThreads {
		list = ix.collapsed(result{list: list})
	}
	return slices.Clip(list), nil
}

// collapsed keeps the first mail of each thread (RFC 8621, section 4.4.3).
func (ix *Index) collapsed(all result) []uint32 {
	seen := newBits(len(ix.rows))
	out := make([]uint32, 0, all.len())
	for at := range all.len() {
		i := all.at(at)
		if seen.has(i) {
			continue
		}
		out = append(out, i)
		for j := ix.ring[i]; j != i; j = ix.ring[j] {
			seen.set(j)
		}
	}
	return out
}

// base is where the mails of a result can lie.
type base struct {
	box   *box // nil: anywhere
	exact bool // every mail there matches
	none  bool // a mailbox was named that does not exist
}

// base finds a mailbox that every match must be in.
func (ix *Index) base(f *jmap.Filter[jmap.EmailCondition]) base {
	switch {
	case f == nil:
		return base{exact: true}
	case f.Op == "":
		if f.Leaf.InMailbox == "" {
			return base{}
		}
		b := ix.byID[f.Leaf.InMailbox]
		return base{box: b, none: b == nil, exact: OnlyInMailbox(f.Leaf)}
	case f.Op == jmap.OpAnd:
		for _, n := range f.Nodes {
			if b := ix.base(n); b.box != nil || b.none {
				b.exact = b.exact && len(f.Nodes) == 1
				return b
			}
		}
	}
	return base{}
}

// OnlyInMailbox reports whether a condition asks for nothing but a mailbox.
func OnlyInMailbox(c *jmap.EmailCondition) bool {
	rest := *c
	rest.InMailbox = ""
	return c.InMailbox != "" && rest.IsEmpty()
}

// candidates are the mails of base, oldest first.
func (ix *Index) candidates(b base) []uint32 {
	if b.box != nil {
		return b.box.order
	}
	ix.cacheMu.Lock()
	defer ix.cacheMu.Unlock()
	if ix.all == nil || ix.allAt != ix.gen {
		ix.all = ix.everything()
		ix.allAt = ix.gen
	}
	return ix.all
}

func (ix *Index) everything() []uint32 {
	all := make([]uint32, 0, ix.live)
	for i := range ix.rows {
		if !ix.rows[i].dead() {
			all = append(all, uint32(i))
		}
	}
	slices.SortFunc(all, ix.compare)
	return all
}

// onlyByDate reports whether the order is that of the index, and its direction.
// Without comparators it is newest first.
func onlyByDate(by []jmap.Comparator) (ok, descending bool) {
	if len(by) == 0 {
		return true, true
	}
	// What follows receivedAt decides between mails of one second.
	return len(by) == 1 && by[0].Property == jmap.SortReceivedAt, by[0].Descending
}

// resultCache holds results of this generation of the index.
type resultCache struct {
	gen     uint64
	total   int
	entries []cachedResult // the latest last
}

type cachedResult struct {
	key  string
	list []uint32
}

func (ix *Index) cached(key string) ([]uint32, bool) {
	ix.cacheMu.Lock()
	defer ix.cacheMu.Unlock()
	c := &ix.cache
	if c.gen != ix.gen {
		*c = resultCache{gen: ix.gen}
	}
	for at, e := range c.entries {
		if e.key == key {
			c.entries = append(slices.Delete(c.entries, at, at+1), e)
			return e.list, true
		}
	}
	return nil, false
}

func (ix *Index) store(key string, list []uint32) {
	ix.cacheMu.Lock()
	defer ix.cacheMu.Unlock()
	c := &ix.cache
	if c.gen != ix.gen || len(list) > maxResultIDs {
		return
	}
	c.entries = append(c.entries, cachedResult{key, list})
	c.total += len(list)
	for len(c.entries) > maxResults || c.total > maxResultIDs {
		c.total -= len(c.entries[0].list)
		c.entries = slices.Delete(c.entries, 0, 1)
	}
}

// cacheKey is a text that is equal for equal queries, whatever their windows.
func cacheKey(q *jmap.EmailQuery) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t|%+v|", q.CollapseThreads, q.Sort)
	writeFilter(&b, q.Filter)
	return b.String()
}

func writeFilter(b *strings.Builder, f *jmap.Filter[jmap.EmailCondition]) {
	switch {
	case f == nil:
		b.WriteString("*")
	case f.Op == "":
		c := *f.Leaf
		var most uint64
		var has bool
		if c.MaxSize != nil {
			most = *c.MaxSize
		}
		if c.HasAttachment != nil {
			has = *c.HasAttachment
		}
		fmt.Fprintf(b, "{%q %q %d %d %d %t %d %q %q %q %q %q %t %t}", c.InMailbox, c.InMailboxOtherThan,
			c.Before.UnixNano(), c.After.UnixNano(), c.MinSize, c.MaxSize != nil, most,
			c.AllInThreadHaveKeyword, c.SomeInThreadHaveKeyword, c.NoneInThreadHaveKeyword,
			c.HasKeyword, c.NotKeyword, c.HasAttachment != nil, has)
	default:
		fmt.Fprintf(b, "(%s", f.Op)
		for _, n := range f.Nodes {
			writeFilter(b, n)
		}
		b.WriteString(")")
	}
}
