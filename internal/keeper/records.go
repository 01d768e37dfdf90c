package keeper

import (
	"context"
	"errors"
	"slices"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// admit checks what a cell shows with each record call: a capability of ours for
// this cell, a session that lives, the newest lease, a class that cells may have.
func (k *Keeper) admit(ctx context.Context, cell string, a ipc.Auth, class string) (capability, error) {
	if !slices.Contains(seal.CellClasses(), seal.Class(class)) {
		return capability{}, ipc.Errorf(ipc.CodeForbidden, "records of this class are not for cells")
	}
	c, locked, err := k.admitSession(ctx, cell, a)
	if err == nil && locked {
		err = ipc.Errorf(ipc.CodeLocked, "sealed records wait for the old password")
	}
	return c, err
}

// admitSession is admit for what does not need the person's own keys. locked says
// that the session has none.
func (k *Keeper) admitSession(ctx context.Context, cell string, a ipc.Auth) (c capability, locked bool, err error) {
	c, err = k.parseCapability(a.Capability, cell)
	if err != nil {
		return c, false, err
	}
	if !k.rates.allow(c.uid) {
		return c, false, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many record calls", RetryAfter: time.Second}
	}
	if s := k.live.get(c.session); s != nil {
		locked = s.locked
	} else {
		row, err := k.store.Session(ctx, store.SessionHash(c.session))
		if err != nil || row.UID != c.uid || k.over(row, now()) {
			return c, false, ipc.Errorf(ipc.CodeUnknown, "session is over")
		}
		locked = row.Label == nil
	}
	lease, err := k.store.Lease(ctx, c.uid, now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return c, false, err
	}
	if err != nil || lease.Fence != c.fence || lease.Cell != cell || lease.Node != k.cfg.Node {
		return c, locked, ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	}
	return c, locked, nil
}

// recordError puts the store's words into those of the line.
func recordError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ipc.Errorf(ipc.CodeNotFound, "no such record")
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrChangesLost):
		return ipc.Errorf(ipc.CodeConflict, "the record changed since")
	case errors.Is(err, store.ErrFenced):
		return ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	case errors.Is(err, store.ErrLimit):
		return ipc.Errorf(ipc.CodeInvalid, "outside of limits")
	}
	return err
}

func (k *Keeper) put(cell string) func(context.Context, ipc.RecordPut) (ipc.RecordMark, error) {
	return func(ctx context.Context, req ipc.RecordPut) (ipc.RecordMark, error) {
		r := req.Record
		var writes []store.Write
		if len(r.ID) > 0 || r.Revision != 0 || len(r.Data) > 0 {
			writes = []store.Write{{ID: r.ID, Revision: r.Revision, Generation: r.Generation, Deleted: r.Deleted, Sealed: r.Data}}
		}
		if len(r.ID) > maxRecordID {
			return ipc.RecordMark{}, ipc.Errorf(ipc.CodeInvalid, "record id of %d bytes", len(r.ID))
		}
		return k.write(ctx, cell, req.Auth, r.Class, writes, req.Root)
	}
}

// write stores records and their root in one transaction, and then moves vault's
// mirror (the order is explained below). Only after both is the write acknowledged.
func (k *Keeper) write(ctx context.Context, cell string, a ipc.Auth, class string, writes []store.Write, root *ipc.RootWrite) (ipc.RecordMark, error) {
	c, err := k.admit(ctx, cell, a, class)
	if err != nil {
		return ipc.RecordMark{}, err
	}
	b := store.Batch{UID: c.uid, Class: class, Fence: c.fence, Writes: writes, Derived: derived(class)}
	if err := k.takeRoot(ctx, &b, root); err != nil {
		return ipc.RecordMark{}, err
	}
	if err := k.takeSpace(cell, b); err != nil {
		return ipc.RecordMark{}, err
	}
	change, err := k.store.Put(ctx, b)
	if err != nil {
		return ipc.RecordMark{}, recordError(err)
	}
	if err := k.mirror(ctx, b, root); err != nil {
		return ipc.RecordMark{}, err
	}
	return ipc.RecordMark{Change: change}, nil
}

