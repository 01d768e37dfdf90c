// Package requirements reads docs/requirements.md: for each requirement the tests
// that show it, or the issue that is still to come. It is a tool of the tests and
// of continuous integration; the product does not import it.
package requirements

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Count is how many requirements there are: R1 to R78.
const Count = 78

// Row is one requirement.
type Row struct {
	Number int
	Text   string
	Tests  []Test   // Go tests that show it
	Files  []string // browser tests, as paths
	ToCome string   // topic of the issue that will show (more of) it
}

// Test is a Go test: the package's path inside of the module ("." is the root)
// and the function.
type Test struct{ Package, Name string }

func (t Test) String() string { return t.Package + "." + t.Name }

var (
	rowLine  = regexp.MustCompile(`^\| R(\d+) \| (.*) \| (.*) \|$`)
	goTest   = regexp.MustCompile("^`([a-z0-9/]+|\\.)\\.(Test[A-Za-z0-9_]+)`$")
	fileTest = regexp.MustCompile("^`([A-Za-z0-9_./-]+\\.ts)`$")
)

// Parse reads the table. It refuses a requirement that is missing, doubled, out
// of order or without evidence, and evidence that it does not understand.
func Parse(r io.Reader) ([]Row, error) {
	var rows []Row
	s := bufio.NewScanner(r)
	for line := 1; s.Scan(); line++ {
		if !strings.HasPrefix(s.Text(), "| R") {
			continue
		}
		row, err := parseRow(s.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if row.Number != len(rows)+1 {
			return nil, fmt.Errorf("line %d: R%d stands where R%d belongs", line, row.Number, len(rows)+1)
		}
		rows = append(rows, row)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(rows) != Count {
		return nil, fmt.Errorf("%d requirements, want %d", len(rows), Count)
	}
	return rows, nil
}

func parseRow(line string) (Row, error) {
	m := rowLine.FindStringSubmatch(line)
	if m == nil {
		return Row{}, fmt.Errorf("not a row of number, requirement and evidence: %s", line)
	}
	row := Row{Text: m[2]}
	if _, err := fmt.Sscan(m[1], &row.Number); err != nil {
		return Row{}, err
	}
	for _, e := range strings.Split(m[3], "; ") {
		if topic, ok := strings.CutPrefix(e, "issue to come: "); ok && topic != "" {
			row.ToCome = topic
		} else if t := goTest.FindStringSubmatch(e); t != nil {
			row.Tests = append(row.Tests, Test{t[1], t[2]})
		} else if t := fileTest.FindStringSubmatch(e); t != nil {
			row.Files = append(row.Files, t[1])
		} else {
			return Row{}, fmt.Errorf("row R%d: %q is neither `package.TestName`, nor `path.ts`, nor \"issue to come: topic\"", row.Number, e)
		}
	}
	return row, nil
}
