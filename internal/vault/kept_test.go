package vault

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

var update = flag.Bool("update", false, "make the kept vault of the newest schema, if there is none")

// keptSlot is what a kept vault must still open.
type keptSlot struct {
	LoginID, UID, Header, Outer, UMK string // base64url
	Password                         string
}

// TestKeptVaults opens a vault of each schema that was ever released:
// testdata/kept/NNNN, made when migration NNNN was the newest and never touched
// since. A new migration needs its own: run with -update, commit it.
func TestKeptVaults(t *testing.T) {
	migrations, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("migrations: %v, %v", migrations, err)
	}
	dir := func(n int) string { return filepath.Join("testdata", "kept", fmt.Sprintf("%04d", n)) }
	if *update {
		makeKept(t, dir(len(migrations)))
	}
	for n := 1; n <= len(migrations); n++ {
		t.Run(fmt.Sprintf("schema %d", n), func(t *testing.T) { checkKept(t, dir(n)) })
	}
}

func makeKept(t *testing.T, dir string) {
	if _, err := os.Stat(dir); err == nil {
		return
	}
	must(t, os.MkdirAll(dir, 0o755))
	v := mustOpen(t, Config{Dir: dir})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "kept password")
	id, err := v.LoginID(t.Context(), "anna@example.org")
	must(t, err)
	_, _, err = v.CheckRoot(t.Context(), uid, "mail", 3, true)
	must(t, err)
	must(t, v.db.Checkpoint(t.Context()))
	must(t, v.Close())
	text, err := json.MarshalIndent(keptSlot{
		seal.EncodeBase64(id[:]), uid.String(), seal.EncodeBase64(s.header.Bytes()), seal.EncodeBase64(s.outer), seal.EncodeBase64(s.umk.Reveal()), "kept password",
	}, "", "  ")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "slot.json"), append(text, '\n'), 0o644))
}

func checkKept(t *testing.T, kept string) {
	dir := t.TempDir()
	for _, name := range []string{"vault.db", keyFileName} {
		b, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil {
			t.Fatalf("no kept vault of this schema (run with -update and commit it): %v", err)
		}
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	text, err := os.ReadFile(filepath.Join(kept, "slot.json"))
	must(t, err)
	var want keptSlot
	must(t, json.Unmarshal(text, &want))
	v := mustOpen(t, Config{Dir: dir})
	id, err := v.LoginID(t.Context(), "anna@example.org")
	if err != nil || seal.EncodeBase64(id[:]) != want.LoginID {
		t.Errorf("login id changed: %v", err)
	}
	uid, err := user.ParseID(want.UID)
	must(t, err)
	s := slot{}
	for text, read := range map[string]func([]byte) error{
		want.Header: func(b []byte) (err error) { s.header, err = seal.ParseSlotHeader(b); return err },
		want.Outer:  func(b []byte) error { s.outer = b; return nil },
		want.UMK:    func(b []byte) (err error) { s.umk, err = seal.ParseUMK(b); return err },
	} {
		b, err := seal.DecodeBase64(text)
		must(t, err)
		must(t, read(b))
	}
	s.mustOpen(t, v, uid, want.Password)
	if back, highest, err := v.CheckRoot(t.Context(), uid, "mail", 2, false); err != nil || !back || highest != 3 {
		t.Errorf("mirrored root: %t, %d, %v", back, highest, err)
	}
}
