// Command fuzzrun runs each fuzz target of the packages given until it has used
// some CPU time, one after the other, and keeps a table of what ran. It begins
// with the targets that have no row in the table yet, and writes the table after
// each one, so that a run that is ended early has not been in vain. What a run
// finds interesting stays in Go's cache, from where the next one goes on; a
// finding lies in testdata/fuzz of its package, is printed, and fails the run.
//
// It is started at the root of the module.
//
// Usage: fuzzrun [-cpu 2m] [-table docs/results/fuzz.md] [-only REGEXP] PACKAGES
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	cpu := flag.Duration("cpu", 2*time.Minute, "CPU time of each target")
	path := flag.String("table", "", "Markdown table to be brought up to date; \"\": none")
	only := flag.String("only", "", "run the targets alone whose package and name match")
	flag.Parse()
	if err := run(*cpu, *path, *only, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzrun:", err)
		os.Exit(1)
	}
}

func run(cpu time.Duration, path, only string, packages []string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("reading -only: %w", err)
	}
	dir, err := os.MkdirTemp("", "fuzzrun")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	targets, err := build(dir, packages)
	if err != nil {
		return err
	}
	t, err := readTable(path)
	if err != nil {
		return err
	}
	t.keep(targets, packageGone)
	slices.SortStableFunc(targets, func(a, b target) int { return t.order(a) - t.order(b) })
	failed := 0
	for _, f := range targets {
		if !match.MatchString(f.pkg + " " + f.name) {
			continue
		}
		r, err := f.fuzz(cpu)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed++
		}
		fmt.Println(r)
		t.put(r)
		if err := t.write(path, cpu); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d targets failed", failed)
	}
	return nil
}

// target is a fuzz target in a test program that was built.
type target struct{ pkg, name, dir, program, cache string }

// build builds the test program of each package that has targets.
func build(tmp string, packages []string) ([]target, error) {
	const files = "{{$d := .Dir}}{{$p := .ImportPath}}{{range .TestGoFiles}}{{$p}} {{$d}} {{.}}\n{{end}}{{range .XTestGoFiles}}{{$p}} {{$d}} {{.}}\n{{end}}"
	list, err := output("go", append([]string{"list", "-f", files}, packages...)...)
	if err != nil {
		return nil, err
	}
	cache, err := output("go", "env", "GOCACHE")
	if err != nil {
		return nil, err
	}
	var out []target
	done := map[string]bool{}
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) != 3 || done[f[0]] || !hasTarget(filepath.Join(f[1], f[2])) {
			continue
		}
		done[f[0]] = true
		program := filepath.Join(tmp, fmt.Sprintf("p%d.test", len(done)))
		// With -fuzz the program is built so that it can see what an input reaches.
		if _, err := output("go", "test", "-c", "-vet=off", "-fuzz=.", "-o", program, f[0]); err != nil {
			return nil, err
		}
		names, err := output(program, "-test.list", "^Fuzz")
		if err != nil {
			return nil, err
		}
		for _, n := range strings.Fields(names) {
			out = append(out, target{pkg: f[0], name: n, dir: f[1], program: program,
				cache: filepath.Join(strings.TrimSpace(cache), "fuzz", f[0])})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no fuzz target in %s", strings.Join(packages, " "))
	}
	return out, nil
}

func hasTarget(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains("\n"+string(text), "\nfunc Fuzz")
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// packageGone reports whether a package of this module has no folder any more.
func packageGone(pkg string) bool {
	_, err := os.Stat(filepath.FromSlash(pkg))
	return errors.Is(err, fs.ErrNotExist)
}

// maxRounds bounds the rounds of one target: on a busy machine a second of the
// clock is a fraction of one of the CPU.
const maxRounds = 12

// fuzz runs the target until it has used so much CPU time, its workers included.
func (f target) fuzz(cpu time.Duration) (result, error) {
	r := result{target: f.name, pkg: f.short(), day: time.Now().UTC().Format(time.DateOnly)}
	for round := 0; r.cpu < cpu && round < maxRounds; round++ {
		span := max(cpu-r.cpu, 5*time.Second)
		cmd := exec.Command(f.program, "-test.run", "^$", "-test.fuzz", "^"+f.name+"$", "-test.fuzztime", span.String(),
			"-test.fuzzminimizetime", "10x", "-test.parallel", fmt.Sprint(max(1, runtime.NumCPU()/2)), "-test.fuzzcachedir", f.cache)
		cmd.Dir = f.dir
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState != nil {
			r.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		r.take(string(out))
		if err != nil && !endOfTime(f.name, string(out)) {
			r.failed = true
			return r, fmt.Errorf("%s %s: %w\n%s", f.pkg, f.name, err, out)
		}
	}
	return r, nil
}

var elapsed = regexp.MustCompile(`^fuzz: elapsed|^PASS$`)

// endOfTime: Go up to 1.26 takes the end of the time for a failure when workers
// see it before the coordinator does (golang/go#75804). It then says nothing else.
func endOfTime(name, out string) bool {
	var said strings.Builder
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if !elapsed.MatchString(line) {
			said.WriteString(regexp.MustCompile(`\([0-9.]*s\)|\s`).ReplaceAllString(line, ""))
		}
	}
	return said.String() == "---FAIL:"+name+"contextdeadlineexceededFAIL"
}
