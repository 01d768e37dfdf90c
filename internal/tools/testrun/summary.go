package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"cofferdam/internal/tools/requirements"
)

// A failure is a test that failed or never ended, with what it wrote.
type failure struct {
	test   requirements.Test
	output string
}

// shownLines of a failure stand in the summary: enough for its complaints, few
// enough for a reader who sees only the end of a long log.
const shownLines = 30

// complaint is a line in which a test says what is wrong. Continued lines and
// what was logged in passing stand above, in the whole output.
var complaint = regexp.MustCompile(`^\s+\w+_test\.go:\d+: |^\s*--- FAIL|^panic: |^fatal error: |DATA RACE|✘|^\s*Error: `)

// summarize ends a run: what failed and why, then how many tests ended how.
func (r *results) summarize(w io.Writer) {
	for _, f := range r.failed {
		fmt.Fprintf(w, "\nFAILED: %s\n%s", f.test, f.excerpt())
	}
	count := map[string]int{}
	for _, how := range r.ended {
		count[how]++
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", count["pass"], len(r.failed), count["skip"])
}

// excerpt is the complaints of a failure, or its last lines if it has none.
func (f failure) excerpt() string {
	lines := strings.SplitAfter(f.output, "\n")
	if said := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !complaint.MatchString(l) }); len(said) > 0 {
		return strings.Join(said[:min(len(said), shownLines)], "")
	}
	return strings.Join(lines[max(0, len(lines)-shownLines):], "")
}
