package records

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"cofferdam/internal/ipc"
)

// Fault is something that did not fit, for the person's eyes.
type Fault struct {
	Kind  ipc.RootFault `json:"kind"`
	Found time.Time     `json:"found"`          // to the second
	Rows  int           `json:"rows,omitempty"` // FaultUnreadable: how many do not open
}

// notes is the class's own record: faults that the person has not acknowledged.
// Version 1. It is a record like others, so that a rollback of it is one too.
type notes struct {
	V      int     `json:"v"`
	Faults []Fault `json:"faults"`
	// Unreadable is how many rows are known not to open: no news, even when
	// acknowledged.
	Unreadable int `json:"unreadable,omitempty"`
}

// Faults returns what was found and not yet acknowledged, oldest first: the flag
// that the person is shown.
func (c *Class) Faults() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.notes.Faults)
}

// Acknowledge takes the flag down: the person has seen it.
func (c *Class) Acknowledge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.giveBack()
	c.mu.Lock()
	next, clean := notes{V: 1, Unreadable: c.notes.Unreadable}, len(c.notes.Faults) == 0
	c.mu.Unlock()
	if clean {
		return nil
	}
	r, err := c.noteRecord(next)
	if err != nil {
		return err
	}
	if err := c.commit(ctx, r, noteID); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = next
	return nil
}

// takeNotes reads the class's own record, unless what is in memory is newer. It
// needs the turn.
func (c *Class) takeNotes(s *state) {
	if len(c.pending) > 0 {
		return
	}
	n := notes{V: 1}
	if s.note != nil {
		d := json.NewDecoder(bytes.NewReader(s.note.Data))
		d.DisallowUnknownFields()
		if err := d.Decode(&n); err != nil || n.V != 1 {
			c.cfg.Log.Error("notes of a class cannot be read", c.who()...)
			n = notes{V: 1}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = n
}

// settle reports faults and makes the root anew over what there is, with the
// report among it; without faults, it lets the mirror catch up with a root that
// was stored when keeper or vault went away. If that cannot be written now, the
// next reading tries again: nothing is held up by it. It needs the turn.
func (c *Class) settle(ctx context.Context, s *state, faults []ipc.RootFault) {
	news, err := c.report(s, faults), error(nil)
	switch {
	case len(news) > 0:
		var r *ipc.Record
		c.mu.Lock()
		n := c.notes
		c.mu.Unlock()
		if r, err = c.noteRecord(n); err == nil {
			err = c.send(ctx, sending{record: r, logical: noteID, mirror: s.mirror, fault: news[0]})
		}
	case s.sum.Counter > s.mirror:
		err = c.send(ctx, sending{})
	}
	if err != nil {
		c.cfg.Log.Warn("root of a class not written", append(c.who(), "err", err)...)
		return
	}
	c.pending = nil
}

// report logs the faults that are new and enters them into the notes. It returns
// those that are not stored yet.
func (c *Class) report(s *state, faults []ipc.RootFault) []ipc.RootFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range faults {
		known := f == ipc.FaultUnreadable && s.unreadable <= c.notes.Unreadable && !s.noteLost
		if known || slices.Contains(c.pending, f) {
			continue
		}
		c.cfg.Log.Error("class does not fit its root", append(c.who(), "fault", string(f), "counter", s.sum.Counter,
			"highest", s.mirror, "rows", len(s.rows), "unreadable", s.unreadable)...)
		fault := Fault{Kind: f, Found: time.Now().UTC().Truncate(time.Second)}
		if f == ipc.FaultUnreadable {
			fault.Rows = s.unreadable
		}
		if len(c.notes.Faults) < maxFaults {
			c.notes.Faults = append(slices.Clip(c.notes.Faults), fault)
		}
		c.pending = append(c.pending, f)
	}
	c.notes.Unreadable = s.unreadable
	return c.pending
}

// noteRecord seals the notes at their next revision.
func (c *Class) noteRecord(n notes) (*ipc.Record, error) {
	data, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	have := c.rows[string(c.ids.stored(noteID))]
	return c.seal(noteID, have.revision+1, data)
}

func (c *Class) who() []any {
	return []any{"uid", c.cfg.Key.UID().String(), "class", c.class()}
}
