package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cofferdam/internal/upstream"
)

// Refresh brings the index in step with the named mailboxes, or if none are
// named with all that have changed.
func (r *Replica) Refresh(ctx context.Context, names ...string) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.give()
	return r.pass(ctx, names)
}

// pass is one synchronisation, with the turn: what it learns is one
// transaction. With no names it asks the server which mailboxes have changed.
// When mails have vanished it does so anyway, since they may have gone to
// another mailbox: a move is an update (RFC 8621, section 4.1.1), and whoever
// moves a mail makes the copy before it removes the original.
func (r *Replica) pass(ctx context.Context, names []string) error {
	done := make(map[*box]upstream.Marks)
	dirty, err := r.dirtyBoxes(ctx, names, done)
	if err != nil {
		return err
	}
	return r.passOver(ctx, dirty, done)
}

// passListed is a pass over what applyBoxes was just told of.
func (r *Replica) passListed(ctx context.Context) error {
	done := make(map[*box]upstream.Marks)
	return r.passOver(ctx, r.behind(done), done)
}

// passOver is a pass that begins with these mailboxes.
func (r *Replica) passOver(ctx context.Context, dirty []*box, done map[*box]upstream.Marks) error {
	t := r.Index.begin()
	var err error
	for range maxPasses {
		for _, b := range dirty {
			if done[b], err = r.syncBox(ctx, t, b); err != nil {
				return fmt.Errorf("synchronising a mailbox: %w", err)
			}
		}
		if len(dirty) == 0 || len(t.removes) == 0 && len(t.resets) == 0 {
			break
		}
		if dirty, err = r.dirtyBoxes(ctx, nil, done); err != nil {
			return err
		}
	}
	return r.finish(ctx, t)
}

// dirtyBoxes are the mailboxes to look at: those named, or all whose marks are
// not those up to which they are known.
func (r *Replica) dirtyBoxes(ctx context.Context, names []string, done map[*box]upstream.Marks) ([]*box, error) {
	if len(names) > 0 {
		return r.boxesNamed(names), nil
	}
	list, err := r.store.Boxes(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing mailboxes: %w", err)
	}
	if err := r.applyBoxes(list); err != nil {
		return nil, err
	}
	return r.behind(done), nil
}

// behind are the mailboxes whose marks are not those up to which they are known,
// or whose mails are not as many as they should be.
func (r *Replica) behind(done map[*box]upstream.Marks) []*box {
	r.Index.mu.Lock()
	defer r.Index.mu.Unlock()
	var dirty []*box
	for _, b := range r.Index.boxes {
		if b == nil || !b.up.Selectable || !r.Index.followed(b) {
			continue
		}
		have, looked := done[b]
		if !looked {
			have = b.marks
		}
		b.wrong = !looked && b.miscounted(b.up.Marks)
		if b.wrong || !same(have, b.up.Marks) || !looked && (have.ModSeq == 0 || !b.synced) {
			dirty = append(dirty, b)
		}
	}
	return dirty
}

// followed reports whether a mailbox is brought in step by passes: while the
// index is being built only those that have been read.
func (ix *Index) followed(b *box) bool { return b.synced || ix.complete }

// same reports whether nothing shows between two marks. Without mod-sequences
// flags may have changed all the same, so such a mailbox is looked at in every
// pass: 46 ms for 50,000 mails, every poll. An expunge need not raise the
// mod-sequence where QRESYNC is missing (RFC 7162, section 3.1.2.1 speaks of
// metadata alone): the number of mails shows it.
func same(a, b upstream.Marks) bool {
	if a.ModSeq != 0 && b.ModSeq != 0 {
		return a.UIDValidity == b.UIDValidity && a.ModSeq == b.ModSeq && a.UIDNext == b.UIDNext && a.Messages == b.Messages
	}
	return a == b
}

