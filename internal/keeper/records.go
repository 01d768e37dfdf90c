package keeper

import (
	"context"
	"errors"
	"slices"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
)

// admit checks what a cell shows with each record call: a capability of ours for
// this cell, a session that lives, the newest lease, a class that cells may have.
func (k *Keeper) admit(ctx context.Context, cell string, a ipc.Auth, class string) (capability, error) {
	c, err := k.parseCapability(a.Capability, cell)
	if err != nil {
		return c, err
	}
	if !slices.Contains(seal.CellClasses(), seal.Class(class)) {
		return c, ipc.Errorf(ipc.CodeForbidden, "records of this class are not for cells")
	}
	if !k.rates.allow(c.uid) {
		return c, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many record calls", RetryAfter: 1}
	}
	locked := false
	if s := k.live.get(c.session); s != nil {
		locked = s.locked
	} else {
		row, err := k.store.Session(ctx, store.SessionHash(c.session))
		if err != nil || row.UID != c.uid || k.over(row, now()) {
			return c, ipc.Errorf(ipc.CodeUnknown, "session is over")
		}
		locked = row.Label == nil
	}
	if locked {
		return c, ipc.Errorf(ipc.CodeLocked, "sealed records wait for the old password")
	}
	lease, err := k.store.Lease(ctx, c.uid, now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return c, err
	}
	if err != nil || lease.Fence != c.fence || lease.Cell != cell || lease.Node != k.cfg.Node {
		return c, ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	}
	return c, nil
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
		w := store.Write{ID: r.ID, Revision: r.Revision, Generation: r.Generation, Sealed: r.Data}
		return k.write(ctx, cell, req.Auth, r.Class, w)
	}
}

func (k *Keeper) del(cell string) func(context.Context, ipc.RecordDelete) (ipc.RecordMark, error) {
	return func(ctx context.Context, req ipc.RecordDelete) (ipc.RecordMark, error) {
		w := store.Write{ID: req.ID, Revision: req.Revision + 1, Generation: 1, Deleted: true}
		return k.write(ctx, cell, req.Auth, req.Class, w)
	}
}

func (k *Keeper) write(ctx context.Context, cell string, a ipc.Auth, class string, w store.Write) (ipc.RecordMark, error) {
	c, err := k.admit(ctx, cell, a, class)
	if err != nil {
		return ipc.RecordMark{}, err
	}
	if len(w.ID) == 0 || len(w.ID) > maxRecordID || len(w.Sealed) > maxRecord || w.Revision < 1 {
		return ipc.RecordMark{}, ipc.Errorf(ipc.CodeInvalid, "record is outside of limits")
	}
	change, err := k.store.Put(ctx, store.Batch{UID: c.uid, Class: class, Fence: c.fence, Writes: []store.Write{w}})
	if err != nil {
		return ipc.RecordMark{}, recordError(err)
	}
	return ipc.RecordMark{Revision: w.Revision, Change: change}, nil
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
		p, err := k.store.List(ctx, c.uid, req.Class, req.After, min(max(req.Limit, 1), maxPage))
		if err != nil {
			return ipc.RecordPage{}, recordError(err)
		}
		return page(req.Class, p), nil
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
