package imapup

import (
	"context"
	"slices"
	"strconv"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// rowItems are what an index row is made of.
func (t *traits) rowItems() []imap.FetchItem {
	items := []imap.FetchItem{imap.ItemUID, imap.ItemFlags, imap.ItemInternalDate, imap.ItemSize,
		imap.HeaderFields("", upstream.IndexFields()...)}
	for _, i := range []imap.FetchItem{t.idItem, t.thItem} {
		if i != "" {
			items = append(items, i)
		}
	}
	return items
}

// rowReader turns FETCH rows into index rows; its memory is used again for each.
type rowReader struct {
	t      *traits
	header imap.FetchItem
	row    upstream.Row
	flags  []imap.Flag
}

func (t *traits) rowReader() *rowReader {
	return &rowReader{t: t, header: imap.HeaderFields("", upstream.IndexFields()...)}
}

// read returns nil for a row that is not whole: an unsolicited FETCH.
func (rr *rowReader) read(r *imap.FetchRow) *upstream.Row {
	date, ok := r.InternalDate()
	if r.UID() == 0 || !ok || !r.HasFlags() {
		return nil
	}
	rr.flags = r.AppendFlags(rr.flags[:0])
	row := &rr.row
	row.UID, row.Date, row.ID, row.ThreadID = r.UID(), date, "", ""
	row.Size, _ = r.Size()
	row.Flags = row.Flags[:0]
	for _, f := range rr.flags {
		row.Flags = append(row.Flags, string(f))
	}
	row.Header, _ = r.Section(rr.header) // of a monstrous header nothing is known
	switch rr.t.info.Identity {
	case upstream.IdentityObject:
		row.ID, row.ThreadID = r.EmailID(), r.ThreadID()
	case upstream.IdentityGUID:
		row.ID = r.GUID()
	case upstream.IdentityGmail:
		if n, ok := r.GmailMsgID(); ok {
			row.ID = strconv.FormatUint(n, 10)
		}
		if n, ok := r.GmailThreadID(); ok {
			row.ThreadID = strconv.FormatUint(n, 10)
		}
	}
	return row
}

// UIDs returns the uids of a mailbox.
func (s *Store) UIDs(ctx context.Context, box string) (set upstream.UIDSet, m upstream.Marks, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return set, m, err
	}
	err = s.read(ctx, "listing mails", box, func(ctx context.Context, c *session) error {
		at := upstream.Place{Box: box}
		if c.has(at) {
			if err := c.catchUp(ctx, all); err != nil {
				return err
			}
		}
		status := c.client.Status(box, t.statusItems()...)
		sel := c.selectBox(at, true)
		found := c.client.Search(imap.All(), imap.SearchOptions{})
		if err := sel.wait(ctx); err != nil {
			return err
		}
		st, err := status.Wait(ctx)
		if err != nil {
			return err
		}
		res, err := found.Wait(ctx)
		if err != nil {
			return err
		}
		if m = marksOf(st); m.UIDValidity != c.sel.UIDValidity {
			return upstream.ErrStale
		}
		set = res.UIDs()
		return nil
	})
	return set, m, err
}

// Rows reads index rows.
func (s *Store) Rows(ctx context.Context, at upstream.Place, uids upstream.UIDSet, fn func(*upstream.Row)) error {
	t, err := s.traits(ctx)
	if err != nil || uids.Empty() {
		return err
	}
	var got gathered
	err = s.read(ctx, "reading the index", at.Box, func(ctx context.Context, c *session) error {
		got.reset()
		sel := c.selectBox(at, false)
		if err := sel.catchUp(ctx, highest(uids)); err != nil {
			return err
		}
		rr := t.rowReader()
		rows := c.client.Fetch(uids, t.rowItems(), imap.FetchOptions{}, func(r *imap.FetchRow) {
			if row := rr.read(r); row != nil && uids.Contains(row.UID) && sel.live() {
				got.take(row)
			}
		})
		return both(ctx, sel, rows)
	})
	if err != nil {
		return err
	}
	if got.over {
		low, high := halves(uids)
		got.reset()
		if err := s.Rows(ctx, at, low, fn); err != nil {
			return err
		}
		return s.Rows(ctx, at, high, fn)
	}
	for i := range got.rows {
		fn(&got.rows[i])
	}
	return nil
}

// keep copies a row out of the reader's memory.
func keep(r *upstream.Row) upstream.Row {
	c := *r
	c.Flags, c.Header = slices.Clone(r.Flags), slices.Clone(r.Header)
	return c
}

// both waits for a SELECT and what was pipelined behind it, and prefers the
// SELECT's error: what follows a refused one makes no sense.
func both[T any](ctx context.Context, sel *selecting, f *imap.Future[T]) error {
	err := sel.wait(ctx)
	_, err2 := f.Wait(ctx)
	if err != nil {
		return err
	}
	return err2
}

// selectNow selects a mailbox and says what it holds at this moment. A SELECT says
// so itself; a STATUS before it would have the server look at all mails twice.
func (t *traits) selectNow(ctx context.Context, c *session, box string) (*selecting, upstream.Marks, error) {
	at := upstream.Place{Box: box}
	if !c.has(at) {
		sel := c.selectBox(at, true)
		if err := sel.wait(ctx); err != nil {
			return nil, upstream.Marks{}, err
		}
		return sel, upstream.Marks{UIDValidity: sel.sel.UIDValidity, Messages: sel.sel.Exists}, nil
	}
	sel := c.selectBox(at, true)
	if err := c.catchUp(ctx, all); err != nil {
		return nil, upstream.Marks{}, err
	}
	st, err := c.client.Status(box, t.statusItems()...).Wait(ctx)
	if err != nil {
		return nil, upstream.Marks{}, err
	}
	if st.UIDValidity != c.sel.UIDValidity {
		return nil, upstream.Marks{}, upstream.ErrStale
	}
	return sel, marksOf(st), nil
}

// Newest reads the newest mails by uid and returns them newest first by date.
func (s *Store) Newest(ctx context.Context, box string, offset, n int, fn func(*upstream.Row)) (m upstream.Marks, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return m, err
	}
	var got gathered
	err = s.read(ctx, "reading the newest mails", box, func(ctx context.Context, c *session) error {
		got.reset()
		sel, now, err := t.selectNow(ctx, c, box)
		if err != nil {
			return err
		}
		m = now
		last := int(m.Messages) - offset
		if last <= 0 {
			return nil
		}
		rr := t.rowReader()
		seqs := imap.SeqRange(imap.SeqNum(max(last-n+1, 1)), imap.SeqNum(last))
		_, err = c.client.FetchSeq(seqs, t.rowItems(), imap.FetchOptions{}, func(r *imap.FetchRow) {
			if row := rr.read(r); row != nil && seqs.Contains(r.Seq()) && sel.live() {
				got.take(row)
			}
		}).Wait(ctx)
		if err == nil && got.over {
			err = errTooMuch
		}
		return err
	})
	if err != nil {
		return m, err
	}
	rows := got.rows[:min(len(got.rows), n)]
	slices.SortFunc(rows, func(a, b upstream.Row) int {
		if d := b.Date.Compare(a.Date); d != 0 {
			return d
		}
		return int(int64(b.UID) - int64(a.UID))
	})
	for i := range rows {
		fn(&rows[i])
	}
	return m, nil
}