// takeSpace counts what is about to be written, so that a hostile cell cannot fill
// everybody's disk.
func (k *Keeper) takeSpace(cell string, b store.Batch) error {
	n := recordCost // the root's
	for _, w := range b.Writes {
		n += recordCost + len(w.Sealed)>>10
	}
	wait, ok := k.written.Take(n, map[string]int{"p" + string(b.UID[:]): writtenPerson, "c" + cell: writtenCell})
	if !ok {
		return &ipc.Error{Code: ipc.CodeThrottled, Detail: "too much was written in one hour", RetryAfter: wait}
	}
	return nil
}

func (k *Keeper) get(cell string) func(context.Context, ipc.RecordGet) (ipc.Record, error) {
	return func(ctx context.Context, req ipc.RecordGet) (ipc.Record, error) {
		c, err := k.admit(ctx, cell, req.Auth, req.Class)
		if err != nil {
			return ipc.Record{}, err
		}
		r, err := k.store.Get(ctx, c.uid, req.Class, req.ID)
		if err != nil {
			return ipc.Record{}, recordError(err)
		}
		return record(req.Class, r), nil
	}
}

func record(class string, r store.Record) ipc.Record {
	return ipc.Record{Class: class, ID: r.ID, Revision: r.Revision, Generation: r.Generation, Change: r.Change, Deleted: r.Deleted, Data: r.Sealed}
}

func page(class string, p store.Page) ipc.RecordPage {
	out := ipc.RecordPage{More: p.More}
	for _, r := range p.Records {
		out.Records = append(out.Records, record(class, r))
	}
	return out
}

func (k *Keeper) listRecords(cell string) func(context.Context, ipc.RecordList) (ipc.RecordPage, error) {
	return func(ctx context.Context, req ipc.RecordList) (ipc.RecordPage, error) {
		c, err := k.admit(ctx, cell, req.Auth, req.Class)
		if err != nil {
			return ipc.RecordPage{}, err
		}
		var seen int64
		first := len(req.After) == 0 && !derived(req.Class)
		if first {
			if seen, err = k.rootSeen(ctx, c.uid, req.Class); err != nil {
				return ipc.RecordPage{}, err
			}
		}
		p, err := k.store.List(ctx, c.uid, req.Class, req.After, min(max(req.Limit, 1), maxPage))
		if err != nil {
			return ipc.RecordPage{}, recordError(err)
		}
		if first && p.Root.Counter < seen {
			k.rolledBack(ctx, c.uid, req.Class, p.Root.Counter, seen)
		}
		out := page(req.Class, p)
		out.Root, out.Mirror = classRoot(p.Root), seen
		return out, nil
	}
}

func (k *Keeper) changes(cell string) func(context.Context, ipc.RecordChanges) (ipc.RecordPage, error) {
	return func(ctx context.Context, req ipc.RecordChanges) (ipc.RecordPage, error) {
		c, err := k.admit(ctx, cell, req.Auth, req.Class)
		if err != nil {
			return ipc.RecordPage{}, err
		}
		p, err := k.store.Changes(ctx, c.uid, req.Class, req.Since, min(max(req.Limit, 1), maxPage))
		if err != nil {
			return ipc.RecordPage{}, recordError(err)
		}
		return page(req.Class, p), nil
	}
}

// derived says whether a class holds what can be made again from elsewhere. Such
// a class has no root, and its replaced revisions are not kept. Keeper decides,
// never a cell: one that may call contacts derived could destroy them.
//
// ClassMail holds snapshots of the index of mail that lies at the platform.
func derived(class string) bool { return seal.Class(class) == seal.ClassMail }

