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
	err = s.read(ctx, "synchronising", box, func(ctx context.Context, c *session) error {
		y := &syncing{ctx: ctx, t: t, c: c, known: known, sink: sink}
		m, err = y.run(box)
		return err
	})
	return m, err
}

type syncing struct {
	ctx   context.Context
	t     *traits
	c     *session
	known upstream.Known
	sink  upstream.Sink
	sel   *selecting
	rows  int // new mails
}

func (y *syncing) run(box string) (upstream.Marks, error) {
	status := y.c.client.Status(box, y.t.statusItems()...)
	y.sel = y.c.selectBox(upstream.Place{Box: box, Validity: y.known.Marks.UIDValidity}, false)
	y.sel.sync(imap.Star - 1)
	y.c.uidNext = 0 // more may come at any time: look again next time
	withModSeq := y.t.condense && y.known.Marks.ModSeq != 0
	changes := y.changes(withModSeq)
	fresh := y.fresh()
	st, err := status.Wait(y.ctx)
	if err != nil {
		return upstream.Marks{}, err
	}
	err = both(y.ctx, y.sel, fresh)
	if err2 := changes(); err == nil {
		err = err2
	}
	if err != nil {
		return upstream.Marks{}, err
	}
	m := marksOf(st)
	if m.UIDValidity != y.known.Marks.UIDValidity {
		return m, upstream.ErrStale
	}
	if withModSeq && !y.t.qresync {
		err = y.vanished(m)
	}
	return m, err
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
	var gone upstream.UIDSet
	opts := imap.FetchOptions{ChangedSince: y.known.Marks.ModSeq}
	if y.t.qresync {
		opts.Vanished = true
		opts.OnVanished = func(set upstream.UIDSet) { gone.AddSet(set) }
	}
	f := y.c.client.Fetch(imap.UIDRange(1, last), []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, opts, y.flags)
	return func() error {
		_, err := f.Wait(y.ctx)
		if err == nil && !gone.Empty() && y.sel.ok() {
			y.sink.Vanished(gone)
		}
		return err
	}
}

func (y *syncing) flags(r *imap.FetchRow) {
	if r.UID() == 0 || !r.HasFlags() || !y.sel.ok() {
		return
	}
	var flags []string
	for _, f := range r.Flags() {
		flags = append(flags, string(f))
	}
	y.sink.Flags(r.UID(), flags)
}

// compare reads all flags, on a server that cannot say which have changed; what
// has no flags is gone.
func (y *syncing) compare(last upstream.UID) func() error {
	var seen upstream.UIDSet
	f := y.c.client.Fetch(imap.UIDRange(1, last), []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		if r.UID() != 0 && r.UID() <= last {
			seen.Add(r.UID())
			y.flags(r)
		}
	})
	return func() error {
		if _, err := f.Wait(y.ctx); err != nil || !y.sel.ok() {
			return err
		}
		y.missing(seen)
		return nil
	}
}

// missing tells which of the known uids are not among those seen.
func (y *syncing) missing(seen upstream.UIDSet) {
	var gone upstream.UIDSet
	for u := range y.known.UIDs().All() {
		if !seen.Contains(u) {
			gone.Add(u)
		}
	}
	if !gone.Empty() {
		y.sink.Vanished(gone)
	}
}

// fresh reads the mails that came since.
func (y *syncing) fresh() *imap.Future[imap.FetchDone] {
	from := max(y.known.Marks.UIDNext, 1)
	rr := y.t.rowReader()
	return y.c.client.Fetch(imap.UIDRange(from, imap.Star), y.t.rowItems(), imap.FetchOptions{}, func(r *imap.FetchRow) {
		// "n:*" always names the last mail, also one before n.
		if row := rr.read(r); row != nil && row.UID >= from && y.sel.ok() {
			y.rows++
			y.sink.Row(row)
		}
	})
}

// vanished finds expunged mails on a server with CONDSTORE but not QRESYNC: if
// the numbers agree there are none.
func (y *syncing) vanished(m upstream.Marks) error {
	known := y.known.UIDs()
	if known.Count()+uint64(y.rows) == uint64(m.Messages) {
		return nil
	}
	res, err := y.c.client.Search(imap.All(), imap.SearchOptions{}).Wait(y.ctx)
	if err == nil {
		y.missing(res.UIDs())
	}
	return err
}
