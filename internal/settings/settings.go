package settings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"cofferdam/internal/jmap"
)

// Errors of Records and of a Snippet.
var (
	ErrConflict = errors.New("the record changed since")
	ErrLocked   = errors.New("sealed records are locked")
	// ErrNoSnippet says that text cannot be made a harmless piece of HTML.
	ErrNoSnippet = errors.New("not a piece of HTML")
)

// Records keeps records of one person; what it stores is sealed. Its methods end
// within seconds whatever their ctx. An error other than those above leaves open
// whether the call was carried out.
type Records interface {
	// Put writes a record whose stored revision is revision-1, else ErrConflict.
	// It is durable when Put returns nil.
	Put(ctx context.Context, id string, revision int64, data []byte) error
	// Delete removes a record that is at revision.
	Delete(ctx context.Context, id string, revision int64) error
	// All reads every record. ErrLocked: this session cannot.
	All(ctx context.Context) ([]Stored, error)
}

// Stored is one record as Records keeps it.
type Stored struct {
	ID       string
	Revision int64
	Data     []byte
}

// Config is what Settings lean on.
type Config struct {
	// Addresses are what the platform lets the person send as; Name is put into
	// identities that nobody has named.
	Addresses []string
	Name      string
	Records   Records // nil: nothing is kept, and nothing can be changed
	// Snippet makes HTML harmless, to stand in the body of a page. ErrNoSnippet:
	// it is none. Nil: signatures in HTML are refused.
	Snippet func(ctx context.Context, html string) (string, error)
	Log     *slog.Logger // nil: none
}

// Settings are one person's.
type Settings struct {
	cfg  Config
	turn chan struct{} // holds a token: its holder writes

	mu         sync.Mutex // guards the rest
	locked     bool
	moved      chan struct{}
	identities map[jmap.IdentityID]*identity // also of addresses that are not the person's now, and marks of deleted ones
	seq        int64
	orders     orders
	sending    sending
}

// Open reads the person's records.
func Open(ctx context.Context, cfg Config) (*Settings, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Settings{cfg: cfg, turn: make(chan struct{}, 1), moved: make(chan struct{})}
	return s, s.load(ctx)
}

// load reads all records, in place of what is known.
func (s *Settings) load(ctx context.Context) error {
	var stored []Stored
	err := ErrLocked
	if s.cfg.Records != nil {
		stored, err = s.cfg.Records.All(ctx)
	}
	locked := errors.Is(err, ErrLocked)
	if err != nil && !locked {
		return fmt.Errorf("reading settings: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked, s.identities, s.seq, s.orders = locked, map[jmap.IdentityID]*identity{}, 0, orders{V: 1}
	s.sending = sending{V: 1}
	for _, r := range stored {
		if err := s.take(r); err != nil {
			s.cfg.Log.Error("record of settings left alone", "err", err)
		}
	}
	return nil
}

// take enters a stored record. It needs mu.
func (s *Settings) take(r Stored) error {
	if r.ID == ordersID {
		o, err := decodeOrders(r)
		if err == nil {
			s.orders = o
		}
		return err
	}
	if r.ID == sendingID {
		o, err := decodeSending(r)
		if err == nil {
			s.sending = o
		}
		return err
	}
	i, err := decodeIdentity(r)
	if err == nil {
		s.identities[i.ID], s.seq = i, max(s.seq, i.Seq)
	}
	return err
}

// Moved is closed at the next change.
func (s *Settings) Moved() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// changed tells who waits. It needs mu.
func (s *Settings) changed() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// begin waits for the turn to write.
func (s *Settings) begin(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Settings) end() { <-s.turn }

// put writes a record. When somebody else wrote meanwhile, everything is read
// again, so that the next try begins with what is stored. It needs the turn.
func (s *Settings) put(ctx context.Context, id string, revision int64, data []byte) *jmap.SetError {
	s.mu.Lock()
	locked := s.locked
	s.mu.Unlock()
	if locked {
		return refuseLocked()
	}
	err := s.cfg.Records.Put(ctx, id, revision, data)
	return s.failed(ctx, err)
}

// failed is what a client is told when a record was not written.
func (s *Settings) failed(ctx context.Context, err error) *jmap.SetError {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrLocked):
		return refuseLocked()
	}
	s.cfg.Log.Warn("settings not stored", "err", err)
	if err := s.load(ctx); err != nil {
		s.cfg.Log.Warn("settings not read again", "err", err)
	}
	return &jmap.SetError{Type: jmap.SetServerFail, Description: "This could not be stored. Please try again."}
}

func refuseLocked() *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetForbidden, Description: "Your settings are locked until you unlock your data with your old password."}
}

func invalid(property, why string) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{property}, Description: why}
}
