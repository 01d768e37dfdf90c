package sieve

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// corpus are the scripts of the shared corpus, by file name.
func corpus(t testing.TB) map[string]string {
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "corpus", "sieve", "files", "*"))
	if len(files) == 0 {
		t.Skipf("no Sieve scripts below %s (set COFFERDAM_SHARED)", dir)
	}
	out := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = string(data)
	}
	return out
}

// TestCorpus: scripts that other people's filters and test suites consist of are
// read, but for the two that were written to be no Sieve at all.
func TestCorpus(t *testing.T) {
	wrong := map[string]int{
		"pigeonhole--tests__compile__errors__parser.sieve": 15,
		"pigeonhole--tests__compile__errors__lexer.sieve":  12,
	}
	for name, src := range corpus(t) {
		_, err := Parse(src)
		e, _ := errors.AsType[*Error](err)
		switch line := wrong[name]; {
		case line == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case line > 0 && (e == nil || e.Line != line):
			t.Errorf("%s: %v, want an error in line %d", name, err, line)
		}
	}
}
