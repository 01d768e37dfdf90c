package protocol

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// writeTable writes docs/results/tiers.md.
var writeTable = flag.Bool("table", false, "write docs/results/tiers.md")

// table counts the tests that passed.
type table struct {
	mu     sync.Mutex // guards passed
	passed map[[2]string]int
}

func newTable() *table { return &table{passed: map[[2]string]int{}} }

func (ran *table) count(tier, family string) {
	ran.mu.Lock()
	defer ran.mu.Unlock()
	ran.passed[[2]string{tier, family}]++
}

// compare fails when the table in docs is not what has just been shown.
func (ran *table) compare(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "results", "tiers.md")
	text := ran.markdown()
	if *writeTable && !t.Failed() {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A run of a part shows less, and so does one that has failed or lacks a server.
	if t.Failed() || flag.Lookup("test.run").Value.String() != "" || ran.lacksTier() {
		return
	}
	if was, err := os.ReadFile(path); err != nil || string(was) != text {
		t.Errorf("docs/results/tiers.md is not what was shown: make tiers (%v). Shown:\n%s", err, text)
	}
}

// lacksTier reports whether a tier was skipped, for want of its server.
func (ran *table) lacksTier() bool {
	return slices.ContainsFunc(tiers, func(t tier) bool { return ran.passed[[2]string{t.name, families[0].name}] == 0 })
}

func (ran *table) markdown() string {
	var b strings.Builder
	b.WriteString("# The same tests over every kind of server\n\n" +
		"Tests of `e2e/protocol` that passed, by family of methods and kind of mail server, through the whole product (except `memory`).\n" +
		"`make tiers` writes this table; `make test` fails when it is not true any more.\n\n|")
	for _, tier := range tiers {
		b.WriteString(" | " + tier.name)
	}
	b.WriteString(" |\n|---|" + strings.Repeat("---:|", len(tiers)) + "\n")
	sum := make([]int, len(tiers))
	for _, f := range families {
		b.WriteString("| " + f.name)
		for i, tier := range tiers {
			n := ran.passed[[2]string{tier.name, f.name}]
			sum[i] += n
			fmt.Fprintf(&b, " | %d", n)
		}
		b.WriteString(" |\n")
	}
	b.WriteString("| **all**")
	for _, n := range sum {
		fmt.Fprintf(&b, " | **%d**", n)
	}
	b.WriteString(" |\n\n")
	for _, tier := range tiers {
		fmt.Fprintf(&b, "- `%s`: %s.\n", tier.name, tier.what)
	}
	return b.String()
}
