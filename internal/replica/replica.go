package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Config says what an account's replica is made of.
type Config struct {
	Store upstream.Store
	// Key is the account's secret, 32 bytes, from which ids and hashes are
	// derived: another key means other ids.
	Key []byte
	// Snapshot is what an earlier Replica.Snapshot returned; nil or one that
	// cannot be used makes an empty index, which is harmless. States of before
	// are known still; of those that its writer gave out since, nothing is.
	// nil: there is none. It is called once; its bytes are not changed.
	Snapshot func(context.Context) []byte
	// HeadStart is how long Run leaves the server to the person, whose first page is
	// on its way, before it begins; who waits for the index ends it.
	HeadStart time.Duration
	Logger    *slog.Logger // nil is silent
}

// Replica is an Index with what keeps it in step.
type Replica struct {
	*Index
	store upstream.Store
	info  upstream.Info
	log   *slog.Logger

	turn   chan struct{} // holds one token: whoever has it may change the mails
	writes atomic.Uint64 // changes of the person so far

	news    atomic.Uint64 // how often something was changed or told so far
	watched atomic.Bool   // every change would be told

	mu    sync.Mutex // guards what follows
	dirty map[string]bool
	boxes bool          // the list of mailboxes is dirty
	wake  chan struct{} // has one element when something is dirty
	moved chan struct{} // closed and renewed at each change

	built   chan struct{} // closed when the index is complete
	wanted  chan struct{} // closed when somebody waits for that
	want    sync.Once     // closes wanted
	loaded  uint64        // Generation of the snapshot that was taken over
	closers sync.Once

	headStart time.Duration
}

// Open connects, lists the mailboxes and takes over the snapshot, which it brings
// in step within catchUp. Without one the index is filled by Run.
func Open(ctx context.Context, cfg Config) (*Replica, error) {
	if len(cfg.Key) != 32 {
		return nil, errors.New("replica: key must have 32 bytes")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	info, err := cfg.Store.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("probing the mail platform: %w", err)
	}
	r := &Replica{
		store: cfg.Store, info: info, log: cfg.Logger,
		turn: make(chan struct{}, 1), dirty: make(map[string]bool),
		wake: make(chan struct{}, 1), moved: make(chan struct{}),
		built: make(chan struct{}), wanted: make(chan struct{}), headStart: cfg.HeadStart,
	}
	loaded := make(chan *Index, 1)
	go func() { loaded <- r.load(ctx, cfg) }() // while the server counts
	list, err := cfg.Store.Boxes(ctx)
	r.Index = <-loaded
	if err != nil {
		return nil, fmt.Errorf("listing mailboxes: %w", err)
	}
	r.Index.prefix = info.Prefix
	r.Index.notify = r.announce
	if r.complete {
		close(r.built)
	}
	r.turn <- struct{}{}
	if err := r.applyBoxes(list); err != nil {
		return nil, err
	}
	r.catchUp(ctx)
	return r, nil
}

// catchUp brings a loaded index in step. That it could not is no reason to show
// nobody any mail: it is as old as the snapshot, which Run changes.
func (r *Replica) catchUp(ctx context.Context) {
	if !r.Complete() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	if err := r.take(ctx); err != nil {
		return
	}
	defer r.give()
	if err := r.passListed(ctx); err != nil {
		r.log.Info("index not in step yet", "err", err)
	}
}

// load restores the snapshot or makes an empty index.
func (r *Replica) load(ctx context.Context, cfg Config) *Index {
	var b []byte
	if cfg.Snapshot != nil {
		b = cfg.Snapshot(ctx)
	}
	if b != nil {
		ix, err := decode(b, r.info.Identity, cfg.Key)
		if err == nil {
			ix.branch()
			r.loaded = ix.Generation()
			return ix
		}
		r.log.Warn("snapshot of the index not usable", "err", err)
	}
	return newIndex(r.info.Identity, cfg.Key, newEpoch())
}

// Loaded is the Generation that the snapshot stands for which was taken over: while
// it is the present one, nothing has changed since. 0: there was none.
func (r *Replica) Loaded() uint64 { return r.loaded }

// Info is what the store said of itself.
func (r *Replica) Info() upstream.Info { return r.info }

// Store is the store that the replica follows.
func (r *Replica) Store() upstream.Store { return r.store }

// take waits for the turn.
func (r *Replica) take(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Replica) give() { r.turn <- struct{}{} }

// announce tells everybody who waits that something has changed.
func (r *Replica) announce() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.moved)
	r.moved = make(chan struct{})
}

// WaitChange blocks until the state of a type in have is another one, then
// returns all states. With have empty it returns at once.
func (r *Replica) WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error) {
	for {
		r.mu.Lock()
		moved := r.moved
		r.mu.Unlock()
		now := r.States()
		if len(have) == 0 || differ(have, now) {
			return now, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Moved is closed at the next change of the index.
func (r *Replica) Moved() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.moved
}

func differ(have, now jmap.TypeStates) bool {
	for t, s := range have {
		if n, ok := now[t]; ok && n != s {
			return true
		}
	}
	return false
}

// WaitComplete blocks until every mail is in the index.
func (r *Replica) WaitComplete(ctx context.Context) error {
	r.hurry()
	return r.AwaitComplete(ctx)
}

// hurry ends the head start.
func (r *Replica) hurry() { r.want.Do(func() { close(r.wanted) }) }

// AwaitComplete is WaitComplete for who has time.
func (r *Replica) AwaitComplete(ctx context.Context) error {
	select {
	case <-r.built:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitAttachments blocks until it is known of every mail in the index whether it
// has attachments.
func (r *Replica) WaitAttachments(ctx context.Context) error { return r.fillAttachments(ctx) }
