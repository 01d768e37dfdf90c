package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"cofferdam/internal/tools/requirements"
)

// module is how our packages' import paths begin.
const module = "cofferdam"

// event is a line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// results is how each test ended: "pass", "fail" or "skip".
type results struct {
	ended  map[requirements.Test]string
	output map[requirements.Test]*strings.Builder // of tests that run
	failed []failure

	verbose bool // this run was asked for with -v: show what passed, too
}

// goTest runs go test and takes in its events. It writes what go test without
// -json would: a line a package, and the output of what failed; with -v all
// output, test by test.
func (r *results) goTest(args []string, w io.Writer) error {
	r.verbose = slices.Contains(args, "-v")
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := r.read(out, w); err != nil {
		_ = cmd.Process.Kill() // the run is of no use any more
		_ = cmd.Wait()
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (r *results) read(in io.Reader, w io.Writer) error {
	if r.ended == nil {
		r.ended, r.output = map[requirements.Test]string{}, map[requirements.Test]*strings.Builder{}
	}
	d := json.NewDecoder(in)
	for {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading go test's events: %w", err)
		}
		if _, err := io.WriteString(w, r.take(e)); err != nil {
			return err
		}
	}
}

// take notes an event and returns what is to be shown for it.
func (r *results) take(e event) string {
	if e.Action == "build-output" {
		return e.Output
	}
	top, _, _ := strings.Cut(e.Test, "/")
	t := requirements.Test{Package: inside(e.Package), Name: top}
	switch {
	case e.Test == "" && e.Action == "output":
		if e.Output == "PASS\n" || strings.HasPrefix(e.Output, "-test.shuffle ") {
			return ""
		}
		return e.Output
	case e.Test == "":
		return r.unfinished(e)
	case e.Action == "output":
		if r.output[t] == nil {
			r.output[t] = new(strings.Builder)
		}
		r.output[t].WriteString(e.Output)
	case e.Test == top && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
		r.ended[t] = e.Action
		text := r.output[t]
		delete(r.output, t)
		if text == nil {
			text = new(strings.Builder)
		}
		if e.Action == "fail" {
			r.failed = append(r.failed, failure{t, text.String()})
		}
		if r.verbose || e.Action == "fail" {
			return text.String()
		}
	}
	return ""
}

// unfinished is the output of tests that never ended, when their package failed:
// a crash or a time-out.
func (r *results) unfinished(e event) string {
	if e.Action != "fail" {
		return ""
	}
	var b strings.Builder
	for t, text := range r.output {
		if t.Package == inside(e.Package) {
			b.WriteString(text.String())
			r.failed = append(r.failed, failure{t, text.String()})
			delete(r.output, t)
		}
	}
	return b.String()
}

// inside is a package's path inside of the module, "." for its root.
func inside(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// notShown lists the tests of the table that did not run to a pass.
func (r *results) notShown(rows []requirements.Row) []string {
	var out []string
	for _, row := range rows {
		for _, t := range row.Tests {
			switch ended := r.ended[t]; ended {
			case "pass":
			case "":
				out = append(out, fmt.Sprintf("R%d: %s did not run", row.Number, t))
			default:
				out = append(out, fmt.Sprintf("R%d: %s ended with %s", row.Number, t, ended))
			}
		}
	}
	return out
}
