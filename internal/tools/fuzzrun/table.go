package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is a row of the table.
type result struct {
	pkg, target string
	cpu         time.Duration
	execs       int // inputs tried
	corpus      int // inputs that reach different code, kept
	day         string
	failed      bool
}

// String is the row.
func (r result) String() string {
	said := "nothing"
	if r.failed {
		said = "**a failure**"
	}
	return fmt.Sprintf("| `%s` | %s | %.0f s | %d | %d | %s | %s |", r.pkg, r.target, r.cpu.Seconds(), r.execs, r.corpus, r.day, said)
}

var (
	counts = regexp.MustCompile(`execs: (\d+) .*total: (\d+)`)
	rowOf  = regexp.MustCompile("^\\| `([^`]+)` \\| (\\w+) \\| (\\d+) s \\| (\\d+) \\| (\\d+) \\| ([\\d-]+) \\| (.+) \\|$")
)

// take reads what a round says of itself.
func (r *result) take(out string) {
	m := counts.FindAllStringSubmatch(out, -1)
	if len(m) == 0 {
		return
	}
	last := m[len(m)-1]
	r.execs += number(last[1])
	r.corpus = number(last[2])
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // beyond an int: no such count
	}
	return n
}

// table is the file of results.
type table struct{ rows []result }

func readTable(path string) (*table, error) {
	t := new(table)
	if path == "" {
		return t, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if m := rowOf.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			t.rows = append(t.rows, result{pkg: m[1], target: m[2], cpu: time.Duration(number(m[3])) * time.Second,
				execs: number(m[4]), corpus: number(m[5]), day: m[6], failed: m[7] != "nothing"})
		}
	}
	return t, nil
}

// keep drops the rows of targets that are no more. Of packages that were not looked
// at the rows stay, unless gone says that the package is.
func (t *table) keep(targets []target, gone func(pkg string) bool) {
	t.rows = slices.DeleteFunc(t.rows, func(r result) bool {
		looked := slices.ContainsFunc(targets, func(f target) bool { return r.pkg == f.short() })
		return looked && !slices.ContainsFunc(targets, r.of) || !looked && gone(r.pkg)
	})
}

func (r result) of(f target) bool { return r.target == f.name && r.pkg == f.short() }

// short is the package as the table names it: its folder.
func (f target) short() string { return strings.TrimPrefix(f.pkg, "cofferdam/") }

// order puts targets without a row before those with one.
func (t *table) order(f target) int {
	return 1 + slices.IndexFunc(t.rows, func(r result) bool { return r.of(f) })
}

func (t *table) put(r result) {
	t.rows = slices.DeleteFunc(t.rows, func(x result) bool { return x.pkg == r.pkg && x.target == r.target })
	t.rows = append(t.rows, r)
	slices.SortFunc(t.rows, func(a, b result) int { return strings.Compare(a.pkg+" "+a.target, b.pkg+" "+b.target) })
}

// write writes the table anew.
func (t *table) write(path string, cpu time.Duration) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	var all time.Duration
	for _, r := range t.rows {
		all += r.cpu
	}
	fmt.Fprintf(&b, "# Fuzzing\n\n`make fuzz` runs each fuzz target for %v of CPU time (workers included) and writes this table; what it finds is kept in\n"+
		"`testdata/fuzz` of the package, where every run of the tests tries it again. %d targets, %.0f minutes of CPU time.\n\n"+
		"| package | target | CPU | inputs | kept as different | day | found |\n|---|---|--:|--:|--:|---|---|\n",
		cpu, len(t.rows), all.Minutes())
	for _, r := range t.rows {
		fmt.Fprintln(&b, r)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
