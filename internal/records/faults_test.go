package records

import (
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// history is a class with an older and a newer state.
type history struct {
	f                *fake
	k                seal.ClassKey
	oldRows, newRows map[string]ipc.Record
	oldRoot, newRoot *ipc.ClassRoot
	a, b, gone       string // stored ids
}

func newHistory(t *testing.T) history {
	h := history{f: newFake(), k: testKey(t)}
	c, _ := mustOpen(t, h.f, h.k)
	mustPut(t, c, "a", 1, "old a")
	mustPut(t, c, "b", 1, "b")
	mustPut(t, c, "gone", 1, "deleted later")
	h.oldRows, h.oldRoot = h.f.state()
	mustPut(t, c, "a", 2, "new a")
	if err := c.Delete(t.Context(), "gone", 1); err != nil {
		t.Fatal(err)
	}
	h.newRows, h.newRoot = h.f.state()
	h.a, h.b, h.gone = string(c.ids.stored("a")), string(c.ids.stored("b")), string(c.ids.stored("gone"))
	return h
}

// TestTampering is what somebody who can write the database can do to a class.
// Each is reported once, keeps what opens readable, loses nothing, and leaves the
// class in use.
func TestTampering(t *testing.T) {
	newest := map[string]string{"a": "new a", "b": "b"}
	for name, row := range map[string]struct {
		do   func(h *history)
		want []ipc.RootFault
		list map[string]string
	}{
		"a row set back": {func(h *history) { h.f.rows[h.a] = h.oldRows[h.a] }, []ipc.RootFault{ipc.FaultRows}, map[string]string{"a": "old a", "b": "b"}},
		"a row taken out": {func(h *history) { delete(h.f.rows, h.b) }, []ipc.RootFault{ipc.FaultRows},
			map[string]string{"a": "new a"}},
		"a deleted row put back": {func(h *history) { h.f.rows[h.gone] = h.oldRows[h.gone] }, []ipc.RootFault{ipc.FaultRows},
			map[string]string{"a": "new a", "b": "b", "gone": "deleted later"}},
		"the root set back":      {func(h *history) { h.f.root = h.oldRoot }, []ipc.RootFault{ipc.FaultRolledBack, ipc.FaultRows}, newest},
		"the root taken out":     {func(h *history) { h.f.root = nil }, []ipc.RootFault{ipc.FaultRolledBack, ipc.FaultRoot}, newest},
		"the root's counter set": {func(h *history) { h.f.root = &ipc.ClassRoot{Counter: 77, Generation: 1, Sealed: h.newRoot.Sealed} }, []ipc.RootFault{ipc.FaultRoot}, newest},
		"all of it set back": {func(h *history) { h.f.rows, h.f.root = h.oldRows, h.oldRoot }, []ipc.RootFault{ipc.FaultRolledBack},
			map[string]string{"a": "old a", "b": "b", "gone": "deleted later"}},
		"all of it taken out": {func(h *history) { clear(h.f.rows); h.f.root = nil }, []ipc.RootFault{ipc.FaultRolledBack}, map[string]string{}},
		"a row that does not open": {func(h *history) {
			r := h.f.rows[h.b]
			r.Data = append([]byte(nil), r.Data...)
			r.Data[len(r.Data)-1] ^= 1
			h.f.rows[h.b] = r
		}, []ipc.RootFault{ipc.FaultUnreadable}, map[string]string{"a": "new a"}},
		"a strange row": {func(h *history) {
			h.f.rows["x"] = ipc.Record{ID: []byte("x"), Revision: 9, Generation: 1, Data: []byte("x")}
		},
			[]ipc.RootFault{ipc.FaultRows, ipc.FaultUnreadable}, newest},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			row.do(&h)
			checkTampered(t, &h, row.want, maps.Clone(row.list))
		})
	}
}

