// Command testrun runs go test, shows what go test shows, and then compares what
// ran with docs/requirements.md: a test that the table names must have run and
// passed; a skipped one shows nothing. It ends with what failed and why.
//
// Usage: testrun -- ARGUMENTS-OF-GO-TEST [-- ARGUMENTS OF A SECOND RUN ...]
package main

import (
	"fmt"
	"os"

	"cofferdam/internal/tools/requirements"
)

const table = "docs/requirements.md"

func main() {
	ok := true
	var all results
	for _, args := range runs(os.Args[1:]) {
		if err := all.goTest(args, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "testrun:", err)
			ok = false
		}
	}
	all.summarize(os.Stdout)
	if err := compare(all, table); err != nil {
		fmt.Fprintln(os.Stderr, err)
		ok = false
	}
	if !ok {
		os.Exit(1)
	}
	fmt.Printf("%s: every test that it names ran and passed\n", table)
}

// runs splits arguments at "--".
func runs(args []string) [][]string {
	var out [][]string
	for _, a := range args {
		if a == "--" {
			out = append(out, nil)
		} else if len(out) > 0 {
			out[len(out)-1] = append(out[len(out)-1], a)
		}
	}
	return out
}

// compare says which named tests did not run to a pass.
func compare(all results, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := requirements.Parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	missing := all.notShown(rows)
	for _, m := range missing {
		fmt.Fprintf(os.Stderr, "%s: %s\n", path, m)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %d promises were not shown on this machine", path, len(missing))
	}
	return nil
}
