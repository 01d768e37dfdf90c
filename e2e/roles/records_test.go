package roles_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"cofferdam/internal/ipc"
	"cofferdam/internal/records"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// line is records.Keeper as a cell has it.
type line struct {
	c          *ipc.Client
	capability []byte
}

func (l line) List(ctx context.Context, r ipc.RecordList) (ipc.RecordPage, error) {
	r.Capability = l.capability
	return ipc.Call[ipc.RecordPage](ctx, l.c, ipc.KeeperRecordList, r)
}

func (l line) Get(ctx context.Context, r ipc.RecordGet) (ipc.Record, error) {
	r.Capability = l.capability
	return ipc.Call[ipc.Record](ctx, l.c, ipc.KeeperRecordGet, r)
}

func (l line) Put(ctx context.Context, r ipc.RecordPut) (ipc.RecordMark, error) {
	r.Capability = l.capability
	return ipc.Call[ipc.RecordMark](ctx, l.c, ipc.KeeperRecordPut, r)
}

// config is what a cell opens a class with: the keys that keeper handed it.
func (h *house) config(g ipc.Grant, class seal.Class) records.Config {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, p := range h.people {
		uid, err := user.IDFromBytes(p.UID)
		if err != nil {
			h.t.Fatal(err)
		}
		i := slices.IndexFunc(p.Keys, func(k ipc.ClassKey) bool { return k.Class == string(class) })
		if i < 0 || key != g.Cell+string(g.Session) {
			continue
		}
		k, err := seal.ParseClassKey(uid, class, p.Keys[i].Generation, p.Keys[i].Key)
		if err != nil {
			h.t.Fatal(err)
		}
		return records.Config{Key: k, Keeper: line{h.cells[g.Cell], g.Capability}, Log: slog.New(slog.DiscardHandler)}
	}
	h.t.Fatal("the cell was handed no key")
	return records.Config{}
}

// class opens a class and returns its records as id=data.
func (h *house) class(cfg records.Config) (*records.Class, map[string]string) {
	h.t.Helper()
	c, list, err := records.Open(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range list {
		out[r.ID] = string(r.Data)
	}
	return c, out
}

func (h *house) write(c *records.Class, id string, revision int64, data string) {
	h.t.Helper()
	if err := c.Put(h.t.Context(), id, revision, []byte(data)); err != nil {
		h.t.Fatalf("writing %s at %d: %v", id, revision, err)
	}
}

// sql changes keeper's database behind its back, as somebody with the disk could.
func (h *house) sql(query string) {
	h.t.Helper()
	h.sqlIn("k.db", query)
}

func (h *house) sqlIn(file, query string) {
	h.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, file)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

// saveDatabase and restoreDatabase copy keeper's files while it is stopped; vault
// runs on.
func (h *house) saveDatabase() map[string][]byte {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "k.db*"))
	if err != nil || len(files) == 0 {
		h.t.Fatalf("files %v, %v", files, err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		if out[f], err = os.ReadFile(f); err != nil {
			h.t.Fatal(err)
		}
	}
	return out
}

