package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// Errors that callers decide by.
var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("no such record")
	// ErrConflict says that the record is not at the revision that the caller
	// saw, or that its id was used by a record that is deleted.
	ErrConflict = errors.New("the record changed since")
)

// Keeper stores what is sealed here. Its implementation adds the person's
// capability to each call and sets its deadline.
type Keeper interface {
	List(ctx context.Context, r ipc.RecordList) (ipc.RecordPage, error)
	Get(ctx context.Context, r ipc.RecordGet) (ipc.Record, error)
	Put(ctx context.Context, r ipc.RecordPut) (ipc.RecordMark, error)
}

// Config is what a class leans on.
type Config struct {
	Key    seal.ClassKey // stays the caller's, who wipes it after the last use of the class
	Keeper Keeper
	Log    *slog.Logger
}

// Record is one record in the clear.
type Record struct {
	ID       string
	Revision int64
	Data     []byte
}

// Entry is a record without its data.
type Entry struct {
	ID       string
	Revision int64
}

// Class is one class of one person.
type Class struct {
	cfg  Config
	ids  ids
	turn chan struct{} // holds one token: its holder has what follows

	rows    map[string]row  // all live rows, by stored id
	root    seal.Root       // over rows; its counter is the one that keeper has
	stale   bool            // keeper may have another state than this one
	pending []ipc.RootFault // reported, and not yet in the stored notes

	mu    sync.Mutex // guards notes
	notes notes
}

// row is what is kept of a live row.
type row struct {
	id       string // logical; empty if the row does not open
	revision int64
}

// Open reads a class, checks it, and returns its records in the order of their
// ids, the caller's to keep or drop. A class that does not fit its root opens
// all the same: see Faults.
func Open(ctx context.Context, cfg Config) (*Class, []Record, error) {
	c := &Class{cfg: cfg, ids: newIDs(cfg.Key), turn: make(chan struct{}, 1)}
	list, err := c.All(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("opening class %s: %w", cfg.Key.Class(), err)
	}
	return c, list, nil
}

// take waits for the turn.
func (c *Class) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Class) giveBack() { <-c.turn }

// All reads the class again and returns its records in the order of their ids.
func (c *Class) All(ctx context.Context) ([]Record, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.giveBack()
	s, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.records, func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
	return s.records, nil
}

// List returns what there is, in the order of ids, as last read or written; it
// asks nobody.
func (c *Class) List(ctx context.Context) ([]Entry, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.giveBack()
	out := make([]Entry, 0, len(c.rows))
	for _, r := range c.rows {
		if r.id != "" && r.id != noteID {
			out = append(out, Entry{r.id, r.revision})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Get reads a record. A row that is not the one this class knows makes it read
// the whole class again, and report what does not fit.
func (c *Class) Get(ctx context.Context, id string) (Record, error) {
	if err := checkID(id); err != nil {
		return Record{}, err
	}
	if err := c.take(ctx); err != nil {
		return Record{}, err
	}
	defer c.giveBack()
	stored := c.ids.stored(id)
	have, known := c.rows[string(stored)]
	if !known && !c.stale {
		return Record{}, ErrNotFound
	}
	if !c.stale {
		r, err := c.cfg.Keeper.Get(ctx, ipc.RecordGet{Class: c.class(), ID: stored})
		if err != nil && ipc.CodeOf(err) != ipc.CodeNotFound {
			return Record{}, err
		}
		if err == nil && !r.Deleted && r.Revision == have.revision && string(r.ID) == string(stored) {
			if rec, err := c.open(r); err == nil {
				return rec, nil
			}
		}
	}
	s, err := c.load(ctx)
	if err != nil {
		return Record{}, err
	}
	i := slices.IndexFunc(s.records, func(r Record) bool { return r.ID == id })
	if i < 0 {
		return Record{}, ErrNotFound
	}
	return s.records[i], nil
}

func (c *Class) class() string { return string(c.cfg.Key.Class()) }

// open opens one row.
func (c *Class) open(r ipc.Record) (Record, error) {
	plain, err := c.cfg.Key.OpenRecord(r.ID, r.Revision, r.Data)
	if err != nil {
		return Record{}, err
	}
	id, data, err := c.ids.parseBody(r.ID, plain)
	return Record{ID: id, Revision: r.Revision, Data: data}, err
}
