package sqlfile

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"modernc.org/sqlite"
)

const testApp = 0x43664454

func schema(sqls ...string) Schema {
	files := fstest.MapFS{}
	for i, s := range sqls {
		files["000"+string(rune('1'+i))+"-step.sql"] = &fstest.MapFile{Data: []byte(s)}
	}
	return Schema{testApp, files}
}

func mustOpen(t *testing.T, path string, s Schema) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *DB, q string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(q, args...); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func TestPragmas(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "a.db"), schema("CREATE TABLE x(a)"))
	for _, pool := range []*sql.DB{db.read, db.write} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "foreign_keys": "1", "secure_delete": "1", "synchronous": "2",
			"busy_timeout": "5000", "temp_store": "2", "trusted_schema": "0",
		} {
			var got string
			if err := pool.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
			}
		}
	}
	if _, err := db.Read().Exec("INSERT INTO x VALUES (1)"); err == nil {
		t.Error("a reading connection wrote")
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name?#%.db")
	db := mustOpen(t, path, schema("CREATE TABLE x(a)"))
	exec(t, db, "INSERT INTO x VALUES (1)")
	for _, p := range []string{path, path + "-wal"} {
		fi, err := os.Stat(p)
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", filepath.Base(p), fi, err)
		}
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	mustOpen(t, "rel?x.db", schema("CREATE TABLE x(a)"))
	if _, err := os.Stat("rel?x.db"); err != nil {
		t.Error(err)
	}
}

func TestMigrationsGoForward(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	one := "CREATE TABLE x(a); INSERT INTO x VALUES (7);"
	db := mustOpen(t, path, schema(one))
	db.Close()
	db = mustOpen(t, path, schema(one, "ALTER TABLE x ADD COLUMN b DEFAULT 8"))
	var a, b, version int
	if err := db.Read().QueryRow("SELECT a, b FROM x").Scan(&a, &b); err != nil || a != 7 || b != 8 {
		t.Errorf("after migration 2: %d, %d, %v", a, b, err)
	}
	if err := db.Read().QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 2 {
		t.Errorf("version %d, %v; want 2", version, err)
	}
	db.Close()
	if _, err := Open(t.Context(), path, schema(one)); !errors.Is(err, ErrNewer) {
		t.Errorf("an older program opened it: %v, want ErrNewer", err)
	}
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if _, err := Open(t.Context(), path, schema("CREATE TABLE x(a)", "CREATE TABLE y(a); CREATE TABLE x(a)")); err == nil {
		t.Fatal("a broken migration passed")
	}
	db := mustOpen(t, path, schema("CREATE TABLE x(a)"))
	var n int
	if err := db.Read().QueryRow("SELECT count(*) FROM sqlite_schema WHERE name='y'").Scan(&n); err != nil || n != 0 {
		t.Errorf("half a migration stayed: %d, %v", n, err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	mustOpen(t, path, schema("CREATE TABLE x(a)")).Close()
	other := schema("CREATE TABLE x(a)")
	other.ApplicationID++
	if _, err := Open(t.Context(), path, other); !errors.Is(err, ErrForeign) {
		t.Errorf("another store's file: %v, want ErrForeign", err)
	}
	c, err := sqlite.NewConnector(filepath.Join(t.TempDir(), "b.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE other(a)"); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db, testApp, []step{{1, "0001-x.sql", ""}}); !errors.Is(err, ErrForeign) {
		t.Errorf("another program's file: %v, want ErrForeign", err)
	}
}

func TestMigrationNames(t *testing.T) {
	for _, names := range [][]string{{}, {"0002-x.sql"}, {"0001-x.sql", "0003-x.sql"}, {"0001-a.sql", "0001-b.sql"}, {"1-x.sql"}, {"0001-x.sql", "README"}} {
		files := fstest.MapFS{}
		for _, n := range names {
			files[n] = &fstest.MapFile{}
		}
		if _, err := loadSteps(files); err == nil {
			t.Errorf("%v: accepted", names)
		}
	}
}

func TestWriteRollsBack(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "a.db"), schema("CREATE TABLE x(a)"))
	boom := errors.New("boom")
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO x VALUES (1)"); err != nil {
			return err
		}
		return boom
	})
	var n int
	if err2 := db.Read().QueryRow("SELECT count(*) FROM x").Scan(&n); !errors.Is(err, boom) || err2 != nil || n != 0 {
		t.Errorf("%v, %v, %d rows; want boom and none", err, err2, n)
	}
}

func TestWaitingWriterHeedsItsContext(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "a.db"), schema("CREATE TABLE x(a)"))
	err := db.Write(t.Context(), func(*sql.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return db.Write(ctx, func(*sql.Tx) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("second writer: %v, want context.Canceled", err)
	}
}

// Deleted content must be gone from the file and, after Checkpoint, from the log.
func TestDeletedContentIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := mustOpen(t, path, schema("CREATE TABLE x(a)"))
	canary := "canary-" + strings.Repeat("4d8f", 8)
	exec(t, db, "INSERT INTO x VALUES (?)", canary)
	if !onDisk(t, path, canary) {
		t.Fatal("the canary is not found before the deletion: the test sees nothing")
	}
	exec(t, db, "DELETE FROM x")
	if err := db.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if onDisk(t, path, canary) {
		t.Error("deleted content is still on the disk")
	}
}

func onDisk(t *testing.T, path, s string) bool {
	t.Helper()
	for _, p := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(s)) {
			return true
		}
	}
	return false
}
