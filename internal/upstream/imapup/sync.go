package imapup

import (
	"context"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// Sync tells what happened to a mailbox since known. STATUS goes first, so that
// its marks are never later than what is read behind it; what happens between
// the two is told twice.
func (s *Store) Sync(ctx context.Context, box string, known upstream.Known, sink upstream.Sink) (m upstream.Marks, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return m, err
	}
	var y *syncing
	err = s.read(ctx, "synchronising", box, func(ctx context.Context, c *session) error {
		y = &syncing{ctx: ctx, t: t, c: c, known: known, changed: changed{known: known.UIDs}, gone: uidsSeen{known: known.UIDs}}
		m, err = y.run(box)
		return err
	})
	if err == nil {
		y.deliver(sink)
	}
	return m, err
}

type syncing struct {
	ctx   context.Context
	t     *traits
	c     *session
	known upstream.Known
	sel   *selecting

	fresh   gathered // new mails
	changed changed
	gone    uidsSeen
}

// deliver hands on what was read, now that it is known to be of the right
// mailbox.
func (y *syncing) deliver(sink upstream.Sink) {
	for i := range y.fresh.rows {
		sink.Row(&y.fresh.rows[i])
	}
	for _, f := range y.changed.list {
		sink.Flags(f.uid, f.flags)
	}
	if !y.gone.set.Empty() {
		sink.Vanished(y.gone.set)
	}
}

func (y *syncing) run(box string) (upstream.Marks, error) {
	at := upstream.Place{Box: box, Validity: y.known.Marks.UIDValidity}
	if y.c.has(at) {
		// A STATUS of the selected mailbox tells what this connection sees.
		if err := y.c.catchUp(y.ctx, all); err != nil {
			return upstream.Marks{}, err
		}
	}
	status := y.c.client.Status(box, y.t.statusItems()...)
	y.sel = y.c.selectBox(at, false)
	withModSeq := y.t.condense && y.known.Marks.ModSeq != 0
	changes := y.changes(withModSeq)
	fresh := y.readFresh()
	err := both(y.ctx, y.sel, fresh)
	if err2 := changes(); err == nil {
		err = err2
	}
	st, err2 := status.Wait(y.ctx)
	if err == nil {
		err = err2
	}
	if err != nil {
		return upstream.Marks{}, err
	}
	m := marksOf(st)
	if m.UIDValidity != y.known.Marks.UIDValidity || y.fresh.over {
		return m, upstream.ErrStale // what is too much at once is read anew, in steps
	}
	y.fresh.below(m.UIDNext)
	y.putAndGone(m)
	if withModSeq && !y.t.qresync {
		err = y.vanished(m)
	}
	return m, err
}

// putAndGone tells which mails are gone that we have put there ourselves since the
// marks were taken: no other look covers their uids, and the next one begins
// behind them. What came after the STATUS may be known and not read.
func (y *syncing) putAndGone(m upstream.Marks) {
	from := max(y.known.Marks.UIDNext, 1)
	if m.UIDNext <= from {
		return
	}
	for _, r := range y.known.UIDs().Ranges() {
		for u := max(r.Start, from); u <= r.Stop && u < m.UIDNext; u++ {
			if !y.fresh.seen.Contains(u) {
				y.gone.set.Add(u)
			}
		}
	}
}

// changes starts reading changed flags and vanished mails; the returned function
// waits for them.
func (y *syncing) changes(withModSeq bool) func() error {
	last := y.known.Marks.UIDNext - 1
	if y.known.Marks.UIDNext <= 1 {
		return func() error { return nil }
	}
	if !withModSeq {
		return y.compare(last)
	}
	opts := imap.FetchOptions{ChangedSince: y.known.Marks.ModSeq}
	if y.t.qresync {
		opts.Vanished = true
		opts.OnVanished = func(set upstream.UIDSet) {
			if y.sel.live() {
				y.gone.add(set)
			}
		}
	}
	f := y.c.client.Fetch(imap.UIDRange(1, last), []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, opts, y.flags)
	return func() error {
		_, err := f.Wait(y.ctx)
		return err
	}
}

func (y *syncing) flags(r *imap.FetchRow) {
	if r.UID() == 0 || !r.HasFlags() || !y.sel.live() {
		return
	}
	y.changed.add(r.UID(), r.Flags())
}

// compare reads all flags, on a server that cannot say which have changed; what
// has no flags is gone.
func (y *syncing) compare(last upstream.UID) func() error {
	seen := uidsSeen{known: y.known.UIDs}
	f := y.c.client.Fetch(imap.UIDRange(1, last), []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		if r.UID() != 0 && r.UID() <= last && y.sel.live() {
			seen.add(imap.UIDs(r.UID()))
			y.flags(r)
		}
	})
	return func() error {
		if _, err := f.Wait(y.ctx); err != nil {
			return err
		}
		y.missing(seen.set, last)
		return nil
	}
}

// missing tells which of the known uids, up to the last that was asked for, are
// not among those seen. Uids above it are known as well: of mails that we have
// put there ourselves since the marks were taken (COPYUID, APPENDUID).
func (y *syncing) missing(seen upstream.UIDSet, last upstream.UID) {
	for u := range y.known.UIDs().All() {
		if u <= last && !seen.Contains(u) {
			y.gone.set.Add(u)
		}
	}
}

// readFresh reads the mails that came since.
func (y *syncing) readFresh() *imap.Future[imap.FetchDone] {
	from := max(y.known.Marks.UIDNext, 1)
	rr := y.t.rowReader()
	return y.c.client.Fetch(imap.UIDRange(from, imap.Star), y.t.rowItems(), imap.FetchOptions{}, func(r *imap.FetchRow) {
		// "n:*" always names the last mail, also one before n.
		if row := rr.read(r); row != nil && row.UID >= from && y.sel.live() {
			y.fresh.take(row)
		}
	})
}

// vanished finds expunged mails on a server with CONDSTORE but not QRESYNC: if
// the numbers agree there are none.
func (y *syncing) vanished(m upstream.Marks) error {
	known := y.known.UIDs()
	have := known.Count() - y.gone.set.Count()
	for i := range y.fresh.rows {
		if !known.Contains(y.fresh.rows[i].UID) {
			have++
		}
	}
	if have == uint64(m.Messages) {
		return nil
	}
	res, err := y.c.client.Search(imap.All(), imap.SearchOptions{}).Wait(y.ctx)
	if err == nil {
		y.missing(res.UIDs(), m.UIDNext-1) // what came after the STATUS may be known and not found
	}
	return err
}
