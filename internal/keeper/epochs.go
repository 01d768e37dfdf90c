package keeper

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
)

// epochs holds the current epoch key and the one before, for as long as rows are
// under it. Vault holds the same for keeper's successor.
type epochs struct {
	// writing is held for reading from the choice of an epoch until the row sealed
	// under it is stored: a turn waits for these rows before it looks for all.
	writing sync.RWMutex
	turning sync.Mutex // held over a deposit with vault, so that an older list never follows a newer one

	mu   sync.Mutex   // guards list
	list []seal.Epoch // newest first, at most two
}

func (e *epochs) current() seal.Epoch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list[0]
}

func (e *epochs) find(number int64) (seal.Epoch, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.list {
		if x.Number == number {
			return x, true
		}
	}
	return seal.Epoch{}, false
}

func (e *epochs) all() []seal.Epoch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

func (e *epochs) set(list []seal.Epoch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = list
}

// inherit takes over the epoch keys that vault holds from this keeper's
// predecessor, or starts the first epoch: then every older session is over.
func (k *Keeper) inherit(ctx context.Context) error {
	held, err := ipc.Call[ipc.Epochs](ctx, k.vault, ipc.VaultEpochGet, ipc.None{})
	if err != nil {
		return err
	}
	var list []seal.Epoch
	for _, h := range held.Keys {
		e, err := seal.ParseEpoch(h.Number, time.Unix(h.Created, 0), h.Key)
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	if len(list) > 0 {
		k.epochs.set(list)
		return nil
	}
	first := seal.NewEpoch(0)
	if err := k.deposit(ctx, []seal.Epoch{first}); err != nil {
		return err
	}
	k.epochs.set([]seal.Epoch{first})
	return nil
}

// depositAgain gives a restarted vault the epoch keys, until it has them: without
// them a restart of keeper would sign everybody out.
func (k *Keeper) depositAgain(ctx context.Context) {
	for ctx.Err() == nil {
		k.epochs.turning.Lock()
		err := k.deposit(ctx, k.epochs.all())
		k.epochs.turning.Unlock()
		if err == nil {
			return
		}
		k.log.Error("epoch keys not deposited with the new vault", "err", err)
		select {
		case <-time.After(depositPause):
		case <-ctx.Done():
		}
	}
}

func (k *Keeper) deposit(ctx context.Context, list []seal.Epoch) error {
	var out ipc.Epochs
	for _, e := range list {
		out.Keys = append(out.Keys, ipc.Epoch{Number: e.Number, Key: e.Key.Reveal(), Created: e.Created.Unix()})
	}
	_, err := ipc.Call[ipc.None](ctx, k.vault, ipc.VaultEpochPut, out)
	return err
}

// awaitWriters returns when every row that was being made under an older key is
// stored.
func (e *epochs) awaitWriters() {
	e.writing.Lock()
	defer e.writing.Unlock()
}

// turn starts a new epoch when the current one is old: all live rows get a new
// outer layer, and the old key is dropped. Rows of epochs that nobody holds open
// with nothing; they are removed.
func (k *Keeper) turn(ctx context.Context) error {
	k.epochs.turning.Lock()
	defer k.epochs.turning.Unlock()
	list := k.epochs.all()
	// With two, the last turn was interrupted: rows may be under both.
	if len(list) == 1 && time.Since(list[0].Created) >= resealEvery {
		next := seal.NewEpoch(list[0].Number)
		both := []seal.Epoch{next, list[0]}
		if err := k.deposit(ctx, both); err != nil {
			return err // vault must know a key before a row is under it
		}
		k.epochs.set(both)
		list = both
	}
	k.epochs.awaitWriters()
	if err := k.reseal(ctx, list); err != nil {
		return err
	}
	if len(list) == 1 {
		return nil
	}
	if err := k.deposit(ctx, list[:1]); err != nil {
		return err
	}
	k.epochs.set(list[:1])
	list[1].Key.Wipe()
	return nil
}

func (k *Keeper) reseal(ctx context.Context, list []seal.Epoch) error {
	now := list[0]
	for {
		rows, err := k.store.SessionsNotOf(ctx, now.Number, resealBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if err := k.resealRow(ctx, row, now); err != nil {
				return err
			}
		}
	}
}

func (k *Keeper) resealRow(ctx context.Context, row store.Session, now seal.Epoch) error {
	old, ok := k.epochs.find(row.Epoch)
	if !ok {
		return ignore(k.store.DeleteSession(ctx, row.Hash), store.ErrNotFound)
	}
	sealed, err := seal.ResealSession(old, now, seal.SessionHash(row.Hash), row.UID, row.Sealed)
	if err != nil {
		return ignore(k.store.DeleteSession(ctx, row.Hash), store.ErrNotFound) // a row that was tampered with
	}
	row.Epoch, row.Sealed = now.Number, sealed
	row.Revision++
	return ignore(k.store.ReplaceSession(ctx, row), store.ErrConflict, store.ErrNotFound)
}

// ignore drops errors that say that somebody else was quicker.
func ignore(err error, harmless ...error) error {
	for _, h := range harmless {
		if errors.Is(err, h) {
			return nil
		}
	}
	return err
}
