package main

import (
	"path/filepath"
	"testing"
	"time"
)

// TestTable: a table that was written is read back, rows of targets that are gone
// are dropped, and those without a row come first.
func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fuzz.md")
	var tab table
	r := result{pkg: "internal/x", target: "FuzzB", day: "2026-01-02"}
	r.take("fuzz: elapsed: 3s, execs: 10 (3/sec), new interesting: 1 (total: 7)\nfuzz: elapsed: 6s, execs: 25 (5/sec), new interesting: 2 (total: 8)\n")
	r.cpu = 90 * time.Second
	tab.put(r)
	tab.put(result{pkg: "internal/x", target: "FuzzA", failed: true, day: "2026-01-02"})
	tab.put(r)
	if err := tab.write(path, time.Minute); err != nil {
		t.Fatal(err)
	}
	got, err := readTable(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.rows) != 2 || got.rows[1] != r || !got.rows[0].failed {
		t.Fatalf("read back %+v", got.rows)
	}
	b := target{pkg: "cofferdam/internal/x", name: "FuzzB"}
	if fresh := (target{pkg: "cofferdam/internal/x", name: "FuzzC"}); got.order(fresh) >= got.order(b) {
		t.Error("a target without a row does not come first")
	}
	got.put(result{pkg: "internal/y", target: "FuzzD"})
	got.put(result{pkg: "internal/z", target: "FuzzE"})
	got.keep([]target{b}, func(pkg string) bool { return pkg == "internal/z" })
	if len(got.rows) != 2 || got.rows[1].pkg != "internal/y" {
		t.Errorf("kept %+v, want those of a package that was not looked at", got.rows)
	}
	if got.keep([]target{b}, func(string) bool { return true }); len(got.rows) != 1 || got.rows[0].target != "FuzzB" {
		t.Errorf("kept %+v, want FuzzB alone", got.rows)
	}
}

// TestEndOfTime: only the one false failure of Go's is overlooked.
func TestEndOfTime(t *testing.T) {
	for out, want := range map[string]bool{
		"fuzz: elapsed: 2s, execs: 1 (1/sec)\n--- FAIL: FuzzA (2.01s)\n    context deadline exceeded\nFAIL\n": true,
		"--- FAIL: FuzzA (2.01s)\n    panic: index out of range\nFAIL\n":                                      false,
		"": false,
	} {
		if got := endOfTime("FuzzA", out); got != want {
			t.Errorf("%q: %t, want %t", out, got, want)
		}
	}
}
