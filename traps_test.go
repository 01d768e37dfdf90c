package cofferdam_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTraps: each of the traps has a row in docs/conformance/traps.md with tests
// that exist, and with a word on how they can fail.
func TestTraps(t *testing.T) {
	text, err := os.ReadFile("docs/conformance/traps.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "|---|---|---|---|\n")
	named := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)`")
	known, want := map[string]map[string]bool{}, 0
	for line := range strings.Lines(table) {
		want++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.TrimSpace(cells[0]) != strconv.Itoa(want) || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("row %d: %s", want, line)
			continue
		}
		tests := named.FindAllStringSubmatch(cells[2], -1)
		if len(tests) == 0 {
			t.Errorf("trap %d has no test", want)
		}
		for _, m := range tests {
			if known[m[1]] == nil {
				known[m[1]] = testsOf(t, m[1])
			}
			if !known[m[1]][m[2]] {
				t.Errorf("trap %d: %s.%s does not exist", want, m[1], m[2])
			}
		}
	}
	if want != 15 {
		t.Errorf("%d traps, want 15", want)
	}
}
