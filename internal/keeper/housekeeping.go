package keeper

import (
	"context"
	"errors"
	"time"

	"cofferdam/internal/ipc"
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

// sweepSessions ends sessions that reached a limit without anybody asking.
func (k *Keeper) sweepSessions(ctx context.Context) error {
	k.rates.sweep()
	for _, s := range k.live.of(func(*session) bool { return true }) {
		row, err := k.store.Session(ctx, store.SessionHash(s.hash))
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && k.over(row, now()):
			if err := k.endSessions(ctx, s.uid, store.SessionHash(s.hash)); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	}
	_, err := k.store.DeleteExpiredSessions(ctx, now())
	return err
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
	for _, name := range k.cells.idle(k.cfg.CellIdle) {
		k.cells.drop(name)
		errs = append(errs, k.cells.retire(ctx, name))
	}
	return errors.Join(errs...)
}

// clients are the cells that have a line.
func (c *cells) clients() []*ipc.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*ipc.Client, 0, len(c.lines))
	for _, l := range c.lines {
		out = append(out, l)
	}
	return out
}
