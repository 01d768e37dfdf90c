package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// build fills the index, the newest mails first, mailbox by mailbox.
func (r *Replica) build(ctx context.Context) error {
	// Mailboxes may be made, renamed and deleted meanwhile.
	for range maxPasses {
		for _, b := range r.buildOrder() {
			if err := r.buildBox(ctx, b); err != nil && !errors.Is(err, upstream.ErrNoBox) {
				return fmt.Errorf("reading a mailbox: %w", err)
			}
		}
		if err := r.Refresh(ctx); err != nil {
			return err
		}
		if len(r.buildOrder()) == 0 {
			break
		}
	}
	r.Index.setComplete()
	r.closers.Do(func() {
		select {
		case <-r.built:
		default:
			close(r.built)
		}
	})
	return nil
}

// buildOrder puts first what people look at first.
func (r *Replica) buildOrder() []*box {
	r.Index.mu.RLock()
	defer r.Index.mu.RUnlock()
	var list []*box
	total := 0
	for _, b := range r.Index.boxes {
		if b != nil && b.up.Selectable && !b.synced {
			list = append(list, b)
			total += int(b.up.Marks.Messages)
		}
	}
	slices.SortStableFunc(list, func(x, y *box) int {
		return cmp.Or(cmp.Compare(roleOrder(x.up.Role), roleOrder(y.up.Role)),
			cmp.Compare(x.up.Marks.Messages, y.up.Marks.Messages))
	})
	return list
}

// buildBox reads one mailbox. The turn is given back after each chunk, so that
// nobody waits long for it.
func (r *Replica) buildBox(ctx context.Context, b *box) error {
	up := r.Index.upOf(b)
	known := head{as: r.moment()}
	uids, m, err := r.store.UIDs(upstream.Aside(ctx), up.Name)
	if err != nil {
		return err
	}
	known.total = int(uids.Count())
	if err := r.expect(ctx, b, known.total, m); err != nil {
		return err
	}
	size := buildChunk
	if up.Role == jmap.RoleInbox {
		size = firstChunk
	}
	// While one part goes into the index the server is at work on the next.
	var ahead chan *part
	for !uids.Empty() || ahead != nil {
		ready := ahead
		ahead = nil
		if !uids.Empty() {
			var set upstream.UIDSet
			set, uids = newest(uids, size)
			size = buildChunk
			ahead = r.readAhead(ctx, r.Index.placeOf(b), set)
		}
		if ready != nil {
			p := <-ready
			if err := r.buildPart(ctx, b, p); err != nil {
				if ahead != nil {
					<-ahead
				}
				return err
			}
			known.from, known.mails = p.uids.Ranges()[0].Start, known.mails+int(p.uids.Count())
			r.Index.growHead(b, known)
		}
	}
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.give()
	t := r.Index.begin()
	t.quiet = true
	t.mark(b, m, true)
	_, err = t.commit()
	return err
}

// expect makes room for the mails of a mailbox. Another UIDVALIDITY than before
// means that what the first pages showed of it is to be forgotten.
func (r *Replica) expect(ctx context.Context, b *box, n int, m upstream.Marks) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.give()
	return r.Index.expect(b, n, m)
}