func (r *Replica) boxesNamed(names []string) []*box {
	r.Index.mu.RLock()
	defer r.Index.mu.RUnlock()
	var out []*box
	for _, n := range names {
		if b := r.Index.byName[n]; b != nil && r.Index.followed(b) && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out
}

// syncBox stages what happened to one mailbox.
func (r *Replica) syncBox(ctx context.Context, t *tx, b *box) (upstream.Marks, error) {
	if !b.synced || b.wrong { // it was made after the index was built, or does not add up
		b.wrong = false
		return r.reread(ctx, t, b)
	}
	known := upstream.Known{Marks: b.marks, UIDs: func() upstream.UIDSet { return r.knownUIDs(b) }}
	m, err := r.store.Sync(ctx, b.up.Name, known, upstream.Sink{
		Row:      func(row *upstream.Row) { t.add(b, row) },
		Flags:    func(uid upstream.UID, flags []string) { t.setFlags(b, uid, flags) },
		Vanished: func(uids upstream.UIDSet) { t.remove(b, uids) },
	})
	switch {
	case errors.Is(err, upstream.ErrStale):
		return r.reread(ctx, t, b)
	case errors.Is(err, upstream.ErrNoBox):
		return b.marks, nil // the next list will say so
	case err != nil:
		return m, err
	case wentBack(b.marks, m):
		return r.reread(ctx, t, b)
	}
	t.mark(b, m, true)
	return m, nil
}

// wentBack reports that a mailbox is an older one than was known: its mail store was
// restored from a copy. Uids that were given since then mean other mails now, or will;
// ids are made of the mails, and go on to mean the same ones.
func wentBack(known, now upstream.Marks) bool {
	return now.UIDNext < known.UIDNext || now.ModSeq != 0 && now.ModSeq < known.ModSeq
}

func (r *Replica) knownUIDs(b *box) upstream.UIDSet {
	r.Index.mu.RLock()
	defer r.Index.mu.RUnlock()
	return b.known(&r.Index.columns)
}

// reread stages a whole mailbox anew: its uids mean other mails now. Those that
// are the same mails keep their ids.
func (r *Replica) reread(ctx context.Context, t *tx, b *box) (upstream.Marks, error) {
	uids, m, err := r.store.UIDs(ctx, b.up.Name)
	if err != nil {
		return m, err
	}
	t.unstage(b)
	t.resets = append(t.resets, b)
	at := upstream.Place{Box: b.up.Name, Validity: m.UIDValidity}
	for _, part := range chunks(uids, buildChunk) {
		if err := r.store.Rows(ctx, at, part, func(row *upstream.Row) { t.add(b, row) }); err != nil {
			return m, err
		}
	}
	t.mark(b, m, true)
	return m, nil
}

// finish commits, and reads the mails again that are marked \Deleted no more.
func (r *Replica) finish(ctx context.Context, t *tx) error {
	unknown, err := t.commit()
	if err != nil || len(unknown) == 0 {
		return err
	}
	sets := make(map[*box]upstream.UIDSet)
	for _, u := range unknown {
		s := sets[u.box]
		s.Add(u.uid)
		sets[u.box] = s
	}
	t = r.Index.begin()
	for b, uids := range sets {
		if err := r.store.Rows(ctx, b.place(), uids, func(row *upstream.Row) { t.add(b, row) }); err != nil {
			return err
		}
	}
	_, err = t.commit()
	return err
}

// chunks cuts a set into sets of at most n, the highest uids first.
func chunks(set upstream.UIDSet, n int) []upstream.UIDSet {
	var out []upstream.UIDSet
	ranges := set.Ranges()
	var part []upstream.UID
	for i := len(ranges) - 1; i >= 0; i-- {
		for u := ranges[i].Stop; ; u-- {
			if part = append(part, u); len(part) == n {
				out = append(out, uidsOf(part))
				part = part[:0]
			}
			if u == ranges[i].Start {
				break
			}
		}
	}
	if len(part) > 0 {
		out = append(out, uidsOf(part))
	}
	return out
}

// uidsOf makes a set of descending uids.
func uidsOf(descending []upstream.UID) upstream.UIDSet {
	var s upstream.UIDSet
	for i := len(descending) - 1; i >= 0; i-- {
		s.Add(descending[i])
	}
	return s
}
