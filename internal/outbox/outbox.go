package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
)

// Config is what an outbox leans on.
type Config struct {
	Sender     Sender
	Records    Records
	Identities func() []jmap.Identity
	Log        *slog.Logger
}

// Outbox is one person's mail on its way out.
type Outbox struct {
	cfg   Config
	ctx   context.Context // ends attempts that have not begun to send
	stop  context.CancelFunc
	wg    sync.WaitGroup
	epoch string

	mu      sync.Mutex // guards the rest, and every record's fields
	mails   Mails      // nil until Run
	moved   chan struct{}
	records map[string]*record
	log     []change
	seq     int64
	memory  bool // Records is locked: nothing is stored
}

type change struct {
	seq  int64
	id   string
	kind changeKind
}

type changeKind uint8

const (
	created changeKind = iota
	updated
	destroyed
)

// Open reads the person's records. What was being attempted by a process that
// died becomes uncertain.
func Open(ctx context.Context, cfg Config) (*Outbox, error) {
	o := &Outbox{cfg: cfg, records: map[string]*record{}, moved: make(chan struct{}), epoch: rand.Text()[:8]}
	o.ctx, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	stored, err := cfg.Records.All(ctx)
	if errors.Is(err, ErrLocked) {
		o.memory = true
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		r, err := decodeRecord(s)
		if err != nil {
			cfg.Log.Error("outbox record left alone", "err", err)
			continue
		}
		o.records[r.ID] = r
		if r.State == attempting {
			r.State = uncertain
			if err := o.put(ctx, r); err != nil {
				return nil, err
			}
		}
		if r.State == waiting { // its process died before the attempt: the mail is in Drafts, unsent
			r.State, r.Reply = refused, "not sent: the program was interrupted before it began; the mail is in Drafts"
			if err := o.put(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	o.forgetOld(ctx)
	return o, nil
}

// Run lets the outbox send the mails of an account until ctx ends; it then waits
// for attempts under way: cutting one off would make its mail's fate uncertain.
func (o *Outbox) Run(ctx context.Context, mails Mails) error {
	o.mu.Lock()
	o.mails = mails
	o.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	o.mails = nil
	o.mu.Unlock()
	o.stop()
	o.wg.Wait()
	return ctx.Err()
}

// Moved is closed at the next change of state.
func (o *Outbox) Moved() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moved
}

// openMail opens a draft, while Run runs.
func (o *Outbox) openMail(ctx context.Context, id string) (*Mail, error) {
	o.mu.Lock()
	mails := o.mails
	o.mu.Unlock()
	if mails == nil {
		return nil, ErrAway
	}
	return mails.OpenMail(ctx, jmap.EmailID(id))
}

// put stores a record at its next revision.
func (o *Outbox) put(ctx context.Context, r *record) error {
	r.Changed = time.Now().UTC().Truncate(time.Second)
	data, err := r.encode()
	if err != nil {
		return err
	}
	if !o.memory {
		if err := o.cfg.Records.Put(ctx, r.ID, r.revision+1, data); err != nil {
			return err
		}
	}
	r.revision++
	return nil
}

// note writes the log of changes. It needs mu.
func (o *Outbox) note(id string, kind changeKind) {
	o.seq++
	o.log = append(o.log, change{o.seq, id, kind})
	close(o.moved)
	o.moved = make(chan struct{})
	if len(o.log) > 4*maxRecords {
		o.log = slices.Clone(o.log[len(o.log)-2*maxRecords:])
	}
}

// State is the state of EmailSubmission.
func (o *Outbox) State() jmap.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state()
}

func (o *Outbox) state() jmap.State {
	return jmap.State(o.epoch + "." + strconv.FormatInt(o.seq, 10))
}

// Changes tells what happened since a state.
func (o *Outbox) Changes(since jmap.State, limit int) (jmap.Changes, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	epoch, number, _ := strings.Cut(string(since), ".")
	from, err := strconv.ParseInt(number, 10, 64)
	if err != nil || epoch != o.epoch || from > o.seq || from < o.seq && (len(o.log) == 0 || o.log[0].seq > from+1) {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	out := jmap.Changes{OldState: since, NewState: o.state()}
	first, last := map[string]changeKind{}, map[string]changeKind{}
	var order []string
	for _, c := range o.log {
		if c.seq <= from {
			continue
		}
		if _, seen := first[c.id]; !seen {
			if len(order) == limit {
				out.HasMore = true
				break
			}
			first[c.id] = c.kind
			order = append(order, c.id)
		}
		last[c.id] = c.kind
		out.NewState = jmap.State(o.epoch + "." + strconv.FormatInt(c.seq, 10))
	}
	for _, id := range order {
		switch {
		case first[id] == created && last[id] == destroyed:
		case first[id] == created:
			out.Created = append(out.Created, id)
		case last[id] == destroyed:
			out.Destroyed = append(out.Destroyed, id)
		default:
			out.Updated = append(out.Updated, id)
		}
	}
	return out, nil
}

// Get returns submissions, all of them when ids is nil.
func (o *Outbox) Get(ids []jmap.SubmissionID) (list []jmap.Submission, notFound []jmap.SubmissionID, state jmap.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ids == nil {
		for _, r := range o.sorted() {
			list = append(list, *r.submission())
		}
		return list, nil, o.state()
	}
	for _, id := range ids {
		if r := o.records[string(id)]; r != nil {
			list = append(list, *r.submission())
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, o.state()
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

// Set sends, cancels and forgets (RFC 8621 section 7.5).
func (o *Outbox) Set(ctx context.Context, set *jmap.SubmissionSet) (jmap.SubmissionSetResult, error) {
	out := jmap.SubmissionSetResult{
		Created: map[jmap.CreationID]*jmap.Submission{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.SubmissionID]*jmap.Submission{}, NotUpdated: map[jmap.SubmissionID]*jmap.SetError{},
		NotDestroyed: map[jmap.SubmissionID]*jmap.SetError{},
	}
	out.OldState = o.State()
	if set.IfInState != "" && set.IfInState != out.OldState {
		return out, jmap.StateMismatch
	}
	for _, c := range set.Create {
		s, err := o.create(ctx, c)
		var no *jmap.SetError
		switch {
		case err == nil:
			out.Created[c.CreationID] = s
		case errors.As(err, &no):
			out.NotCreated[c.CreationID] = no
		default:
			o.cfg.Log.Error("submission failed", "err", err)
			out.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail was not sent. It is still in Drafts."}
		}
	}
	for _, id := range set.Cancel {
		out.NotUpdated[id] = o.cancel(id)
	}
	for _, id := range set.Destroy {
		if no := o.destroy(ctx, id); no != nil {
			out.NotDestroyed[id] = no
		} else {
			out.Destroyed = append(out.Destroyed, id)
		}
	}
	out.NewState = o.State()
	return out, nil
}

// cancel answers why a submission cannot be taken back: there is no delay in
// which it could.
func (o *Outbox) cancel(id jmap.SubmissionID) *jmap.SetError {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.records[string(id)] == nil {
		return &jmap.SetError{Type: jmap.SetNotFound}
	}
	return &jmap.SetError{Type: jmap.SetCannotUnsend, Description: "The mail has been handed over already."}
}

func (o *Outbox) destroy(ctx context.Context, id jmap.SubmissionID) *jmap.SetError {
	o.mu.Lock()
	r := o.records[string(id)]
	o.mu.Unlock()
	if r == nil {
		return &jmap.SetError{Type: jmap.SetNotFound}
	}
	o.mu.Lock()
	busy := !r.finished()
	o.mu.Unlock()
	if busy {
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail is being sent."}
	}
	if err := o.forget(ctx, r); err != nil {
		return &jmap.SetError{Type: jmap.SetServerFail, Description: "Could not be removed now."}
	}
	return nil
}

func (o *Outbox) forget(ctx context.Context, r *record) error {
	if !o.memory {
		if err := o.cfg.Records.Delete(ctx, r.ID, r.revision); err != nil {
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
// are too many.
func (o *Outbox) forgetOld(ctx context.Context) {
	o.mu.Lock()
	list := o.sorted()
	o.mu.Unlock()
	for i, r := range list {
		if r.finished() && (i >= maxRecords/2 || time.Since(r.Changed) > keepFinished) {
			if err := o.forget(ctx, r); err != nil {
				o.cfg.Log.Warn("old submission not removed", "err", err)
				return
			}
		}
	}
}
