package records

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

func TestRecordsComeBack(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, list := mustOpen(t, f, k)
	if len(list) != 0 {
		t.Errorf("a new class has %v", list)
	}
	mustPut(t, c, "a", 1, "one")
	mustPut(t, c, "b", 1, "two")
	mustPut(t, c, "a", 2, "three")
	mustPut(t, c, "c", 1, "")
	if err := c.Delete(t.Context(), "b", 1); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "three", "c": ""}
	f.page = 1 // more than one page
	again, list := mustOpen(t, f, k)
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("read back (-want +got)\n%s", diff)
	}
	for name, c := range map[string]*Class{"writer": c, "reader": again} {
		entries, err := c.List(t.Context())
		if diff := cmp.Diff([]Entry{{"a", 2}, {"c", 1}}, entries); err != nil || diff != "" {
			t.Errorf("%s: list %v (-want +got)\n%s", name, err, diff)
		}
		r, err := c.Get(t.Context(), "a")
		if err != nil || string(r.Data) != "three" || r.Revision != 2 {
			t.Errorf("%s: Get = %+v, %v", name, r, err)
		}
		if _, err := c.Get(t.Context(), "b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: a deleted record: %v", name, err)
		}
		if len(c.Faults()) != 0 {
			t.Errorf("%s: faults %v", name, c.Faults())
		}
	}
	if f.mirror != f.root.Counter || len(f.faults) != 0 {
		t.Errorf("mirror %d, root %d, faults %v", f.mirror, f.root.Counter, f.faults)
	}
}

func TestKeeperLearnsNoIDs(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	mustPut(t, c, "a telling name", 1, "content")
	other, _ := mustOpen(t, newFake(), testKey(t))
	for id, r := range f.rows {
		if len(id) != 32 || bytes.Contains(r.Data, []byte("telling")) || bytes.Contains(r.Data, []byte("content")) {
			t.Errorf("stored id of %d bytes, data %q", len(id), r.Data)
		}
	}
	if bytes.Equal(c.ids.stored("a telling name"), other.ids.stored("a telling name")) {
		t.Error("one id for two people")
	}
}

func TestConflicts(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	mustPut(t, c, "a", 1, "one")
	mustPut(t, c, "gone", 1, "x")
	if err := c.Delete(t.Context(), "gone", 1); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"exists":           c.Put(t.Context(), "a", 1, nil),
		"skips":            c.Put(t.Context(), "a", 3, nil),
		"never was":        c.Put(t.Context(), "b", 2, nil),
		"id used again":    c.Put(t.Context(), "gone", 1, nil),
		"delete, outdated": c.Delete(t.Context(), "a", 2),
		"delete, no such":  c.Delete(t.Context(), "b", 1),
	} {
		if !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	mustPut(t, c, "a", 2, "two")
	if len(c.Faults()) != 0 {
		t.Errorf("faults %v", c.Faults())
	}
}

// Two windows on one class: each sees the other's writes by the root's conflict,
// and only a real conflict is one.
func TestTwoWriters(t *testing.T) {
	f, k := newFake(), testKey(t)
	one, _ := mustOpen(t, f, k)
	two, _ := mustOpen(t, f, k)
	mustPut(t, one, "a", 1, "by one")
	mustPut(t, two, "b", 1, "by two")
	mustPut(t, one, "c", 1, "by one")
	if err := two.Put(t.Context(), "a", 1, []byte("by two")); !errors.Is(err, ErrConflict) {
		t.Errorf("a record of the other's: %v", err)
	}
	_, list := mustOpen(t, f, k)
	if diff := cmp.Diff(map[string]string{"a": "by one", "b": "by two", "c": "by one"}, list); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(one.Faults())+len(two.Faults())+len(f.faults) != 0 {
		t.Errorf("faults %v, %v, %v", one.Faults(), two.Faults(), f.faults)
	}
}

func TestManyWritersAtOnce(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for revision := range int64(4) {
				if err := c.Put(t.Context(), fmt.Sprint(i), revision+1, []byte("x")); err != nil {
					t.Error(err)
				}
				if _, err := c.Get(t.Context(), fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
				c.Faults()
			}
		})
	}
	wg.Wait()
	c, list := mustOpen(t, f, k)
	if len(list) != 16 || len(c.Faults()) != 0 || f.root.Counter != 64 {
		t.Errorf("%d records, faults %v, counter %d", len(list), c.Faults(), f.root.Counter)
	}
}

// A reading during which the class is written begins anew.
func TestWrittenWhileItIsRead(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	for i := range 6 {
		mustPut(t, c, fmt.Sprint(i), 1, "x")
	}
	before := f.lists
	f.page = 2
	rows, root := f.state()
	mustPut(t, c, "late", 1, "x")
	later, laterRoot := f.state()
	f.restore(rows, root)
	f.mirror-- // the late write has not begun
	f.beforeList = func(n int) {
		if n == before+2 {
			f.rows, f.root, f.mirror = later, laterRoot, f.mirror+1
		}
	}
	again, list := mustOpen(t, f, k)
	if len(list) != 7 || len(again.Faults()) != 0 {
		t.Errorf("%d records, faults %v", len(list), again.Faults())
	}
	f.beforeList = func(int) { f.root = &ipc.ClassRoot{Counter: f.root.Counter + 1} } // without end
	if _, err := again.All(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("a class that never rests: %v", err)
	}
}

func TestLimits(t *testing.T) {
	c, _ := mustOpen(t, newFake(), testKey(t))
	for name, err := range map[string]error{
		"no id":       c.Put(t.Context(), "", 1, nil),
		"long id":     c.Put(t.Context(), strings.Repeat("x", MaxID+1), 1, nil),
		"our own id":  c.Put(t.Context(), noteID, 1, nil),
		"no revision": c.Put(t.Context(), "a", 0, nil),
		"large":       c.Put(t.Context(), "a", 1, make([]byte, MaxData+1)),
		"delete 0":    c.Delete(t.Context(), "a", 0),
	} {
		if !errors.Is(err, seal.ErrLimit) {
			t.Errorf("%s: %v, want a limit", name, err)
		}
	}
	if err := c.Put(t.Context(), strings.Repeat("x", MaxID), 1, make([]byte, MaxData)); err != nil {
		t.Errorf("the largest record: %v", err)
	}
}

func TestKeeperOutOfOrder(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	mustPut(t, c, "a", 1, "x")
	mustPut(t, c, "b", 1, "x")
	f.page = 1
	if _, _, err := Open(t.Context(), Config{Key: k, Keeper: endless{f}}); err == nil {
		t.Error("a list that never ends was read")
	}
}

// endless always answers the first page.
type endless struct{ *fake }

func (e endless) List(ctx context.Context, r ipc.RecordList) (ipc.RecordPage, error) {
	r.After = nil
	return e.fake.List(ctx, r)
}

func FuzzParseBody(f *testing.F) {
	k := ids{key: [32]byte{1}}
	f.Add(k.stored("a"), body("a", []byte("data")))
	f.Add([]byte{}, []byte{})
	f.Add(k.stored(noteID), body(noteID, nil))
	f.Fuzz(func(t *testing.T, stored, plain []byte) {
		id, data, err := k.parseBody(stored, plain)
		if err == nil && (!bytes.Equal(body(id, data), plain) || !bytes.Equal(k.stored(id), stored)) {
			t.Errorf("%q under %x gives %q, %q", plain, stored, id, data)
		}
	})
}
