package vault

import (
	"os"
	"testing"

	"cofferdam/internal/store/registry"
)

func TestEveryColumnIsDeclared(t *testing.T) {
	r, err := registry.Load("../../docs/data-registry.toml")
	must(t, err)
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	must(t, v.Rekey(t.Context()))
	if err := r.Check(t.Context(), v.DB(), "vault.db"); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		if !r.Declared(f.Name()) {
			t.Errorf("file %s is not declared in the data registry", f.Name())
		}
	}
}