func (ix *Index) expect(b *box, n int, m upstream.Marks) error {
	if n > MaxMails {
		return ErrTooManyMails
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	b.uids, b.order = reserve(b.uids, n), reserve(b.order, n)
	ix.reserve(ix.live + n)
	b.marks.UIDValidity = m.UIDValidity
	return nil
}

// part is a piece of a mailbox that was read.
type part struct {
	at     upstream.Place
	uids   upstream.UIDSet
	rows   []upstream.Row
	writes uint64 // Replica.writes when the reading began
	large  bool   // the rows are not kept: there were more bytes than maxPartBytes
	err    error
}

// readAhead reads a part.
func (r *Replica) readAhead(ctx context.Context, at upstream.Place, uids upstream.UIDSet) chan *part {
	done := make(chan *part, 1)
	p := &part{at: at, uids: uids, writes: r.writes.Load()}
	go func() {
		r.read(upstream.Aside(ctx), p)
		done <- p
	}()
	return done
}

func (r *Replica) read(ctx context.Context, p *part) {
	p.rows = make([]upstream.Row, 0, p.uids.Count())
	bytes := 0
	p.err = r.store.Rows(ctx, p.at, p.uids, func(row *upstream.Row) {
		if bytes += len(row.Header); bytes > maxPartBytes {
			p.large, p.rows = true, nil
			return
		}
		p.rows = append(p.rows, *row)
	})
}

// buildPart puts a part into the index. If the person changed something while it
// was read, be it the mailbox's name, it is read again, now that nobody can.
func (r *Replica) buildPart(ctx context.Context, b *box, p *part) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.give()
	if !r.Index.holds(b) {
		return upstream.ErrNoBox
	}
	if p.writes != r.writes.Load() {
		p.at, p.large = r.Index.placeOf(b), false
		r.read(ctx, p)
	}
	if p.err != nil {
		return p.err
	}
	t := r.Index.begin()
	t.quiet = true
	if p.large { // read once more, and kept as what the index makes of it
		if err := r.store.Rows(ctx, p.at, p.uids, func(row *upstream.Row) { t.add(b, row) }); err != nil {
			return err
		}
	}
	for i := range p.rows {
		t.add(b, &p.rows[i])
	}
	_, err := t.commit()
	return err
}

// newest splits off the n highest uids.
func newest(set upstream.UIDSet, n int) (part, rest upstream.UIDSet) {
	ranges := set.Ranges()
	left := uint64(n)
	for i := len(ranges) - 1; i >= 0; i-- {
		size := uint64(ranges[i].Stop-ranges[i].Start) + 1
		if size < left {
			left -= size
			continue
		}
		cut := ranges[i].Stop - upstream.UID(left-1)
		for _, g := range ranges[:i] {
			rest.AddRange(g.Start, g.Stop)
		}
		if cut > ranges[i].Start {
			rest.AddRange(ranges[i].Start, cut-1)
		}
		part.AddRange(cut, ranges[i].Stop)
		for _, g := range ranges[i+1:] {
			part.AddRange(g.Start, g.Stop)
		}
		return part, rest
	}
	return set, upstream.UIDSet{}
}

// FirstPage answers a query for the newest mails of a mailbox that is not in the
// index yet, straight from the server, and puts what it learns into the index.
// The ids are those that the index will have. Total is the server's count.
func (r *Replica) FirstPage(ctx context.Context, id jmap.MailboxID, w jmap.Window, collapse bool) (jmap.EmailQueryResult, error) {
	b := r.Index.selectable(id)
	if b == nil {
		return jmap.EmailQueryResult{State: jmap.QueryState(r.States()[jmap.TypeEmail])}, nil
	}
	n := int(w.Position) + w.Limit
	if collapse {
		n *= 2 // most conversations are short
	}
	if res, ok := r.Index.headPage(b, n, w, collapse, r.moment()); ok {
		return res, nil
	}
	if err := r.take(ctx); err != nil {
		return jmap.EmailQueryResult{}, err
	}
	defer r.give()
	now := r.moment()
	t := r.Index.begin()
	t.quiet = true
	var uids []upstream.UID
	m, err := r.store.Newest(ctx, b.up.Name, 0, n, func(row *upstream.Row) {
		t.add(b, row)
		uids = append(uids, row.UID)
	})
	if err != nil {
		return jmap.EmailQueryResult{}, err
	}
	if b.marks.UIDValidity != m.UIDValidity && len(b.uids) > 0 {
		t.resets = append(t.resets, b)
	}
	t.mark(b, upstream.Marks{UIDValidity: m.UIDValidity}, false)
	if _, err := t.commit(); err != nil {
		return jmap.EmailQueryResult{}, err
	}
	if len(uids) > 0 {
		r.Index.setHead(b, head{slices.Min(uids), len(uids), int(m.Messages), now})
	}
	return r.Index.page(b, uids, int(m.Messages), w, collapse), nil
}

