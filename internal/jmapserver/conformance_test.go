package jmapserver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConformanceRows fails on a row of docs/conformance/rfc862[01].md that
// names a test which does not exist.
func TestConformanceRows(t *testing.T) {
	row := regexp.MustCompile("^\\| [0-9.]+ \\| .+ \\| `(\\S+) ((?:Test|Fuzz)[A-Za-z0-9]+)(?:/(\\S+))?` \\|$")
	for _, doc := range []string{"rfc8620.md", "rfc8621.md"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance", doc))
		if err != nil {
			t.Fatal(err)
		}
		_, table, ok := strings.Cut(string(data), "|---|---|---|\n")
		if !ok || table == "" {
			t.Fatalf("%s has no table", doc)
		}
		for line := range strings.Lines(table) {
			m := row.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				t.Errorf("%s: not a row: %s", doc, line)
				continue
			}
			if !testExists(t, m[1], m[2], m[3]) {
				t.Errorf("%s: no test %s %s/%s", doc, m[1], m[2], m[3])
			}
		}
	}
}

// testExists looks for a function in the package, and for a case below
// TestCases.
func testExists(t *testing.T, pkg, name, sub string) bool {
	dir := filepath.Join("..", "..", filepath.FromSlash(pkg))
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(string(data), "\nfunc "+name+"(")
	}
	if name == "TestCases" {
		_, err := os.Stat(filepath.Join(dir, "testdata", filepath.FromSlash(sub)+".txtar"))
		return found && err == nil
	}
	return found && sub == ""
}