func checkTampered(t *testing.T, h *history, want []ipc.RootFault, list map[string]string) {
	before, _ := h.f.state()
	var text strings.Builder
	c, got, err := Open(t.Context(), Config{Key: h.k, Keeper: h.f, Log: slog.New(slog.NewTextHandler(&text, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, texts(got)); diff != "" {
		t.Errorf("readable (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want, kinds(c)); diff != "" {
		t.Errorf("shown to the person (-want +got)\n%s", diff)
	}
	if n := strings.Count(text.String(), "level=ERROR"); n != len(want) || !strings.Contains(text.String(), "uid="+h.k.UID().String()) {
		t.Errorf("%d errors in the log, want %d:\n%s", n, len(want), text.String())
	}
	if diff := cmp.Diff(want[:1], h.f.faults); diff != "" {
		t.Errorf("told to keeper (-want +got)\n%s", diff)
	}
	for id := range before { // nothing is lost
		if _, there := h.f.rows[id]; !there {
			t.Errorf("a row is gone")
		}
	}
	mustPut(t, c, "new", 1, "after") // the class is in use
	list["new"] = "after"
	again, later := mustOpen(t, h.f, h.k)
	if diff := cmp.Diff(list, later); diff != "" {
		t.Errorf("the next time (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want, kinds(again)); diff != "" || len(h.f.faults) != 1 {
		t.Errorf("reported again: %v, or no more shown (-want +got)\n%s", h.f.faults, diff)
	}
	if err := again.Acknowledge(t.Context()); err != nil || len(again.Faults()) != 0 {
		t.Errorf("Acknowledge: %v, left %v", err, again.Faults())
	}
	if last, _ := mustOpen(t, h.f, h.k); len(last.Faults()) != 0 || len(h.f.faults) != 1 {
		t.Errorf("shown after it was acknowledged: %v, %v", last.Faults(), h.f.faults)
	}
}

// A rollback under a running cell is seen at its next write or read.
func TestRollbackUnderARunningCell(t *testing.T) {
	h := newHistory(t)
	c, _ := mustOpen(t, h.f, h.k)
	h.f.restore(h.oldRows, h.oldRoot)
	if err := c.Put(t.Context(), "a", 3, []byte("newest")); !errors.Is(err, ErrConflict) {
		t.Errorf("a write over a record that was set back: %v, want a conflict", err)
	}
	if diff := cmp.Diff([]ipc.RootFault{ipc.FaultRolledBack}, kinds(c)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	mustPut(t, c, "a", 2, "newest")

	h = newHistory(t)
	c, _ = mustOpen(t, h.f, h.k)
	h.f.rows[h.a] = h.oldRows[h.a]
	if r, err := c.Get(t.Context(), "a"); err != nil || string(r.Data) != "old a" {
		t.Errorf("Get = %+v, %v", r, err)
	}
	if diff := cmp.Diff([]ipc.RootFault{ipc.FaultRows}, kinds(c)); diff != "" {
		t.Errorf("read (-want +got)\n%s", diff)
	}
}

// TestHonestCrashes: whatever call or process dies at whatever point, no alarm is
// raised, an acknowledged write is there, and the mirror catches up.
func TestHonestCrashes(t *testing.T) {
	for name, what := range map[string]loss{"the call is lost": lostCall, "keeper dies before vault": lostMirror, "the answer is lost": lostAnswer} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, k := newFake(), testKey(t)
				c, _ := mustOpen(t, f, k)
				mustPut(t, c, "a", 1, "one")
				// Once: the same cell goes on.
				once := f.puts + 1
				f.lose = func(n int) loss {
					if n == once {
						return what
					}
					return fine
				}
				mustPut(t, c, "a", 2, "two")
				once = f.puts + 1
				if err := c.Delete(t.Context(), "a", 2); err != nil {
					t.Fatal(err)
				}
				if len(f.faults) != 0 || len(c.Faults()) != 0 || f.mirror != f.root.Counter {
					t.Errorf("faults %v and %v; mirror %d, root %d", f.faults, c.Faults(), f.mirror, f.root.Counter)
				}
				// For good: the cell dies too, and its successor reads.
				f.lose = func(int) loss { return what }
				if err := c.Put(t.Context(), "b", 1, []byte("unsure")); err == nil && what != lostAnswer && what != lostMirror {
					t.Error("a lost write was acknowledged")
				}
				f.lose = nil
				next, _ := mustOpen(t, f, k)
				if len(f.faults) != 0 || len(next.Faults()) != 0 || f.mirror != f.root.Counter {
					t.Errorf("the successor: faults %v and %v; mirror %d, root %d", f.faults, next.Faults(), f.mirror, f.root.Counter)
				}
			})
		})
	}
}

// What was seen by a reader cannot be set back unseen, even when its writer died
// before the mirror moved.
func TestMirrorCatchesUpBeforeAnybodyRelies(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	mustPut(t, c, "a", 1, "one")
	rows, root := f.state()
	f.lose = func(int) loss { return lostMirror }
	w := sending{logical: "a"}
	var err error
	if w.record, err = c.seal("a", 2, []byte("two")); err != nil {
		t.Fatal(err)
	}
	_ = c.send(t.Context(), w) // keeper dies, and the cell with it
	f.lose = nil
	if _, list := mustOpen(t, f, k); list["a"] != "two" {
		t.Fatalf("read %v", list)
	}
	f.restore(rows, root)
	if again, _ := mustOpen(t, f, k); len(again.Faults()) == 0 {
		t.Error("a rollback of what was read is not reported")
	}
}

// A report that could not be stored is shown all the same, and stored later, once.
func TestReportWaitsForKeeper(t *testing.T) {
	h := newHistory(t)
	h.f.restore(h.oldRows, h.oldRoot)
	h.f.lose = func(int) loss { return lostCall }
	c, list := mustOpen(t, h.f, h.k)
	if list["a"] != "old a" || len(c.Faults()) != 1 {
		t.Fatalf("%v, faults %v", list, c.Faults())
	}
	h.f.lose = nil
	mustPut(t, c, "new", 1, "x")
	again, _ := mustOpen(t, h.f, h.k)
	if len(again.Faults()) != 1 || len(h.f.faults) != 1 || len(c.Faults()) != 1 {
		t.Errorf("faults %v, told %v", again.Faults(), h.f.faults)
	}
}

func TestFencedWriterStops(t *testing.T) {
	f, k := newFake(), testKey(t)
	c, _ := mustOpen(t, f, k)
	f.lose = func(int) loss { return refusedFenced }
	if err := c.Put(t.Context(), "a", 1, nil); ipc.CodeOf(err) != ipc.CodeFenced || f.puts != 1 {
		t.Errorf("%v after %d calls, want one refusal", err, f.puts)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	h := newHistory(t)
	for n := range maxFaults + 5 {
		if n%2 == 0 {
			delete(h.f.rows, h.b)
		} else {
			h.f.rows[h.b] = h.newRows[h.b]
		}
		c, _ := mustOpen(t, h.f, h.k)
		if got, want := len(c.Faults()), min(n+1, maxFaults); got != want {
			t.Fatalf("%d faults shown after %d, want %d", got, n+1, want)
		}
	}
	if len(h.f.faults) != maxFaults+5 {
		t.Errorf("%d faults told to keeper, want each", len(h.f.faults))
	}
}