// selectable returns a mailbox that can hold mails, or nil.
func (ix *Index) selectable(id jmap.MailboxID) *box {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if b := ix.byID[id]; b != nil && b.up.Selectable {
		return b
	}
	return nil
}

// holds reports whether a mailbox is still there.
func (ix *Index) holds(b *box) bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.boxes[b.slot] == b
}

// upOf is what upstream says of a mailbox.
func (ix *Index) upOf(b *box) upstream.Box {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return b.up
}

// placeOf is where a mailbox is.
func (ix *Index) placeOf(b *box) upstream.Place {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return b.place()
}

// page makes the result of FirstPage of the newest uids of a mailbox.
func (ix *Index) page(b *box, uids []upstream.UID, total int, w jmap.Window, collapse bool) jmap.EmailQueryResult {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	var rows []uint32
	for _, u := range uids {
		if at, ok := b.findUID(&ix.columns, uint32(u)); ok {
			rows = append(rows, ix.emailOf(b.uids[at]))
		}
	}
	if collapse {
		rows = ix.collapsed(result{list: rows})
	}
	return ix.firstOf(rows, total, w)
}

// Synced reports whether all mails of a mailbox are in the index.
func (ix *Index) Synced(id jmap.MailboxID) bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	b := ix.byID[id]
	return ix.complete || b != nil && (b.synced || !b.up.Selectable)
}

// fillAttachments learns of each mail whether it has attachments, newest first,
// where no keyword said so.
func (r *Replica) fillAttachments(ctx context.Context) error {
	for {
		b, uids := r.Index.withoutAttachmentBit()
		if b == nil {
			return nil
		}
		bits := make(map[upstream.UID]bool)
		ask := upstream.Ask{At: r.Index.placeOf(b), UIDs: uids, Want: upstream.Want{Structure: true}}
		err := r.store.Fetch(ctx, []upstream.Ask{ask}, func(c *upstream.Content) {
			bits[c.UID] = c.Structure != nil && message.HasAttachment(c.Structure)
		})
		if err != nil {
			return fmt.Errorf("reading structures: %w", err)
		}
		r.Index.setAttachments(b, uids, bits)
	}
}

// withoutAttachmentBit finds a mailbox with mails whose bit is not known, and
// the newest of these.
func (ix *Index) withoutAttachmentBit() (*box, upstream.UIDSet) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		var uids []upstream.UID
		for i := len(b.uids) - 1; i >= 0 && len(uids) < attachChunk; i-- {
			if ix.marks[ix.emailOf(b.uids[i])]&markAttachKnown == 0 {
				uids = append(uids, uidOf(ix.uidOf(b.uids[i])))
			}
		}
		if len(uids) > 0 {
			return b, uidsOf(uids)
		}
	}
	return nil, upstream.UIDSet{}
}

// setAttachments stores bits. Mails that the server did not answer for are
// taken for having none: they are gone, or cannot be read by anybody.
func (ix *Index) setAttachments(b *box, asked upstream.UIDSet, has map[upstream.UID]bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, at := range b.uids {
		uid := uidOf(ix.uidOf(at))
		if !asked.Contains(uid) {
			continue
		}
		i := ix.emailOf(at)
		ix.marks[i] |= markAttachKnown
		if has[uid] {
			ix.marks[i] |= markAttach
		}
	}
	ix.gen++
}

// NoteAttachment tells the index what a reader of the mail has seen.
func (ix *Index) NoteAttachment(id jmap.EmailID, has bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if k, ok := ix.names.parseEmail(id); ok {
		if i, ok := ix.find(&k); ok && ix.marks[i]&markAttachKnown == 0 {
			ix.marks[i] |= markAttachKnown
			if has {
				ix.marks[i] |= markAttach
			}
		}
	}
}
