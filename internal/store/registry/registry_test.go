package registry

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

const file = `
[[file]]
name = "x.db"
role = "keeper"
class = "sealed"
purpose = "p"
retention = "r"
threat = "t"
`

func column(table, name string) string {
	return "[[column]]\nstore = \"x.db\"\ntable = \"" + table + "\"\ncolumn = \"" + name + "\"\nclass = \"sealed\"\npurpose = \"p\"\nretention = \"r\"\n"
}

func TestCheck(t *testing.T) {
	c, err := sqlite.NewConnector(filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE a(b, c); CREATE TABLE sqlitely(d INTEGER PRIMARY KEY AUTOINCREMENT)"); err != nil {
		t.Fatal(err)
	}
	whole := file + column("a", "b") + column("a", "c") + column("sqlitely", "d")
	for name, c := range map[string]struct{ text, want string }{
		"whole":      {whole, ""},
		"undeclared": {file + column("a", "b") + column("sqlitely", "d"), "a.c is not declared"},
		"vanished":   {whole + column("gone", "e"), "gone.e is declared but does not exist"},
	} {
		r, err := parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Check(t.Context(), db, "x.db")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if !r.Declared("x.db") || !r.Declared("x.db-wal") || !r.Declared("x.db-shm") || r.Declared("y.db") {
			t.Errorf("%s: declared files", name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":   {file + "color = \"red\"\n", "color"},
		"missing field":   {strings.Replace(file, "retention = \"r\"\n", "", 1), "lacks a field"},
		"unknown class":   {strings.Replace(file, "\"sealed\"", "\"secret\"", 1), "of class"},
		"file twice":      {file + file, "twice"},
		"column twice":    {file + column("a", "b") + column("a", "b"), "twice"},
		"undeclared file": {column("a", "b"), "not declared"},
		"not TOML":        {"[", ""},
	} {
		_, err := parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Load("no/such/file"); err == nil {
		t.Error("a missing registry was read")
	}
}
