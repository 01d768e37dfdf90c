package records

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// Put writes a record whose stored revision is revision-1 (none for 1), else
// ErrConflict. An id that was deleted is never used again.
func (c *Class) Put(ctx context.Context, id string, revision int64, data []byte) error {
	if err := checkID(id); err != nil {
		return err
	}
	if len(data) > MaxData || revision < 1 {
		return fmt.Errorf("record of %d bytes, revision %d: %w", len(data), revision, seal.ErrLimit)
	}
	r, err := c.seal(id, revision, data)
	if err != nil {
		return err
	}
	return c.write(ctx, r, id)
}

// Delete removes a record that is at revision, else ErrConflict. Keeper has what
// was in it for 30 more days.
func (c *Class) Delete(ctx context.Context, id string, revision int64) error {
	if err := checkID(id); err != nil {
		return err
	}
	if revision < 1 {
		return fmt.Errorf("revision %d: %w", revision, seal.ErrLimit)
	}
	return c.write(ctx, &ipc.Record{Class: c.class(), ID: c.ids.stored(id), Revision: revision + 1,
		Generation: c.cfg.Key.Generation(), Deleted: true}, id)
}

func (c *Class) seal(id string, revision int64, data []byte) (*ipc.Record, error) {
	stored, plain := c.ids.stored(id), body(id, data)
	defer clear(plain)
	sealed, err := c.cfg.Key.SealRecord(stored, revision, plain)
	if err != nil {
		return nil, fmt.Errorf("sealing a record: %w", err)
	}
	return &ipc.Record{Class: c.class(), ID: stored, Revision: revision, Generation: c.cfg.Key.Generation(), Data: sealed}, nil
}

func (c *Class) write(ctx context.Context, r *ipc.Record, id string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.giveBack()
	return c.commit(ctx, r, id)
}

// commit writes one record and the root. After a conflict it reads the class
// again: if the record itself is as it was, only our picture was old. After a
// lost answer it looks whether the write landed. It needs the turn.
func (c *Class) commit(ctx context.Context, r *ipc.Record, id string) error {
	sent := false
	for try := 1; ; try++ {
		err := c.attempt(ctx, r, id, sent)
		sent = true
		switch code := ipc.CodeOf(err); {
		case err == nil || try == maxTries || ctx.Err() != nil:
			return conflict(err)
		case code == ipc.CodeConflict:
		case code == ipc.CodeUnavailable:
			select {
			case <-time.After(retryPause):
			case <-ctx.Done():
				return err
			}
		default:
			return err
		}
	}
}

// conflict puts keeper's word into ours.
func conflict(err error) error {
	if ipc.CodeOf(err) == ipc.CodeConflict {
		return ErrConflict
	}
	return err
}

func (c *Class) attempt(ctx context.Context, r *ipc.Record, id string, sent bool) error {
	if c.stale {
		s, err := c.load(ctx)
		if err != nil {
			return err
		}
		if sent && landed(s, r) {
			return nil
		}
	}
	if c.rows[string(r.ID)].revision != r.Revision-1 {
		return ErrConflict
	}
	return c.send(ctx, sending{record: r, logical: id})
}

// landed says whether a write whose answer was lost is stored.
func landed(s *state, r *ipc.Record) bool {
	have, there := s.rows[string(r.ID)]
	if r.Deleted {
		return !there
	}
	return there && have.revision == r.Revision && bytes.Equal(s.sealed[string(r.ID)], r.Data)
}

// sending is one call of Put.
type sending struct {
	record  *ipc.Record // nil: the root alone
	logical string      // the record's id
	// mirror and fault say that the root is made anew.
	mirror int64
	fault  ipc.RootFault
}

// send writes what the class will be, and takes it over if keeper did. Without an
// answer, or with one that the picture here is old, the class is stale. It needs
// the turn.
func (c *Class) send(ctx context.Context, w sending) error {
	next := c.root
	put := ipc.RecordPut{Record: ipc.Record{Class: c.class()}}
	if r := w.record; r != nil {
		put.Record = *r
		if r.Revision > 1 {
			if err := c.cfg.Key.Remove(&next, r.ID, r.Revision-1); err != nil {
				return err
			}
		}
		if !r.Deleted {
			if err := c.cfg.Key.Add(&next, r.ID, r.Revision); err != nil {
				return err
			}
		}
	}
	next.Counter = max(c.root.Counter, w.mirror) + 1
	sealed, err := c.cfg.Key.SealRoot(next)
	if err != nil {
		return err
	}
	put.Root = &ipc.RootWrite{Root: ipc.ClassRoot{Counter: next.Counter, Generation: c.cfg.Key.Generation(), Sealed: sealed}, Expect: c.root.Counter, Fault: w.fault}
	if _, err := c.cfg.Keeper.Put(ctx, put); err != nil {
		c.stale = true
		return err
	}
	c.root = next
	if r := w.record; r != nil && r.Deleted {
		delete(c.rows, string(r.ID))
	} else if r != nil {
		c.rows[string(r.ID)] = row{w.logical, r.Revision}
	}
	return nil
}
