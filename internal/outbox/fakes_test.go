package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"cofferdam/internal/jmap"
)

// mail is a draft of ann's.
const mail = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nBcc: eve@example.net\r\nSubject: hello\r\nMessage-ID: <m1@example.org>\r\n\r\nhi\r\n"

var errDead = errors.New("the process is dead")

// disk is Records, Mails and Sender of one person, together with the steps that
// were taken. A step for which fail answers an error fails; "after" steps are
// taken after the thing was done.
type disk struct {
	mu    sync.Mutex
	rows  map[string]Stored
	mails map[string]string
	taken []taken
	steps []string
	fail  func(step string) error

	back   []Home            // by PutBack
	copies map[string]string // Stash
	takes  int64             // what Stash takes; 0: all

	known, eightBit bool // of Mail
	length          int  // Mail.Size differs from the mail's by so much
	breaks, tearing int  // so many times a mail, or a copy, breaks off in its middle

	offer   *Offer // what the server can; nil: nobody asks
	locked  bool
	endless bool                                                               // mails have no end
	send    func(ctx context.Context, d *disk, body io.Reader) (Result, error) // nil: takes the mail
	sizes   []int64

	outcomes map[string]Learned // of Submit, as the platform's side remembers them
}

type taken struct {
	env  *jmap.Envelope
	body string
}

func newDisk() *disk {
	return &disk{rows: map[string]Stored{}, mails: map[string]string{"e1": mail}, copies: map[string]string{}, outcomes: map[string]Learned{}}
}

func (d *disk) step(format string, args ...any) error {
	s := fmt.Sprintf(format, args...)
	d.mu.Lock()
	d.steps = append(d.steps, s)
	fail := d.fail
	d.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(s)
}

func (d *disk) Put(_ context.Context, id string, revision int64, data []byte) error {
	r, err := decodeRecord(Stored{ID: id, Revision: revision, Data: data})
	if err != nil {
		return err
	}
	if err := d.step("put %s", r.State); err != nil {
		return err
	}
	d.mu.Lock()
	if d.rows[id].Revision != revision-1 {
		d.mu.Unlock()
		return ErrConflict
	}
	d.rows[id] = Stored{id, revision, bytes.Clone(data)}
	d.mu.Unlock()
	return d.step("after put %s", r.State)
}

