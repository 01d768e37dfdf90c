package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"cofferdam/internal/store"
	"cofferdam/internal/store/registry"
)

func TestEveryColumnIsDeclared(t *testing.T) {
	r, err := registry.Load("../../docs/data-registry.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "cofferdam.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := r.Check(t.Context(), s.DB(), "cofferdam.db"); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !r.Declared(f.Name()) {
			t.Errorf("file %s is not declared in the data registry", f.Name())
		}
	}
}
