package replica

import (
	"context"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Change runs f with the turn: nothing else changes the index meanwhile. What f
// does through the Changer is in the index as soon as each call returns.
func (r *Replica) Change(ctx context.Context, f func(*Changer) error) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.give()
	defer r.news.Add(1)
	defer r.writes.Add(1)
	return f(&Changer{r: r})
}

// Changer changes mails at the store and in the index. It is valid only inside
// of Change.
type Changer struct {
	r *Replica
	// Foreign is set once something else than the changes asked for may have
	// come into the index.
	Foreign bool
}

// Sync brings the named mailboxes in step.
func (c *Changer) Sync(ctx context.Context, names ...string) error {
	c.Foreign = true
	return c.r.pass(ctx, names)
}

// SetFlags adds and removes flags of copies in one mailbox.
func (c *Changer) SetFlags(ctx context.Context, at upstream.Place, uids upstream.UIDSet, add, remove []string) error {
	if err := c.r.store.SetFlags(ctx, at, uids, add, remove); err != nil {
		return c.unsure(ctx, err, at.Box)
	}
	t := c.r.Index.begin()
	b := c.r.Index.boxNamed(at.Box)
	if b == nil {
		return upstream.ErrNoBox
	}
	for u := range uids.All() {
		t.patchFlags(b, u, add, remove)
	}
	return c.commit(ctx, t)
}

// Move moves copies to another mailbox.
func (c *Changer) Move(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) error {
	placed, err := c.r.store.Move(ctx, at, uids, to)
	if err != nil {
		return c.unsure(ctx, err, at.Box, to)
	}
	t := c.r.Index.begin()
	t.remove(c.r.Index.boxNamed(at.Box), uids)
	return c.placed(ctx, t, at.Box, uids, to, placed)
}

// Copy copies to another mailbox.
func (c *Changer) Copy(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) error {
	placed, err := c.r.store.Copy(ctx, at, uids, to)
	if err != nil {
		return c.unsure(ctx, err, to)
	}
	return c.placed(ctx, c.r.Index.begin(), at.Box, uids, to, placed)
}

// placed stages the copies that a server says it has made; if it does not say,
// the destination is read.
func (c *Changer) placed(ctx context.Context, t *tx, from string, uids upstream.UIDSet, to string, p upstream.Placed) error {
	ix := c.r.Index
	src, dst := ix.boxNamed(from), ix.boxNamed(to)
	if uint64(len(p.Pairs)) != uids.Count() || p.Validity != dst.marks.UIDValidity || !dst.synced {
		c.Foreign = true
		if ix.followed(dst) {
			if _, err := c.r.syncBox(ctx, t, dst); err != nil {
				return err
			}
		}
		return c.commit(ctx, t)
	}
	ix.mu.RLock()
	for _, pair := range p.Pairs {
		if at, ok := src.findUID(&ix.columns, uint32(pair.From)); ok {
			t.place(dst, pair.To, src.uids[at])
		}
	}
	ix.mu.RUnlock()
	return c.commit(ctx, t)
}

// Remove removes copies.
func (c *Changer) Remove(ctx context.Context, at upstream.Place, uids upstream.UIDSet) error {
	if err := c.r.store.Remove(ctx, at, uids); err != nil {
		return c.unsure(ctx, err, at.Box)
	}
	t := c.r.Index.begin()
	t.remove(c.r.Index.boxNamed(at.Box), uids)
	return c.commit(ctx, t)
}

// Append stores a new mail in a mailbox and returns its id; "" if the server
// did not say where it went and it could not be found.
func (c *Changer) Append(ctx context.Context, box string, m upstream.Message) (jmap.EmailID, error) {
	done, err := c.r.store.Append(ctx, box, m)
	if err != nil {
		return "", c.unsure(ctx, err, box)
	}
	b := c.r.Index.boxNamed(box)
	t := c.r.Index.begin()
	t.mine = true
	at := upstream.Place{Box: box, Validity: done.Validity}
	if b.marks.UIDValidity == 0 && !c.r.Index.followed(b) { // not read yet
		c.r.Index.setValidity(b, done.Validity)
	}
	if done.UID != 0 && done.Validity == b.marks.UIDValidity {
		err = c.r.store.Rows(ctx, at, upstream.UIDSet(one(done.UID)), func(row *upstream.Row) { t.add(b, row) })
	} else {
		c.Foreign = true
		_, err = c.r.syncBox(ctx, t, b)
	}
	if err != nil {
		return "", err
	}
	if err := c.commit(ctx, t); err != nil {
		return "", err
	}
	if done.UID == 0 {
		return "", nil
	}
	return c.r.Index.EmailAt(c.r.Index.placeOf(b), done.UID), nil
}

func (c *Changer) commit(ctx context.Context, t *tx) error {
	t.mine = true
	return c.r.finish(ctx, t)
}

// unsure makes the index look again where a failed change may have left
// something behind, then returns the error.
func (c *Changer) unsure(ctx context.Context, err error, names ...string) error {
	c.Foreign = true
	for _, n := range slices.Compact(names) {
		c.r.soil(n, false)
	}
	return err
}

func (ix *Index) setValidity(b *box, v uint32) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	b.marks.UIDValidity = v
}

func (ix *Index) boxNamed(name string) *box {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.byName[name]
}

func one(uid upstream.UID) (s upstream.UIDSet) {
	s.Add(uid)
	return s
}
