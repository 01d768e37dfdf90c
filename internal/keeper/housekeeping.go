package keeper

import (
	"context"
	"errors"
	"slices"
	"time"

	"cofferdam/internal/store"
)

// housekeeping ends what is over, renews leases, turns the epoch and purges, each
// in its own time, until ctx ends.
func (k *Keeper) housekeeping(ctx context.Context) {
	step := func(name string, every time.Duration, f func(context.Context) error) func(time.Time) {
		next := time.Now().Add(every)
		return func(at time.Time) {
			if at.Before(next) {
				return
			}
			next = at.Add(every)
			if err := f(ctx); err != nil && ctx.Err() == nil {
				k.log.Error("housekeeping failed", "step", name, "err", err)
			}
		}
	}
	steps := []func(time.Time){
		step("leases", leaseRenewal, k.renewLeases),
		step("sessions", sweepEvery, k.sweepSessions),
		step("uploads", sweepEvery, k.sweepUploads),
		step("indexes", purgeEvery, k.sweepIndexes),
		step("epoch", time.Minute, k.turnIfDue),
		step("purge", purgeEvery, k.purge),
		step("cells", 10*time.Second, k.retireCells),
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			for _, s := range steps {
				s(at)
			}
		}
	}
}

func (k *Keeper) renewLeases(ctx context.Context) error {
	var errs []error
	for _, c := range k.cells.clients() {
		_, err := k.store.RenewLeases(ctx, k.cfg.Node, c.Name(), now().Add(leaseLife))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sweepSessions ends sessions that reached a limit without anybody asking. What
// this keeper knows of them is in memory; rows, which another node may have
// deleted, are looked at a part at a time, those first that were not for longest.
func (k *Keeper) sweepSessions(ctx context.Context) error {
	k.rates.sweep()
	var end []store.SessionHash
	at := now()
	all := k.live.of(func(*session) bool { return true })
	for _, s := range all {
		if k.over(s.row(), at) {
			end = append(end, store.SessionHash(s.hash))
		}
	}
	gone, err := k.goneRows(ctx, all)
	if err != nil {
		return err
	}
	if end = append(end, gone...); len(end) > 0 {
		if err := k.endSessions(ctx, end...); err != nil {
			return err
		}
	}
	_, err = k.store.DeleteExpiredSessions(ctx, at)
	return err
}

// goneRows are sessions whose row is not there any more, of the sweepRows that
// were not looked at for longest.
func (k *Keeper) goneRows(ctx context.Context, all []*session) ([]store.SessionHash, error) {
	type aged struct {
		s  *session
		at time.Time
	}
	list := make([]aged, len(all))
	for i, s := range all {
		s.mu.Lock()
		list[i] = aged{s, s.checked}
		s.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b aged) int { return a.at.Compare(b.at) })
	var gone []store.SessionHash
	for _, a := range list[:min(len(list), sweepRows)] {
		_, err := k.store.Session(ctx, store.SessionHash(a.s.hash))
		switch {
		case errors.Is(err, store.ErrNotFound):
			gone = append(gone, store.SessionHash(a.s.hash))
		case err != nil:
			return nil, err
		}
		a.s.mu.Lock()
		a.s.checked = time.Now()
		a.s.mu.Unlock()
	}
	return gone, nil
}

// turnIfDue starts a new epoch each hour, and finishes one that was interrupted.
func (k *Keeper) turnIfDue(ctx context.Context) error {
	list := k.epochs.all()
	if len(list) == 1 && time.Since(list[0].Created) < resealEvery {
		return nil
	}
	return k.turn(ctx)
}

func (k *Keeper) purge(ctx context.Context) error {
	_, err := k.store.Purge(ctx, now().Add(-keptFor))
	return err
}

func (k *Keeper) retireCells(ctx context.Context) error {
	var errs []error
	for _, name := range k.cells.takeIdle(k.limits.Load().CellIdle) {
		errs = append(errs, k.cells.retire(ctx, name))
	}
	return errors.Join(errs...)
}
