package replica

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"cofferdam/internal/upstream"
)

// Run builds the index if need be and keeps it in step until ctx ends. It
// returns after everything it started has ended. Lost connections are made
// again, with growing pauses; only ErrTooManyMails and a closed store end it
// before ctx does.
func (r *Replica) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	start := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	start(func(ctx context.Context) error {
		if err := r.letBegin(ctx); err != nil {
			return err
		}
		start(func(ctx context.Context) error { return r.persist(ctx, "watching", r.watch) })
		return r.persist(ctx, "building the index", r.prepare)
	})
	start(r.follow)
	<-ctx.Done()
	wg.Wait()
	cancel(nil)
	return context.Cause(ctx)
}

// letBegin waits for the end of the head start.
func (r *Replica) letBegin(ctx context.Context) error {
	select {
	case <-r.wanted:
	case <-time.After(r.headStart):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// prepare builds what is missing. It returns when nothing is.
func (r *Replica) prepare(ctx context.Context) error {
	if err := r.build(ctx); err != nil {
		return err
	}
	return r.fillAttachments(upstream.Aside(ctx))
}

// persist runs f until it succeeds or must not be tried again.
func (r *Replica) persist(ctx context.Context, doing string, f func(context.Context) error) error {
	pause := retryFirst
	for {
		began := time.Now()
		err := f(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, ErrTooManyMails) || errors.Is(err, upstream.ErrClosed) {
			return err
		}
		if time.Since(began) > retryMost {
			pause = retryFirst // it had worked
		}
		r.log.Info("will try again", "doing", doing, "pause", pause, "err", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, retryMost)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch listens to the store. When it begins to, everything may have changed.
// After news of mailboxes it looks twice: Dovecot tells of a mailbox that was
// made or renamed, and some time later takes what is in it by then for known.
func (r *Replica) watch(ctx context.Context) error {
	again := time.AfterFunc(boxesSettle, func() { r.soil("", true) })
	defer again.Stop()
	defer r.watched.Store(false)
	return r.store.Watch(ctx, func() {
		r.news.Add(1)
		r.watched.Store(r.info.Push)
		r.soil("", true)
	}, func(e upstream.Event) {
		r.news.Add(1)
		if e.Boxes {
			again.Reset(boxesSettle)
		}
		if e.Box != "" && e.Marks != nil && r.Index.knows(e.Box, *e.Marks) {
			return
		}
		r.soil(e.Box, e.Boxes || e.Box == "")
	})
}

// knows reports whether the index is in step with a mailbox up to these marks.
func (ix *Index) knows(name string, m upstream.Marks) bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	b := ix.byName[name]
	return b != nil && b.synced && m.ModSeq != 0 && same(b.marks, m)
}

// soil notes that something has to be looked at.
func (r *Replica) soil(name string, boxes bool) {
	r.mu.Lock()
	if name != "" {
		r.dirty[name] = true
	}
	r.boxes = r.boxes || boxes
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// follow looks at what watch has soiled.
func (r *Replica) follow(ctx context.Context) error {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := sleep(ctx, settleDelay); err != nil {
			return err
		}
		if err := r.persist(ctx, "synchronising", r.clean); err != nil {
			return err
		}
	}
}

// clean looks at what is dirty. What fails stays dirty.
func (r *Replica) clean(ctx context.Context) error {
	r.mu.Lock()
	names, boxes := slices.Sorted(maps.Keys(r.dirty)), r.boxes
	r.dirty, r.boxes = make(map[string]bool), false
	r.mu.Unlock()
	if boxes {
		names = nil
	} else if len(names) == 0 {
		return nil
	}
	err := r.Refresh(ctx, names...)
	if err == nil && r.Complete() {
		err = r.fillAttachments(upstream.Aside(ctx)) // of what came
	}
	if err != nil {
		r.mu.Lock()
		r.boxes = true
		r.mu.Unlock()
	}
	return err
}
