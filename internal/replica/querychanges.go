package replica

import (
	"cofferdam/internal/jmap"
)

// QueryChanges answers Email/queryChanges (RFC 8620, section 5.6) for filters
// and sorts without words. It keeps no earlier results: every mail that was touched since
// is named as removed and, if it is in the present result, as added, which
// section 5.6 demands anyway for properties that can change.
func (ix *Index) QueryChanges(q *jmap.EmailQueryChanges) (jmap.QueryChanges[jmap.EmailID], error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	out := jmap.QueryChanges[jmap.EmailID]{OldState: q.Since}
	n, ok := ix.since(jmap.State(q.Since))
	if !ok || hasText(q.Query.Filter) || sortsByWords(q.Query.Sort) {
		return out, jmap.CannotCalculateChanges
	}
	rows, err := ix.run(&q.Query, new(Words))
	if err != nil {
		return out, err
	}
	out.NewState, out.Total = ix.queryState(nil, rows), rows.len()
	if out.NewState == out.OldState {
		return out, nil
	}
	touched, gone := ix.touchedSince(n, q.Query.CollapseThreads || needsThreads(&q.Query))
	for _, k := range gone {
		out.Removed = append(out.Removed, ix.names.emailID(k))
	}
	end, behind := ix.upTo(q, rows, touched)
	for i := range ix.rows {
		if touched.has(uint32(i)) && ix.rows[i].created <= n && !behind(uint32(i)) {
			out.Removed = append(out.Removed, ix.names.emailID(ix.rows[i].key))
		}
	}
	for at := range end {
		if i := rows.at(at); touched.has(i) {
			out.Added = append(out.Added, jmap.AddedItem[jmap.EmailID]{ID: ix.names.emailID(ix.rows[i].key), Index: at})
		}
	}
	if q.MaxChanges != nil && len(out.Added)+len(out.Removed) > *q.MaxChanges {
		return out, jmap.TooManyChanges
	}
	return out, nil
}

// upTo says what q.UpToID lets us leave out: what is added at end or behind it,
// and what is removed and stood behind UpToID before. The latter is known where
// the order is by date, which never changes, and UpToID was in the old result
// because nothing has happened to it. Of a destroyed mail the date is not known
// any more; it is always named.
func (ix *Index) upTo(q *jmap.EmailQueryChanges, rows result, touched bits) (end int, behind func(uint32) bool) {
	nothing := func(uint32) bool { return false }
	at := -1
	if q.UpToID != "" {
		at = ix.position(rows, string(q.UpToID))
	}
	if at < 0 {
		return rows.len(), nothing
	}
	last := rows.at(at)
	byDate, descending := onlyByDate(q.Query.Sort)
	if !byDate || q.Query.CollapseThreads || touched.has(last) {
		return at + 1, nothing
	}
	return at + 1, func(i uint32) bool {
		n := ix.compare(i, last)
		return n < 0 && descending || n > 0 && !descending
	}
}

// touchedSince are the mails that changed after change n, with all others of
// their threads if threads is set, and the keys of those that are gone.
func (ix *Index) touchedSince(n uint32, threads bool) (touched bits, gone []emailKey) {
	touched = newBits(len(ix.rows))
	mark := func(i uint32) {
		touched.set(i)
		if !threads {
			return
		}
		for j := ix.ring[i]; j != i && !touched.has(j); j = ix.ring[j] {
			touched.set(j)
		}
	}
	for i, u := range ix.updated {
		if u > n {
			mark(uint32(i))
		}
	}
	for _, t := range ix.tombsSince(n) {
		if i, ok := ix.findThread(&t.thread); ok && threads {
			mark(i)
		}
		if i, ok := ix.find(&t.key); ok {
			mark(i) // it came back
		}
		if t.created <= n {
			gone = append(gone, t.key)
		}
	}
	return touched, gone
}

func hasText(f *jmap.Filter[jmap.EmailCondition]) bool {
	if f == nil {
		return false
	}
	if f.Op == "" {
		return f.Leaf.HasText()
	}
	for _, n := range f.Nodes {
		if hasText(n) {
			return true
		}
	}
	return false
}

// needsThreads reports whether a mail's place depends on others of its thread.
func needsThreads(q *jmap.EmailQuery) bool {
	for _, c := range q.Sort {
		if c.Property == jmap.SortAllInThread || c.Property == jmap.SortSomeInThread {
			return true
		}
	}
	return filterNeedsThreads(q.Filter)
}

func filterNeedsThreads(f *jmap.Filter[jmap.EmailCondition]) bool {
	if f == nil {
		return false
	}
	if f.Op == "" {
		c := f.Leaf
		return c.AllInThreadHaveKeyword != "" || c.SomeInThreadHaveKeyword != "" || c.NoneInThreadHaveKeyword != ""
	}
	for _, n := range f.Nodes {
		if filterNeedsThreads(n) {
			return true
		}
	}
	return false
}
