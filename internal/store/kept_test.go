package store_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

var update = flag.Bool("update", false, "make the kept database of the newest schema, if there is none")

const keptDir = "testdata/kept"

// keptUID and keptFence are in every kept database.
var (
	keptUID   = user.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	keptLogin = store.LoginID{0xaa}
	keptHash  = store.SessionHash{0xbb}
)

// TestKeptDatabases opens a database of each schema that was ever released:
// testdata/kept/NNNN.db, made when migration NNNN was the newest and never
// touched since. A new migration needs its own: run with -update, commit it.
func TestKeptDatabases(t *testing.T) {
	migrations, err := fs.Glob(os.DirFS("migrations"), "*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("migrations: %v, %v", migrations, err)
	}
	if *update {
		makeKept(t, keptPath(len(migrations)))
	}
	for n := 1; n <= len(migrations); n++ {
		t.Run(fmt.Sprintf("schema %d", n), func(t *testing.T) { checkKept(t, keptPath(n)) })
	}
}

func keptPath(n int) string { return filepath.Join(keptDir, fmt.Sprintf("%04d.db", n)) }

// makeKept writes a database with a row in every table; an existing file stays.
func makeKept(t *testing.T, path string) {
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := os.MkdirAll(keptDir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, at := t.Context(), time.Unix(1_760_000_000, 0)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.AddLogin(ctx, keptLogin, keptUID)
	must(err)
	must(s.PutSlot(ctx, store.Slot{UID: keptUID, Number: 1, Kind: 1, Generation: 1, Revision: 1, Sealed: []byte("slot")}))
	must(s.PutUserKeys(ctx, store.UserKeys{UID: keptUID, Generation: 1, Public: []byte("public"), SealedPrivate: []byte("private")}))
	must(s.AddSession(ctx, store.Session{Hash: keptHash, UID: keptUID, Kind: store.Cookie, Revision: 1, Epoch: 1, Sealed: []byte("envelope"), Label: []byte("label"), Created: at, LastSeen: at, Expires: at.Add(time.Hour)}))
	l, err := s.AcquireLease(ctx, store.Lease{UID: keptUID, Node: "node", Cell: "cell", Expires: at.Add(time.Hour)}, at, false)
	must(err)
	for revision := int64(1); revision <= 2; revision++ {
		_, err = s.Put(ctx, store.Batch{UID: keptUID, Class: "contacts", Fence: l.Fence,
			Writes: []store.Write{{ID: []byte("a"), Revision: revision, Generation: 1, Sealed: fmt.Appendf(nil, "record %d", revision)}},
			Root:   &store.Root{Counter: revision, Generation: 1, Sealed: []byte("root")}, ExpectRoot: revision - 1})
		must(err)
	}
	must(s.Checkpoint(ctx)) // one file, without a log beside it
	must(s.Close())
}

func checkKept(t *testing.T, kept string) {
	b, err := os.ReadFile(kept)
	if err != nil {
		t.Fatalf("no kept database of this schema (run with -update and commit it): %v", err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	if m, err := s.Login(ctx, keptLogin); err != nil || m.UID != keptUID || m.Generation != 1 {
		t.Errorf("login: %v, %v", m, err)
	}
	if slots, err := s.Slots(ctx, keptUID); err != nil || len(slots) != 1 || string(slots[0].Sealed) != "slot" {
		t.Errorf("slots: %v, %v", slots, err)
	}
	if k, err := s.UserKeys(ctx, keptUID); err != nil || string(k.Public) != "public" || string(k.SealedPrivate) != "private" {
		t.Errorf("user keys: %v, %v", k, err)
	}
	if x, err := s.Session(ctx, keptHash); err != nil || string(x.Sealed) != "envelope" || string(x.Label) != "label" || x.Created.Unix() != 1_760_000_000 {
		t.Errorf("session: %+v, %v", x, err)
	}
	if r, err := s.Get(ctx, keptUID, "contacts", []byte("a")); err != nil || r.Revision != 2 || string(r.Sealed) != "record 2" {
		t.Errorf("record: %+v, %v", r, err)
	}
	if ks, err := s.Kept(ctx, keptUID, "contacts", []byte("a"), 0, 10); err != nil || len(ks) != 1 || !bytes.Equal(ks[0].Sealed, []byte("record 1")) {
		t.Errorf("kept revisions: %v, %v", ks, err)
	}
	if r, err := s.Root(ctx, keptUID, "contacts"); err != nil || r.Counter != 2 {
		t.Errorf("root: %+v, %v", r, err)
	}
	if l, err := s.Lease(ctx, keptUID, time.Unix(1_760_000_001, 0)); err != nil || l.Fence != 1 || l.Cell != "cell" {
		t.Errorf("lease: %+v, %v", l, err)
	}
}
