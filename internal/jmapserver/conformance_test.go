package jmapserver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// conformanceDocs are the RFCs that docs/conformance has a table for.
var conformanceDocs = []string{"rfc8620", "rfc8621", "rfc8887", "rfc9007", "rfc9404", "rfc9661"}

// conformanceRow is a row of docs/conformance: a sentence of an RFC and what
// shows it.
type conformanceRow struct {
	section, sentence string
	status            string // "shown", "client", "not applicable" or "open"
	pkg, test, sub    string // of a row that is shown
	note              string // what the test asserts, or why there is none
}

// conformanceRows reads a table, and fails on what is no row of one.
func conformanceRows(t *testing.T, doc string) (rows []conformanceRow) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance", doc+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(data), "\n|---|---|---|---|\n")
	if !ok || table == "" {
		t.Fatalf("%s has no table", doc)
	}
	shape := regexp.MustCompile(`^\| ([0-9.]+) \| (.+?) \| ([^|]+) \| (.+) \|$`)
	shown := regexp.MustCompile("^`(\\S+) ((?:Test|Fuzz)[A-Za-z0-9]+)(?:/(\\S+))?`$")
	for line := range strings.Lines(table) {
		m := shape.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			t.Errorf("%s: not a row: %s", doc, line)
			continue
		}
		r := conformanceRow{section: m[1], sentence: strings.ReplaceAll(m[2], `\|`, "|"), status: m[3], note: m[4]}
		if by := shown.FindStringSubmatch(m[3]); by != nil {
			r.status, r.pkg, r.test, r.sub = "shown", by[1], by[2], by[3]
		} else if r.status != "client" && r.status != "not applicable" && r.status != "open" {
			t.Errorf("%s %s: shown by %q, which is neither a test nor client, not applicable or open", doc, r.section, m[3])
		}
		rows = append(rows, r)
	}
	return rows
}

// TestConformanceRows fails on a row of docs/conformance that names a test which
// does not exist, and on two rows that say the same of one test: a test that
// shows two sentences asserts something for each.
func TestConformanceRows(t *testing.T) {
	for _, doc := range conformanceDocs {
		said := map[string]conformanceRow{}
		for _, r := range conformanceRows(t, doc) {
			if r.status != "shown" {
				continue
			}
			if !testExists(t, r.pkg, r.test, r.sub) {
				t.Errorf("%s %s: no test %s %s/%s", doc, r.section, r.pkg, r.test, r.sub)
			}
			claim := strings.Join([]string{r.pkg, r.test, r.sub, r.note}, " ")
			if other, twice := said[claim]; twice {
				t.Errorf("%s %s and %s: two sentences, and one thing that is asserted: %s", doc, other.section, r.section, claim)
			}
			said[claim] = r
		}
	}
}

// testExists looks for a function in the package, and for a case below
// TestCases or a subtest with a name of its own.
func testExists(t *testing.T, pkg, name, sub string) bool {
	dir := filepath.Join("..", "..", filepath.FromSlash(pkg))
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found, foundSub := false, sub == ""
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(string(data), "\nfunc "+name+"(")
		foundSub = foundSub || strings.Contains(string(data), `{"`+sub+`", `)
	}
	if name == "TestCases" {
		_, err := os.Stat(filepath.Join(dir, "testdata", filepath.FromSlash(sub)+".txtar"))
		foundSub = err == nil
	}
	return found && foundSub
}
