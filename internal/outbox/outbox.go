package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/jmap"
)

// Config is what an outbox leans on.
type Config struct {
	Sender     Sender
	Records    Records
	Stash      Stash // nil: only small mails are kept, in memory
	Identities func() []jmap.Identity
	// Parameters are further ones of MAIL FROM that Sender hands on, in upper case.
	Parameters []string
	// Offered is what counts as offered until Offer has answered.
	Offered Offer
	// Offer asks what the submission server can; nil: nothing is known of it.
	Offer func(context.Context) (Offer, error)
	// Learn asks what became of attempts whose answer nobody got; it leaves out those
	// that the platform's side does not know. nil: nobody can be asked.
	Learn func(ctx context.Context, attempts []string) (map[string]Learned, error)
	// Hold is how long a mail may be held here, at most maxHold, which is what 0
	// stands for; negative: none is.
	Hold time.Duration
	Log  *slog.Logger
}

// Outbox is one person's mail on its way out.
type Outbox struct {
	cfg        Config
	ctx        context.Context // ends when Run does: mail that was not handed over yet is not tried again
	stop       context.CancelFunc
	epoch      string
	memory     bool // Records is locked: nothing is stored
	unreadable int
	offer      atomic.Pointer[Offer] // nil: not known yet

	mu      sync.Mutex     // guards the rest, and every record's fields
	mails   Mails          // nil unless Run runs
	wg      sync.WaitGroup // what Run waits for; grows only while mails is there
	moved   chan struct{}
	records map[string]*record
	log     []change
	seq     int64
}

// Open reads the person's records. What was being attempted by a process that
// died becomes uncertain, unless Run can learn what became of it; what had not got so
// far was not sent, but for what is held: Run takes that up. That this cannot
// be written now keeps nobody from their mail: the next Open finds the same.
func Open(ctx context.Context, cfg Config) (*Outbox, error) {
	o := &Outbox{cfg: cfg, records: map[string]*record{}, moved: make(chan struct{}), epoch: rand.Text()[:8]}
	o.ctx, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	stored, err := cfg.Records.All(ctx)
	if errors.Is(err, ErrLocked) {
		o.memory = true
		return o, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	for _, s := range stored {
		r, err := decodeRecord(s)
		if err != nil {
			o.unreadable++
			cfg.Log.Error("outbox record left alone", "err", err)
			continue
		}
		o.records[r.ID] = r
		o.resolve(ctx, r)
	}
	return o, nil
}

// resolve decides about a record whose process died.
func (o *Outbox) resolve(ctx context.Context, r *record) {
	back := !r.Release.IsZero()
	switch {
	case r.resumable(time.Now()): // Run takes it up
		r.begun = r.State == waiting
		r.State, r.busy, r.called = held, true, make(chan struct{})
		return
	case r.State == attempting && o.cfg.Learn != nil: // Run asks
		r.busy = true
		return
	case r.State == attempting:
		o.change(r, func() { r.State, r.Reply, r.Back = uncertain, replyUncertain, back })
	case r.State == held:
		o.change(r, func() { r.State, r.Reply, r.Back = refused, replyHeld, back })
	case r.State == waiting:
		o.change(r, func() { r.State, r.Reply, r.Back = refused, replyInterrupted, back })
	default:
		return
	}
	if err := o.store(ctx, r); err != nil {
		o.cfg.Log.Warn("outbox record not resolved for good", "err", err)
	}
}

// Sending reports whether a mail is held, waits or is handed over.
func (o *Outbox) Sending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.records {
		switch r.State {
		case held, waiting, attempting:
			return true
		}
	}
	return false
}

// Unreadable is how many stored records this version cannot read.
func (o *Outbox) Unreadable() int { return o.unreadable }

// Run lets the outbox send the mails of an account until ctx ends; it then waits
// for attempts under way: cutting one off could make its mail's fate uncertain.
// It may be called once.
func (o *Outbox) Run(ctx context.Context, mails Mails) error {
	o.mu.Lock()
	o.mails = mails
	o.wg.Go(func() { o.forgetOld(ctx) })
	o.takeUp(ctx, mails)
	o.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	o.mails = nil
	o.mu.Unlock()
	o.stop()
	o.wg.Wait()
	return ctx.Err()
}

// enter takes part in Run, which waits until leave is called. ok is false while
// Run does not run.
func (o *Outbox) enter() (m Mails, leave func(), ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mails == nil {
		return nil, nil, false
	}
	o.wg.Add(1)
	return o.mails, o.wg.Done, true
}

// Get returns submissions, all of them when ids is nil, newest first.
func (o *Outbox) Get(ids []jmap.SubmissionID) (list []jmap.Submission, notFound []jmap.SubmissionID, state jmap.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ids == nil {
		for _, r := range o.sorted() {
			list = append(list, *r.submission())
		}
		return list, nil, o.state(o.seq)
	}
	for _, id := range ids {
		if r := o.records[string(id)]; r != nil {
			list = append(list, *r.submission())
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, o.state(o.seq)
}

// sorted are the records, newest first. It needs mu.
func (o *Outbox) sorted() []*record {
	out := make([]*record, 0, len(o.records))
	for _, r := range o.records {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *record) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}
