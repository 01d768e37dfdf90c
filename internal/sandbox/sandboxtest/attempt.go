package sandboxtest

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Class groups attempts by what they are after.
type Class string

const (
	Network   Class = "network"   // a way out to other machines
	Sockets   Class = "sockets"   // a way to other processes of this machine
	Files     Class = "files"     // reading and writing what is not the role's
	Processes Class = "processes" // running programs, reaching into processes
	Kernel    Class = "kernel"    // more rights, or the kernel's riskier doors
)

// Attempt is one try at breaking out.
type Attempt struct {
	Name  string
	Class Class

	// Deadly: seccomp ends the process that tries. Run it in a process of its own.
	Deadly bool

	// Root: without any defence it works for root alone.
	Root bool

	// MayLack says why it may fail even with no defence; empty when it may not.
	MayLack string

	// Run tries it. nil is a success of the intruder.
	Run func(Targets) error
}

// Attempts is the whole list.
func Attempts() []Attempt {
	return slices.Concat(networkAttempts(), socketAttempts(), fileAttempts(), processAttempts(), kernelAttempts())
}

// Find returns the attempt of that name.
func Find(name string) (Attempt, error) {
	for _, a := range Attempts() {
		if a.Name == name {
			return a, nil
		}
	}
	return Attempt{}, fmt.Errorf("no break-in attempt is named %q", name)
}

// Verdict is how an attempt ended.
type Verdict string

const (
	BrokeOut      Verdict = "BROKE OUT"
	Refused       Verdict = "refused"
	Killed        Verdict = "killed" // the kernel ended the process
	NotApplicable Verdict = "n/a"
)

// Held says whether the defence held.
func (v Verdict) Held() bool { return v == Refused || v == Killed }

// Outcome is the result of one attempt.
type Outcome struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Words   string  `json:"words,omitempty"`
}

// Try runs the attempt in this process.
func (a Attempt) Try(t Targets) Outcome {
	if err := a.Run(t); err != nil {
		return Outcome{a.Name, Refused, err.Error()}
	}
	return Outcome{a.Name, BrokeOut, ""}
}

// Undefended judges the outcome of an attempt made with no defence, the control:
// where the machine itself says no, it is not applicable, with the reason. Any
// other refusal stays one, and means that the attempt proves nothing.
func (a Attempt) Undefended(o Outcome, root bool) Outcome {
	if o.Verdict == BrokeOut {
		return o
	}
	switch {
	case a.Root && !root:
		return Outcome{a.Name, NotApplicable, "for root only: " + o.Words}
	case a.MayLack != "":
		return Outcome{a.Name, NotApplicable, a.MayLack + ": " + o.Words}
	}
	return o
}

// Table prints outcomes by attempt (rows) and defence (columns, in order).
func Table(columns []string, outcomes map[string]map[string]Outcome) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "attempt\tclass\t%s\n", strings.Join(columns, "\t"))
	for _, a := range Attempts() {
		fmt.Fprintf(w, "%s\t%s", a.Name, a.Class)
		for _, c := range columns {
			o := outcomes[c][a.Name]
			fmt.Fprintf(w, "\t%s", o.Verdict)
			if o.Words != "" && (c == columns[0] || o.Verdict == NotApplicable) {
				fmt.Fprintf(w, " (%s)", o.Words)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}