// The order of a write: the store's transaction, then vault's mirror, then the
// answer. So the mirror is never ahead of the store, and
//
//   - a crash between the two leaves the store one ahead, which is no alarm; the
//     next reader of the class writes a root that the mirror follows;
//   - what was rolled back in that moment was never acknowledged, so nobody was
//     told that it is safe;
//   - a reader asks for the mirror first and for the rows then: a write in
//     between makes the root newer than the mirror, never older.
//
// docs/decisions/0005-class-roots.md.

// takeRoot puts the cell's root into a batch. A counter grows by one, so that no
// cell can use it up; after a fault it goes on above the mirror.
func (k *Keeper) takeRoot(ctx context.Context, b *store.Batch, root *ipc.RootWrite) error {
	switch {
	case derived(b.Class) && root != nil:
		return ipc.Errorf(ipc.CodeInvalid, "a derived class has no root")
	case derived(b.Class):
		return nil
	case root == nil:
		return ipc.Errorf(ipc.CodeInvalid, "a write to this class needs its root")
	case root.Fault != "" && !root.Fault.Known():
		return ipc.Errorf(ipc.CodeInvalid, "no such fault")
	}
	base := root.Expect
	if root.Fault != "" {
		seen, err := k.rootSeen(ctx, b.UID, b.Class)
		if err != nil {
			return err
		}
		base = max(base, seen)
	}
	if root.Root.Counter != base+1 {
		return ipc.Errorf(ipc.CodeConflict, "the root's counter does not follow")
	}
	b.Root = &store.Root{Counter: root.Root.Counter, Generation: root.Root.Generation, Sealed: root.Root.Sealed}
	b.ExpectRoot = root.Expect
	return nil
}

// mirror tells vault of a root that is stored. It goes on when the cell hangs up.
func (k *Keeper) mirror(ctx context.Context, b store.Batch, root *ipc.RootWrite) error {
	if root == nil {
		return nil
	}
	if root.Fault != "" {
		k.faults.WithLabelValues(string(root.Fault), "cell").Inc()
		k.log.Error("class did not fit its root, which its cell made anew", "uid", b.UID.String(), "class", b.Class, "fault", string(root.Fault), "counter", b.Root.Counter)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ipc.CallTimeout)
	defer cancel()
	_, err := ipc.Call[ipc.RootVerdict](ctx, k.vault, ipc.VaultRootCheck, ipc.RootRequest{
		UID: b.UID.Bytes(), Class: b.Class, Counter: b.Root.Counter, Advance: true, Fault: root.Fault,
	})
	return err
}

// rootSeen is vault's mirror of a root's counter.
func (k *Keeper) rootSeen(ctx context.Context, uid user.ID, class string) (int64, error) {
	seen, err := ipc.Call[ipc.RootSeen](ctx, k.vault, ipc.VaultRootSeen, ipc.RootName{UID: uid.Bytes(), Class: class})
	return seen.Highest, err
}

// rolledBack reports a root that is older than its mirror, and has vault write it
// into its own books.
func (k *Keeper) rolledBack(ctx context.Context, uid user.ID, class string, counter, seen int64) {
	k.faults.WithLabelValues(string(ipc.FaultRolledBack), "keeper").Inc()
	k.log.Error("class root is older than its mirror", "uid", uid.String(), "class", class, "counter", counter, "highest", seen)
	_, err := ipc.Call[ipc.RootVerdict](ctx, k.vault, ipc.VaultRootCheck, ipc.RootRequest{UID: uid.Bytes(), Class: class, Counter: counter})
	if err != nil {
		k.log.Warn("vault not told of a rollback", "uid", uid.String(), "class", class, "err", err)
	}
}

func classRoot(r store.Root) *ipc.ClassRoot {
	if r.Counter == 0 {
		return nil
	}
	return &ipc.ClassRoot{Counter: r.Counter, Generation: r.Generation, Sealed: r.Sealed}
}
