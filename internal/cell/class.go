package cell

import (
	"context"
	"errors"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/outbox"
	"cofferdam/internal/records"
	"cofferdam/internal/seal"
	"cofferdam/internal/settings"
)

// class is a sealed class of one person as its rooms work with it. A locked
// session has none: its keys are not the person's.
type class struct {
	c    *Cell
	p    *person
	key  seal.ClassKey
	open *records.Class // set by all, before the first put; nil: locked
}

// errLocked is what a class that is not there answers.
var errLocked = ipc.Errorf(ipc.CodeLocked, "sealed records wait for the old password")

func (c *Cell) class(p *person, key seal.ClassKey) *class { return &class{c: c, p: p, key: key} }

func (s *class) put(ctx context.Context, id string, revision int64, data []byte) error {
	if s.open == nil {
		return errLocked
	}
	return s.open.Put(ctx, id, revision, data)
}

func (s *class) delete(ctx context.Context, id string, revision int64) error {
	if s.open == nil {
		return errLocked
	}
	return s.open.Delete(ctx, id, revision)
}

// all opens the class at the first call. A session that has just begun may be
// ahead of a keeper that is restarting: it is asked for a while.
func (s *class) all(ctx context.Context) ([]records.Record, error) {
	switch {
	case s.p.locked:
		return nil, errLocked
	case s.open != nil:
		return s.open.All(ctx)
	}
	for tries := 0; ; tries++ {
		opened, list, err := records.Open(ctx, records.Config{Key: s.key, Keeper: recordLine{s.c, s.p}, Log: s.c.log})
		if err == nil {
			s.open = opened
			return list, nil
		}
		if ipc.CodeOf(err) != ipc.CodeUnavailable || tries == recordTries {
			return nil, err
		}
		select {
		case <-time.After(recordPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// faults are what was found in it and not acknowledged yet, oldest first.
func (s *class) faults() []records.Fault {
	if s == nil || s.open == nil {
		return nil
	}
	return s.open.Faults()
}

// worded puts errors of a class into a room's words.
func worded(err, conflict, locked error) error {
	switch {
	case errors.Is(err, records.ErrConflict):
		return conflict
	case ipc.CodeOf(err) == ipc.CodeLocked:
		return locked
	}
	return err
}

// outboxRecords is class outbox.
type outboxRecords struct{ *class }

// Put implements outbox.Records.
func (o outboxRecords) Put(ctx context.Context, id string, revision int64, data []byte) error {
	return worded(o.put(ctx, id, revision, data), outbox.ErrConflict, outbox.ErrLocked)
}

// Delete implements outbox.Records.
func (o outboxRecords) Delete(ctx context.Context, id string, revision int64) error {
	return worded(o.delete(ctx, id, revision), outbox.ErrConflict, outbox.ErrLocked)
}

// All implements outbox.Records.
func (o outboxRecords) All(ctx context.Context) (out []outbox.Stored, err error) {
	list, err := o.all(ctx)
	for _, r := range list {
		out = append(out, outbox.Stored{ID: r.ID, Revision: r.Revision, Data: r.Data})
	}
	return out, worded(err, outbox.ErrConflict, outbox.ErrLocked)
}

// settingsRecords is class settings.
type settingsRecords struct{ *class }

// Put implements settings.Records.
func (s settingsRecords) Put(ctx context.Context, id string, revision int64, data []byte) error {
	return worded(s.put(ctx, id, revision, data), settings.ErrConflict, settings.ErrLocked)
}

// Delete implements settings.Records.
func (s settingsRecords) Delete(ctx context.Context, id string, revision int64) error {
	return worded(s.delete(ctx, id, revision), settings.ErrConflict, settings.ErrLocked)
}

// All implements settings.Records.
func (s settingsRecords) All(ctx context.Context) (out []settings.Stored, err error) {
	list, err := s.all(ctx)
	for _, r := range list {
		out = append(out, settings.Stored{ID: r.ID, Revision: r.Revision, Data: r.Data})
	}
	return out, worded(err, settings.ErrConflict, settings.ErrLocked)
}

// snippet has a piece of HTML made harmless.
func (c *Cell) snippet(ctx context.Context, html string) (string, error) {
	out, err := c.renders.render(ctx, ipc.RenderSnippet, ipc.RenderRequest{Body: html})
	if err == nil && out.IsText {
		err = settings.ErrNoSnippet
	}
	return out.Document, err
}