func (h *house) restoreDatabase(saved map[string][]byte) {
	h.t.Helper()
	files, _ := filepath.Glob(filepath.Join(h.dir, "k.db*"))
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			h.t.Fatal(err)
		}
	}
	for f, data := range saved {
		if err := os.WriteFile(f, data, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

func faults(c *records.Class) []ipc.RootFault {
	var out []ipc.RootFault
	for _, f := range c.Faults() {
		out = append(out, f.Kind)
	}
	return out
}

func wantFaults(t *testing.T, what string, c *records.Class, want ...ipc.RootFault) {
	t.Helper()
	if diff := cmp.Diff(want, faults(c)); diff != "" {
		t.Errorf("%s: reported to the person (-want +got)\n%s", what, diff)
	}
}

// TestSealedClass is a class over real lines: what is written is there for the
// next session, keeper's database shows no id, and a session that comes to the
// same cell works on the same records.
func TestSealedClass(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	cfg := h.config(ada.Grant, seal.ClassContacts)
	c, list := h.class(cfg)
	if len(list) != 0 {
		t.Fatalf("a new person has %v", list)
	}
	h.write(c, "telling-name", 1, "one")
	h.write(c, "telling-name", 2, "two")
	h.write(c, "other", 1, "x")
	if err := c.Delete(t.Context(), "other", 1); err != nil {
		t.Fatal(err)
	}
	second := h.mustSignIn(0) // another session of the person, in the same cell
	cfg.Keeper = line{h.cells[second.Grant.Cell], second.Grant.Capability}
	d, list := h.class(cfg)
	if diff := cmp.Diff(map[string]string{"telling-name": "two"}, list); diff != "" {
		t.Errorf("the other session (-want +got)\n%s", diff)
	}
	h.write(d, "telling-name", 3, "by the second")
	if err := c.Put(t.Context(), "telling-name", 3, []byte("by the first")); !errors.Is(err, records.ErrConflict) {
		t.Errorf("both wrote revision 3: %v", err)
	}
	h.write(c, "telling-name", 4, "by the first")
	h.write(d, "third", 1, "x")
	wantFaults(t, "two sessions", c)
	wantFaults(t, "two sessions", d)
	done := make(chan error, 1)
	go func() { // a class that is written while others open it looks rolled back to none
		var err error
		for i := range 20 {
			err = errors.Join(err, c.Put(t.Context(), fmt.Sprint("n", i), 1, nil))
		}
		done <- err
	}()
	for range 10 {
		e, _ := h.class(cfg)
		wantFaults(t, "opened under writes", e)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	for f, data := range h.saveDatabase() {
		if bytes.Contains(data, []byte("telling-name")) {
			t.Errorf("%s holds a record's id", filepath.Base(f))
		}
	}
	_, err := ipc.Call[ipc.RecordMark](t.Context(), h.cells[ada.Grant.Cell], ipc.KeeperRecordPut, ipc.RecordPut{Auth: ipc.Auth{Capability: ada.Grant.Capability},
		Record: ipc.Record{Class: "contacts", ID: []byte("x"), Revision: 1, Generation: 1, Data: []byte("x")}})
	wantCode(t, "a record without its root", err, ipc.CodeInvalid)
	for name, w := range map[string]ipc.RootWrite{
		"a counter that jumps":         {Root: ipc.ClassRoot{Counter: 1 << 40, Generation: 1, Sealed: []byte("x")}, Expect: 99},
		"a fault does not let it jump": {Root: ipc.ClassRoot{Counter: 1 << 40, Generation: 1, Sealed: []byte("x")}, Expect: 99, Fault: ipc.FaultRows},
		"an older root":                {Root: ipc.ClassRoot{Counter: 3, Generation: 1, Sealed: []byte("x")}, Expect: 2},
	} {
		_, err := (line{h.cells[ada.Grant.Cell], ada.Grant.Capability}).Put(t.Context(), ipc.RecordPut{Record: ipc.Record{Class: "contacts"}, Root: &w})
		wantCode(t, name, err, ipc.CodeConflict)
	}
	w := ipc.RootWrite{Root: ipc.ClassRoot{Counter: 1, Generation: 1, Sealed: []byte("x")}}
	_, err = (line{h.cells[ada.Grant.Cell], ada.Grant.Capability}).Put(t.Context(), ipc.RecordPut{Record: ipc.Record{Class: "mail"}, Root: &w})
	wantCode(t, "a root of a derived class", err, ipc.CodeInvalid)
}

// TestTamperedDatabase changes keeper's database under running roles: each change
// is reported, what opens stays readable, and the class stays in use.
func TestTamperedDatabase(t *testing.T) {
	h := newHouse(t)
	people := []ipc.SignedIn{h.mustSignIn(0), h.mustSignIn(1)}
	for name, row := range map[string]struct {
		person int
		class  seal.Class
		do     string // SQL with %[1]s for the rows of this person and class
		want   []ipc.RootFault
		list   map[string]string
	}{
		"a row set back": {0, seal.ClassContacts,
			`UPDATE records SET (revision, sealed) = (SELECT revision, sealed FROM kept_revisions k WHERE k.uid = records.uid AND k.class = records.class AND k.id = records.id)
				WHERE %[1]s AND revision = 2`,
			[]ipc.RootFault{ipc.FaultRows}, map[string]string{"a": "old", "b": "b"}},
		"a row taken out": {0, seal.ClassSettings, "DELETE FROM records WHERE %[1]s AND revision = 1",
			[]ipc.RootFault{ipc.FaultRows}, map[string]string{"a": "new"}},
		"the root set back": {0, seal.ClassOutbox,
			"UPDATE classes SET (root_counter, root_sealed) = (SELECT root_counter, root_sealed FROM saved WHERE %[1]s) WHERE %[1]s",
			[]ipc.RootFault{ipc.FaultRolledBack, ipc.FaultRows}, map[string]string{"a": "new", "b": "b"}},
		"a row that does not open": {1, seal.ClassContacts, "UPDATE records SET sealed = zeroblob(length(sealed)) WHERE %[1]s AND revision = 1",
			[]ipc.RootFault{ipc.FaultUnreadable}, map[string]string{"a": "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := h.config(people[row.person].Grant, row.class)
			c, _ := h.class(cfg)
			h.write(c, "a", 1, "old")
			h.write(c, "b", 1, "b")
			h.sql("DROP TABLE IF EXISTS saved; CREATE TABLE saved AS SELECT * FROM classes")
			h.write(c, "a", 2, "new")
			h.sql(fmt.Sprintf(row.do, fmt.Sprintf("(uid = x'%s' AND class = '%s')", cfg.Key.UID().Hex(), row.class)))
			c, list := h.class(cfg)
			if diff := cmp.Diff(row.list, list); diff != "" {
				t.Errorf("readable (-want +got)\n%s", diff)
			}
			wantFaults(t, name, c, row.want...)
			h.write(c, "after", 1, "x")
			if again, _ := h.class(cfg); len(again.Faults()) != len(row.want) {
				t.Errorf("the next time %v is shown", again.Faults())
			}
		})
	}
}

// TestOlderDatabase restores an older database file, rows and root alike, under a
// running vault.
func TestOlderDatabase(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	cfg := h.config(ada.Grant, seal.ClassContacts)
	c, _ := h.class(cfg)
	h.write(c, "a", 1, "old")
	h.stops["keeper"]()
	older := h.saveDatabase()
	h.start("keeper")
	h.write(c, "a", 2, "new")
	h.write(c, "b", 1, "b")
	h.stops["keeper"]()
	newer := h.saveDatabase()
	h.restoreDatabase(older)
	h.start("keeper")

	next, list := h.class(cfg)
	if diff := cmp.Diff(map[string]string{"a": "old"}, list); diff != "" {
		t.Errorf("readable (-want +got)\n%s", diff)
	}
	wantFaults(t, "a cell that opens the class", next, ipc.FaultRolledBack)
	if err := c.Put(t.Context(), "a", 3, []byte("newer")); !errors.Is(err, records.ErrConflict) {
		t.Errorf("a running cell's write over it: %v", err)
	}
	wantFaults(t, "a running cell", c, ipc.FaultRolledBack) // by what next wrote down
	h.write(next, "c", 1, "x")

	h.stops["keeper"]() // the operator finds the right copy: nothing is lost
	h.restoreDatabase(newer)
	h.start("keeper")
	last, list := h.class(cfg)
	if diff := cmp.Diff(map[string]string{"a": "new", "b": "b"}, list); diff != "" {
		t.Errorf("restored (-want +got)\n%s", diff)
	}
	wantFaults(t, "restored again", last, ipc.FaultRolledBack)
}

// TestHonestCrashesOfRoles: keeper or vault dies at the worst points of a write.
// Nothing is reported, and what was acknowledged is there.
func TestHonestCrashesOfRoles(t *testing.T) {
	h := newHouse(t)
	cfg := h.config(h.mustSignIn(0).Grant, seal.ClassContacts)
	c, _ := h.class(cfg)
	h.write(c, "a", 1, "one")

	// Stored, and keeper dies before vault's mirror moves.
	h.write(c, "a", 2, "two")
	h.sqlIn("vault.db", "UPDATE roots SET counter = counter - 1 WHERE class = 'contacts'")
	older, list := h.class(cfg)
	wantFaults(t, "a root that is ahead of its mirror", older)
	h.sql("UPDATE classes SET root_counter = root_counter - 1 WHERE class = 'contacts'")
	if next, _ := h.class(cfg); len(next.Faults()) == 0 || list["a"] != "two" {
		t.Error("the mirror did not catch up with what was read")
	}
	h = newHouse(t)
	cfg = h.config(h.mustSignIn(0).Grant, seal.ClassContacts)
	c, _ = h.class(cfg)

	// Vault is away: what it does not know of is not acknowledged.
	h.stops["vault"]()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	if err := c.Put(ctx, "unsure", 1, []byte("x")); err == nil {
		t.Error("a write that vault does not know of was acknowledged")
	}
	cancel()
	h.restart("vault", "keeper")
	time.Sleep(100 * time.Millisecond) // keeper gives it the epoch keys back

	saved, wrote := map[string]string{}, make(chan error, 1)
	go func() { // writes go on while keeper dies and comes back
		for i := range 20 {
			id := fmt.Sprint("n", i)
			if err := c.Put(t.Context(), id, 1, []byte("x")); err != nil {
				wrote <- fmt.Errorf("%s: %w", id, err)
				return
			}
			saved[id] = "x"
		}
		wrote <- nil
	}()
	for range 3 {
		time.Sleep(20 * time.Millisecond)
		h.restart("keeper")
	}
	if err := <-wrote; err != nil {
		t.Errorf("a write under restarts of keeper: %v", err)
	}
	next, list := h.class(cfg)
	for id := range saved {
		if list[id] != "x" {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	wantFaults(t, "after restarts", c)
	wantFaults(t, "after restarts, a successor", next)
}

// TestOldFenceWritesNoClass: a cell that lost the person writes nothing, and is
// not what the new owner finds fault with.
func TestOldFenceWritesNoClass(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	cfg := h.config(ada.Grant, seal.ClassContacts)
	old, _ := h.class(cfg)
	h.write(old, "a", 1, "one")
	h.mu.Lock()
	h.refuse = true
	h.mu.Unlock()
	g, err := h.openSession(ada.Key, ada.Grant.Capability)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the old owner", old.Put(t.Context(), "a", 2, []byte("old")), ipc.CodeFenced)
	cfg.Keeper = line{h.cells[g.Cell], g.Capability}
	c, list := h.class(cfg)
	if list["a"] != "one" {
		t.Errorf("the new owner reads %v", list)
	}
	h.write(c, "a", 2, "two")
	wantFaults(t, "the new owner", c)
}

// BenchmarkSealedWrite is one write with root, mirror and all, over real lines.
func BenchmarkSealedWrite(b *testing.B) {
	h := newHouse(b)
	c, _ := h.class(h.config(h.mustSignIn(0).Grant, seal.ClassContacts))
	revision := int64(0)
	for b.Loop() {
		revision++
		h.write(c, "a", revision, "content")
	}
}
