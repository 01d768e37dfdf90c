package requirements

import (
	"fmt"
	"strings"
	"testing"
)

func table(change func(n int, row string) string) string {
	var b strings.Builder
	b.WriteString("# Title\n\n| | requirement | shown by |\n|---|---|---|\n")
	for n := 1; n <= Count; n++ {
		b.WriteString(change(n, fmt.Sprintf("| R%d | words | issue to come: topic |\n", n)))
	}
	return b.String()
}

func TestParse(t *testing.T) {
	text := table(func(n int, row string) string {
		if n == 7 {
			return "| R7 | no verifier | `internal/store.TestNothing`; `e2e/web/login.ts`; issue to come: more |\n"
		}
		return row
	})
	rows, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r := rows[6]
	if len(rows) != Count || r.Tests[0].String() != "internal/store.TestNothing" || r.Files[0] != "e2e/web/login.ts" || r.ToCome != "more" {
		t.Errorf("got %+v", r)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ row, want string }{
		"missing":     {"", "R4 stands where R3 belongs"},
		"doubled":     {"| R2 | words | issue to come: x |\n", "R2 stands where R3 belongs"},
		"no evidence": {"| R3 | words |  |\n", "is neither"},
		"bare name":   {"| R3 | words | TestFoo |\n", "is neither"},
		"no topic":    {"| R3 | words | issue to come:  |\n", "is neither"},
		"columns":     {"| R3 | words |\n", "not a row"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(table(func(n int, row string) string {
				if n == 3 {
					return c.row
				}
				return row
			})))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
