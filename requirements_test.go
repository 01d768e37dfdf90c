package cofferdam_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"

	"cofferdam/internal/tools/requirements"
)

// TestRequirements: each requirement has a row in docs/requirements.md, and the
// tests that a row names exist. That they ran is checked by internal/tools/testrun.
func TestRequirements(t *testing.T) {
	f, err := os.Open("docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := requirements.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	for _, row := range rows {
		for _, test := range row.Tests {
			if known[test.Package] == nil {
				known[test.Package] = testsOf(t, test.Package)
			}
			if !known[test.Package][test.Name] {
				t.Errorf("R%d: %s does not exist", row.Number, test)
			}
		}
		for _, path := range row.Files {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("R%d: %v", row.Number, err)
			}
		}
	}
}

// testsOf lists the test functions of a package, whatever its build tags.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				out[f.Name.Name] = true
			}
		}
	}
	return out
}