func (d *disk) Delete(_ context.Context, id string, revision int64) error {
	if err := d.step("delete"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rows[id].Revision != revision {
		return ErrConflict
	}
	delete(d.rows, id)
	return nil
}

func (d *disk) All(context.Context) ([]Stored, error) {
	if d.locked {
		return nil, ErrLocked
	}
	if err := d.step("all"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Stored
	for _, s := range d.rows {
		out = append(out, s)
	}
	return out, nil
}

func (d *disk) OpenMail(_ context.Context, id jmap.EmailID) (*Mail, error) {
	if err := d.step("open"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok := d.mails[string(id)]
	if !ok {
		return nil, jmap.ErrNotFound
	}
	if d.endless {
		return &Mail{Body: io.NopCloser(io.MultiReader(strings.NewReader(text), zeros{})), ThreadID: "t1"}, nil
	}
	return &Mail{Body: torn(text, &d.breaks), Size: int64(len(text) + d.length), ThreadID: "t1", Known: d.known, EightBit: d.eightBit,
		Home: Home{Mailboxes: []jmap.MailboxID{"drafts"}, Draft: true}}, nil
}

func (d *disk) PutBack(ctx context.Context, id jmap.EmailID, to Home, copied func(context.Context) (io.ReadCloser, error)) error {
	if err := d.step("back"); err != nil {
		return err
	}
	d.mu.Lock()
	_, there := d.mails[string(id)]
	d.mu.Unlock()
	text := mail
	if !there {
		if copied == nil {
			return ErrNoPlace
		}
		body, err := copied(ctx)
		if err != nil {
			return err
		}
		all, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		text = string(all)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mails[string(id)] = text
	d.back = append(d.back, to)
	return nil
}

func (d *disk) returned() []Home {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.back)
}

// stash is a disk as Stash.
type stash struct{ *disk }

func (s stash) Takes(size int64) bool { return s.takes == 0 || size <= s.takes }

func (s stash) Put(_ context.Context, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("copy%d", len(s.copies))
	s.copies[name] = string(b)
	return []byte(name), nil
}

func (s stash) Open(_ context.Context, name []byte) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.copies[string(name)]
	if !ok {
		return nil, jmap.ErrNotFound
	}
	return torn(text, &s.tearing), nil
}

// torn reads a text, its first half only while times is left.
func torn(text string, times *int) io.ReadCloser {
	if *times == 0 {
		return io.NopCloser(strings.NewReader(text))
	}
	*times--
	return io.NopCloser(io.MultiReader(strings.NewReader(text[:len(text)/2]), iotest.ErrReader(errDead)))
}

func (d *disk) Submit(ctx context.Context, attempt string, e *jmap.Envelope, body io.Reader, size int64) (result Result, err error) {
	d.remember(attempt, Learned{Pending: true})
	if err := d.step("submit"); err != nil {
		return Result{}, err
	}
	d.mu.Lock()
	d.sizes = append(d.sizes, size)
	send := d.send
	d.mu.Unlock()
	if send != nil {
		return send(ctx, d, body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		d.remember(attempt, Learned{Err: ErrAway}) // the mail had no end
		return Result{}, ErrUncertain              // what a line that broke looks like
	}
	if err := d.step("end"); err != nil {
		return Result{}, err
	}
	d.mu.Lock()
	d.taken = append(d.taken, taken{e, string(b)})
	d.mu.Unlock()
	result = Result{Reply: "250 2.0.0 Ok: queued as 1"}
	d.remember(attempt, Learned{Result: result})
	return result, d.step("taken")
}

func (d *disk) remember(attempt string, l Learned) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outcomes[attempt] = l
}

// state is the stored state of the only record, "" if there is none.
func (d *disk) state(t *testing.T) state {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.rows) > 1 {
		t.Fatalf("%d records", len(d.rows))
	}
	for _, s := range d.rows {
		r, err := decodeRecord(s)
		if err != nil {
			t.Fatal(err)
		}
		return r.State
	}
	return ""
}

func (d *disk) sent() []taken {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]taken(nil), d.taken...)
}

func ids() []jmap.Identity {
	return []jmap.Identity{{ID: "i1", Email: "ann@example.org"}, {ID: "i2", Email: "alias@example.org"}}
}

// rig is an outbox that runs.
type rig struct {
	*testing.T
	o    *Outbox
	d    *disk
	stop func()
}

// offers is Config.Offer.
func (d *disk) offers() func(context.Context) (Offer, error) {
	if d.offer == nil {
		return nil
	}
	return func(context.Context) (Offer, error) { return *d.offer, nil }
}

func openRig(t *testing.T, d *disk) *rig {
	t.Helper()
	o, err := Open(t.Context(), Config{Sender: d, Records: d, Stash: stash{d}, Identities: ids, Log: slog.New(slog.DiscardHandler), Offer: d.offers()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Run(ctx, d) }()
	r := &rig{T: t, o: o, d: d, stop: sync.OnceFunc(func() { cancel(); <-done })}
	t.Cleanup(r.stop)
	for {
		if _, leave, ok := o.enter(); ok {
			leave()
			return r
		}
	}
}

func create(cid string) jmap.SubmissionCreate {
	return jmap.SubmissionCreate{CreationID: jmap.CreationID(cid), IdentityID: "i1", EmailID: "e1"}
}

// sendOne creates one submission and returns what the client is told.
func (r *rig) sendOne(c jmap.SubmissionCreate) (*jmap.Submission, *jmap.SetError) {
	r.Helper()
	out, err := r.o.Set(r.Context(), &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{c}})
	if err != nil {
		r.Fatal(err)
	}
	if len(out.Created)+len(out.NotCreated) != 1 {
		r.Fatalf("answers to one create: %+v", out)
	}
	return out.Created[c.CreationID], out.NotCreated[c.CreationID]
}

// only is the one submission there is.
func (r *rig) only() jmap.Submission {
	r.Helper()
	list, _, _ := r.o.Get(nil)
	if len(list) != 1 {
		r.Fatalf("%d submissions, want 1", len(list))
	}
	return list[0]
}

func params(names ...string) map[string]*string {
	out := map[string]*string{}
	for i := 0; i < len(names); i += 2 {
		v := names[i+1]
		out[names[i]] = &v
	}
	return maps.Clone(out)
}
