package records

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// fake is keeper, store and vault in memory, by the rules of keeper's
// takeRoot and store.Put.
type fake struct {
	mu     sync.Mutex
	rows   map[string]ipc.Record
	root   *ipc.ClassRoot
	mirror int64
	faults []ipc.RootFault // told by Put
	lists  int
	page   int // rows of a page; 0: as asked

	// Each is asked with the mutex held and may be nil.
	beforeList func(n int)           // n counts pages
	lose       func(put int) loss    // what becomes of the nth Put
	puts       int                   // calls of Put
	beforePut  func(p ipc.RecordPut) //
}

// loss is what goes wrong with a call.
type loss int

const (
	fine          loss = iota
	lostCall           // it never arrives
	lostMirror         // stored; keeper dies before it tells vault
	lostAnswer         // stored and mirrored; the answer is lost
	refusedFenced      // a newer lease exists
)

var errAway = ipc.Errorf(ipc.CodeUnavailable, "keeper does not answer")

func newFake() *fake { return &fake{rows: map[string]ipc.Record{}} }

// state is a copy of what the database holds.
func (f *fake) state() (rows map[string]ipc.Record, root *ipc.ClassRoot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows = map[string]ipc.Record{}
	for k, v := range f.rows {
		rows[k] = v
	}
	return rows, f.root
}

func (f *fake) restore(rows map[string]ipc.Record, root *ipc.ClassRoot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.root, f.rows = root, map[string]ipc.Record{}
	for k, v := range rows {
		f.rows[k] = v
	}
}

func (f *fake) List(_ context.Context, r ipc.RecordList) (ipc.RecordPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if f.beforeList != nil {
		f.beforeList(f.lists)
	}
	var p ipc.RecordPage
	limit := r.Limit
	if f.page > 0 {
		limit = f.page
	}
	var all []ipc.Record
	for _, row := range f.rows {
		if !row.Deleted && bytes.Compare(row.ID, r.After) > 0 {
			all = append(all, row)
		}
	}
	slices.SortFunc(all, func(a, b ipc.Record) int { return bytes.Compare(a.ID, b.ID) })
	p.Records, p.More = all[:min(limit, len(all))], len(all) > limit
	p.Root = f.root
	if len(r.After) == 0 {
		p.Mirror = f.mirror
	}
	return p, nil
}

func (f *fake) Get(_ context.Context, r ipc.RecordGet) (ipc.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row, ok := f.rows[string(r.ID)]
	if !ok {
		return ipc.Record{}, ipc.Errorf(ipc.CodeNotFound, "no such record")
	}
	return row, nil
}

func (f *fake) Put(_ context.Context, p ipc.RecordPut) (ipc.RecordMark, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	if f.beforePut != nil {
		f.beforePut(p)
	}
	what := fine
	if f.lose != nil {
		what = f.lose(f.puts)
	}
	switch what {
	case lostCall:
		return ipc.RecordMark{}, errAway
	case refusedFenced:
		return ipc.RecordMark{}, ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	}
	if err := f.store(p); err != nil {
		return ipc.RecordMark{}, err
	}
	if what == lostMirror {
		return ipc.RecordMark{}, errAway
	}
	f.mirror = max(f.mirror, p.Root.Root.Counter)
	if p.Root.Fault != "" {
		f.faults = append(f.faults, p.Root.Fault)
	}
	if what == lostAnswer {
		return ipc.RecordMark{}, errAway
	}
	return ipc.RecordMark{Change: int64(f.puts)}, nil
}

func (f *fake) store(p ipc.RecordPut) error {
	conflict := ipc.Errorf(ipc.CodeConflict, "the record changed since")
	if p.Root == nil {
		return ipc.Errorf(ipc.CodeInvalid, "a write to this class needs its root")
	}
	base, have := p.Root.Expect, int64(0)
	if p.Root.Fault != "" {
		base = max(base, f.mirror)
	}
	if f.root != nil {
		have = f.root.Counter
	}
	if p.Root.Root.Counter != base+1 || p.Root.Expect != have {
		return conflict
	}
	if r := p.Record; len(r.ID) > 0 {
		old, there := f.rows[string(r.ID)]
		if old.Deleted || there && old.Revision != r.Revision-1 || !there && r.Revision != 1 {
			return conflict
		}
		f.rows[string(r.ID)] = r
	}
	root := p.Root.Root
	f.root = &root
	return nil
}

func testKey(t *testing.T) seal.ClassKey {
	t.Helper()
	k, err := seal.NewUMK().ClassKey(user.NewID(), seal.ClassOutbox, 1)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// mustOpen opens a class and returns its records as id=data.
func mustOpen(t *testing.T, f *fake, k seal.ClassKey) (*Class, map[string]string) {
	t.Helper()
	c, list, err := Open(t.Context(), Config{Key: k, Keeper: f, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c, texts(list)
}

func texts(list []Record) map[string]string {
	out := map[string]string{}
	for _, r := range list {
		out[r.ID] = string(r.Data)
	}
	return out
}

func mustPut(t *testing.T, c *Class, id string, revision int64, data string) {
	t.Helper()
	if err := c.Put(t.Context(), id, revision, []byte(data)); err != nil {
		t.Fatalf("Put(%s, %d): %v", id, revision, err)
	}
}

func kinds(c *Class) []ipc.RootFault {
	var out []ipc.RootFault
	for _, f := range c.Faults() {
		out = append(out, f.Kind)
	}
	return out
}
