package cofferdam_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var dependencyRow = regexp.MustCompile("^\\| `([^`]+)` \\| (.+) \\|$")

// TestDependencies: docs/dependencies.md has a line with a reason for each module
// that our code imports, each tool that go.mod names and each package of
// web/package.json, and for nothing else.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if m := dependencyRow.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if slices.Contains(documented, m[1]) {
				t.Errorf("%s has two lines", m[1])
			}
			documented = append(documented, m[1])
		}
	}
	used := slices.Concat(importedModules(t), goTools(t), npmPackages(t, "web/package.json"))
	tests, err := filepath.Glob("e2e/*/package.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tests {
		used = append(used, npmPackages(t, path)...)
	}
	for _, name := range used {
		if !slices.Contains(documented, name) {
			t.Errorf("%s is used, but docs/dependencies.md gives no reason for it", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(used, name) {
			t.Errorf("docs/dependencies.md speaks of %s, which nothing uses", name)
		}
	}
}

// importedModules are the modules that our packages and their tests import.
func importedModules(t *testing.T) []string {
	t.Helper()
	args := []string{"list", "-e", "-deps", "-test", "-json=ImportPath,Imports,Module,Standard"}
	out, err := exec.Command("go", append(args, rooms...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]*listed{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for d.More() {
		p := new(listed)
		if err := d.Decode(p); err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
	var modules []string
	for _, p := range all {
		if !p.ours() || installed(p.ImportPath) {
			continue
		}
		for _, path := range p.Imports {
			if q := all[path]; q != nil && !q.ours() && q.Module != nil && !slices.Contains(modules, q.Module.Path) {
				modules = append(modules, q.Module.Path)
			}
		}
	}
	return modules
}

// goTools are the modules behind the tool lines of go.mod.
func goTools(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Module.Path}}", "tool").Output()
	if err != nil {
		t.Fatalf("go list tool: %v", err)
	}
	return strings.Fields(string(out))
}

func npmPackages(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var out []string
	for _, list := range []map[string]string{p.Dependencies, p.DevDependencies} {
		for name := range list {
			out = append(out, name)
		}
	}
	return out
}
