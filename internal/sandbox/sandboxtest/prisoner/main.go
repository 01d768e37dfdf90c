// Command prisoner is a process for the sandbox's own tests: the supervisor who
// prepares children, and the child that enters a profile and then does one thing.
// It is built with CGO_ENABLED=0 as the product is, which a test binary with the
// race detector cannot be.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"cofferdam/internal/sandbox"
	"cofferdam/internal/sandbox/sandboxtest"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: prisoner supervise | victim | inside TASK [TARGETS]"))
	}
	switch os.Args[1] {
	case "supervise":
		supervise()
	case "victim":
		victim()
	case "probe":
		probe()
	case "probed":
		if err := sandbox.ProbeMain(os.Stdout); err != nil {
			fail(err)
		}
	case "inside":
		inside(os.Args[2], os.Args[3:])
	default:
		fail(fmt.Errorf("unknown word %q", os.Args[1]))
	}
}

// probe does what doctor does.
func probe() {
	host, err := sandbox.Detect(sandbox.HostConfig{})
	if err != nil {
		fail(err)
	}
	report, err := sandbox.Probe(context.Background(), host, sandbox.Cell(sandbox.MemoryFloor), "probed")
	if err != nil {
		fail(err)
	}
	print(report)
}

// Result is what a child prints, as one line of JSON.
type Result struct {
	Report  sandbox.Report      `json:"report"`
	Error   string              `json:"error,omitempty"` // of Enter
	Outcome sandboxtest.Outcome `json:"outcome"`
	Figures map[string]float64  `json:"figures,omitempty"`
}

// inside enters the sandbox and does one task, named as an attempt or as one of
// the tasks of tasks.go.
func inside(task string, args []string) {
	p, err := sandbox.Inherited()
	if err != nil {
		fail(err)
	}
	old := startOldThreads()
	var r Result
	report, err := sandbox.Enter(p)
	r.Report = report
	if err != nil {
		r.Error = err.Error()
	}
	if t, ok := tasks()[task]; ok {
		if t == nil {
			t = old.check
		}
		r.Figures, err = t(args)
		r.Outcome = sandboxtest.Outcome{Name: task, Verdict: "done"}
		if err != nil {
			r.Outcome = sandboxtest.Outcome{Name: task, Verdict: "failed", Words: err.Error()}
		}
		print(r)
		return
	}
	attempt, err := sandboxtest.Find(task)
	if err != nil {
		fail(err)
	}
	var targets sandboxtest.Targets
	if err := json.Unmarshal([]byte(args[0]), &targets); err != nil {
		fail(err)
	}
	r.Outcome = attempt.Try(targets)
	print(r)
}

func print(v any) {
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}
