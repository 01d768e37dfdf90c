package outbox

import (
	"context"
	"errors"
	"time"
)

// change changes a record in memory.
func (o *Outbox) change(r *record, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	r.Changed = time.Now().UTC().Truncate(time.Second)
}

// store writes a record at its next revision. Only the one who may write the
// record calls it.
func (o *Outbox) store(ctx context.Context, r *record) error {
	o.mu.Lock()
	data, err := r.encode()
	revision, doubt := r.revision, r.doubt
	o.mu.Unlock()
	if err != nil {
		return err
	}
	if !o.memory {
		err = o.cfg.Records.Put(ctx, r.ID, revision+1, data)
		if errors.Is(err, ErrConflict) && doubt {
			// The write before, whose answer we did not get, was carried out.
			revision++
			err = o.cfg.Records.Put(ctx, r.ID, revision+1, data)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		r.revision, r.doubt = revision+1, false
		return nil
	}
	r.doubt = r.doubt || !errors.Is(err, ErrConflict) && !errors.Is(err, ErrLocked)
	return err
}

// forget removes a record.
func (o *Outbox) forget(ctx context.Context, r *record) error {
	o.mu.Lock()
	revision, doubt, stored := r.revision, r.doubt, !o.memory && (r.revision > 0 || r.doubt)
	o.mu.Unlock()
	if stored {
		err := o.cfg.Records.Delete(ctx, r.ID, revision)
		if errors.Is(err, ErrConflict) && doubt {
			err = o.cfg.Records.Delete(ctx, r.ID, revision+1) // as in store
		}
		if err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.records, r.ID)
	o.note(r.ID, destroyed)
	return nil
}

// forgetOld removes finished submissions that are old, and the oldest when there
// are many, a bounded number at a time.
func (o *Outbox) forgetOld(ctx context.Context) {
	for _, r := range o.outdated() {
		if err := o.forget(ctx, r); err != nil {
			o.release(r)
			if ctx.Err() == nil {
				o.cfg.Log.Warn("old submission not removed", "err", err)
			}
			return
		}
	}
}

// outdated takes hold of what may be forgotten, oldest first.
func (o *Outbox) outdated() []*record {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*record
	list := o.sorted()
	for i := len(list) - 1; i >= 0 && len(out) < forgetAtOnce; i-- {
		r := list[i]
		crowded := len(list)-len(out) > maxRecords-forgetAtOnce
		if !r.busy && r.finished() && (crowded || time.Since(r.Changed) > keepFinished) {
			r.busy = true
			out = append(out, r)
		}
	}
	return out
}

// release ends the right to write a record.
func (o *Outbox) release(r *record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.busy = false
}
