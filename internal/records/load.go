package records

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// errMoved says that the class was written between two pages.
var errMoved = errors.New("the class changed while it was read")

// state is a class as keeper has it at one moment.
type state struct {
	root   *ipc.ClassRoot
	mirror int64
	rows   map[string]row
	sum    seal.Root // over the rows; its Counter is the stored root's
	// sealed holds the rows' bytes as they are, for who looks for a write of
	// their own.
	sealed     map[string][]byte
	records    []Record // those that open, the class's own left out
	note       *Record  // the class's own
	unreadable int      // rows that do not open, the class's own left out
	noteLost   bool     // the class's own does not open
}

// load reads the class, reports what does not fit and makes its root anew then,
// and takes the state over. It needs the turn.
func (c *Class) load(ctx context.Context) (*state, error) {
	var s *state
	var err error
	for range maxMoved {
		if s, err = c.read(ctx); !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	faults := c.judge(s)
	c.rows, c.root, c.stale = s.rows, s.sum, false
	c.takeNotes(s)
	c.settle(ctx, s, faults)
	return s, nil
}

// read reads all pages in one state. Each page is a snapshot that tells its root's
// counter, and no row changes without it: pages with one counter are one state.
func (c *Class) read(ctx context.Context) (*state, error) {
	s := &state{rows: map[string]row{}, sealed: map[string][]byte{}}
	var after []byte
	for first := true; ; first = false {
		p, err := c.cfg.Keeper.List(ctx, ipc.RecordList{Class: c.class(), After: after, Limit: pageRows})
		if err != nil {
			return nil, err
		}
		if first {
			s.root, s.mirror = p.Root, p.Mirror
		} else if !sameRoot(s.root, p.Root) {
			return nil, errMoved
		}
		for _, r := range p.Records {
			if len(r.ID) == 0 || after != nil && bytes.Compare(r.ID, after) <= 0 {
				return nil, errors.New("keeper lists records out of order")
			}
			if after = r.ID; len(s.rows) == maxRows {
				return nil, fmt.Errorf("class of more than %d records: %w", maxRows, seal.ErrLimit)
			}
			if err := c.addRow(s, r); err != nil {
				return nil, err
			}
		}
		if !p.More {
			return s, nil
		}
		if len(p.Records) == 0 {
			return nil, errors.New("keeper lists an empty page with more after it")
		}
	}
}

func sameRoot(a, b *ipc.ClassRoot) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Counter == b.Counter
}

// addRow takes a row in. One that does not open counts for the root all the same:
// it is there, and it stays.
func (c *Class) addRow(s *state, r ipc.Record) error {
	if err := c.cfg.Key.Add(&s.sum, r.ID, r.Revision); err != nil {
		return fmt.Errorf("row of keeper's: %w", err)
	}
	rec, err := c.open(r)
	switch {
	case err == nil:
	case bytes.Equal(r.ID, c.ids.stored(noteID)):
		rec, s.noteLost = Record{}, true
	default:
		rec = Record{}
		s.unreadable++
	}
	s.rows[string(r.ID)] = row{rec.ID, r.Revision}
	s.sealed[string(r.ID)] = r.Data
	switch rec.ID {
	case "":
	case noteID:
		s.note = &rec
	default:
		s.records = append(s.records, rec)
	}
	return nil
}

// judge compares the rows with their root and the root with its mirror.
func (c *Class) judge(s *state) []ipc.RootFault {
	var faults []ipc.RootFault
	if s.root != nil {
		s.sum.Counter = s.root.Counter
	}
	if s.sum.Counter < s.mirror {
		faults = append(faults, ipc.FaultRolledBack)
	}
	switch {
	case s.root == nil && len(s.rows) == 0: // a class that was never written, or all of it is gone
	case s.root == nil || s.root.Generation != c.cfg.Key.Generation():
		faults = append(faults, ipc.FaultRoot)
	default:
		root, err := c.cfg.Key.OpenRoot(s.root.Counter, s.root.Sealed)
		if err != nil {
			faults = append(faults, ipc.FaultRoot)
		} else if root != s.sum {
			faults = append(faults, ipc.FaultRows)
		}
	}
	if s.unreadable > 0 || s.noteLost {
		faults = append(faults, ipc.FaultUnreadable)
	}
	return faults
}
