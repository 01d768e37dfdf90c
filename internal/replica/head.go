package replica

import (
	"slices"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// head is the newest part of a mailbox that is not read whole yet: a list of it is
// shown again without asking the server, which is busy telling us of the rest.
type head struct {
	from  upstream.UID // every mail from this one on is in the index
	mails int          // how many these are
	total int          // mails in the mailbox, as the server said
	as    moment       // before the server was asked
}

// moment is what was known of the world at a time.
type moment struct {
	news    uint64 // Replica.news
	watched bool   // the server tells of every mailbox, so news would have grown
	at      time.Time
}

func (r *Replica) moment() moment {
	return moment{r.news.Load(), r.watched.Load(), time.Now()}
}

// holds reports whether what was learned then is true still: nothing was told since,
// by a server that would have, or it is only headLife ago.
func (then moment) holds(now moment) bool {
	return then.news == now.news && (now.watched || now.at.Sub(then.at) < headLife)
}

// setHead notes what was read of the newest mails of a mailbox.
func (ix *Index) setHead(b *box, h head) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	b.head = h
}

// growHead notes how far a mailbox was read by a build, unless something newer, or
// more, is known.
func (ix *Index) growHead(b *box, h head) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if b.head.as.news > h.as.news || b.head.mails >= h.mails {
		return
	}
	if b.head.as.news == h.as.news && b.head.as.at.After(h.as.at) {
		h.as = b.head.as
	}
	b.head = h
}

// headPage is FirstPage's answer out of the index; false if not enough is there, or
// is too old. n is how many of the newest mails decide.
func (ix *Index) headPage(b *box, n int, w jmap.Window, collapse bool, now moment) (jmap.EmailQueryResult, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	h := b.head
	if h.mails == 0 || h.mails < min(n, h.total) || !h.as.holds(now) {
		return jmap.EmailQueryResult{}, false
	}
	most := int(w.Position) + w.Limit
	all, seen := ix.headRows(b), newBits(len(ix.rows))
	rows := make([]uint32, 0, most)
	for at := 0; at < all.len() && len(rows) < most; at++ {
		i := all.at(at)
		if collapse && seen.has(i) {
			continue
		}
		rows = append(rows, i)
		for j := ix.ring[i]; collapse && j != i; j = ix.ring[j] {
			seen.set(j)
		}
	}
	return ix.firstOf(rows, h.total, w), true
}

// headRows are the mails of a head, the newest last.
func (ix *Index) headRows(b *box) result {
	c := &ix.columns
	from := uint32(b.head.from)
	if len(b.uids) == 0 || c.uidOf(b.uids[0]) >= from {
		return result{b.order, true}
	}
	at, _ := b.findUID(c, from)
	rows := make([]uint32, 0, len(b.uids)-at)
	for _, copy := range b.uids[at:] {
		rows = append(rows, ix.emailOf(copy))
	}
	slices.SortFunc(rows, c.compare)
	return result{slices.Compact(rows), true}
}

// firstOf makes the window of a result whose first rows are these.
func (ix *Index) firstOf(rows []uint32, total int, w jmap.Window) jmap.EmailQueryResult {
	res := jmap.EmailQueryResult{State: jmap.QueryState(ix.state(ix.emailSeq)), Total: max(total, len(rows))}
	from, to := w.Bounds(len(rows), 0)
	res.Position = from
	for _, i := range rows[from:to] {
		res.IDs = append(res.IDs, ix.names.emailID(ix.rows[i].key))
	}
	return res
}
