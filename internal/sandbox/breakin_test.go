package sandbox_test

import (
	"testing"

	"cofferdam/internal/sandbox"
	"cofferdam/internal/sandbox/sandboxtest"
)

// A defence is a set of layers under which all attempts are made.
type defence struct {
	name    string
	without []sandbox.Layer
	// mustHold says whether the defence has to hold against the attempt.
	mustHold func(sandboxtest.Attempt) bool
}

func defences() []defence {
	everything := func(sandboxtest.Attempt) bool { return true }
	return []defence{
		{"all layers", nil, everything},
		{"none", only(), nil},
		{"network namespace alone", only(sandbox.LayerNetwork), func(a sandboxtest.Attempt) bool {
			return a.Class == sandboxtest.Network || a.Name == "unix socket by abstract name"
		}},
		{"seccomp alone", only(sandbox.LayerSeccomp), everything},
		{"all but seccomp", []sandbox.Layer{sandbox.LayerSeccomp}, heldWithoutSeccomp},
		// For the record: nothing is promised of Landlock alone.
		{"landlock alone", only(sandbox.LayerLandlock), nil},
	}
}

// heldWithoutSeccomp: a kernel bug or a mistake in the filter must not open the
// way to other machines, files and processes. Two doors lead nowhere by
// themselves: an address towards the hypervisor, and a file in own memory.
func heldWithoutSeccomp(a sandboxtest.Attempt) bool {
	switch a.Name {
	case "vsock bind", "make a file in memory":
		return false
	case "mount", "enter another namespace", "chroot", "become root", "set the host name":
		return true
	}
	return a.Class != sandboxtest.Kernel
}

// TestBreakIn makes every attempt inside of a cell and a render, as root and
// unprivileged: refused with all layers, with seccomp alone, and those on the
// network with the network namespace alone; successful with no layer. It prints the
// table.
func TestBreakIn(t *testing.T) {
	for _, s := range starters(t) {
		for _, p := range cells() {
			t.Run(s.name+"/"+p.Role, func(t *testing.T) { breakIn(t, s, p) })
		}
	}
}

func breakIn(t *testing.T, s starter, p sandbox.Profile) {
	attempts, ds := sandboxtest.Attempts(), defences()
	j := job{Dir: openDir(t, s)}
	for _, d := range ds {
		for _, a := range attempts {
			j.Children = append(j.Children, child{Profile: p, Without: d.without, Task: a.Name})
		}
	}
	results := s.run(t, j)
	table := map[string]map[string]sandboxtest.Outcome{}
	var columns []string
	for i, d := range ds {
		columns = append(columns, d.name)
		table[d.name] = map[string]sandboxtest.Outcome{}
		for k, a := range attempts {
			table[d.name][a.Name] = judge(t, s, d, a, results[i*len(attempts)+k])
		}
	}
	t.Logf("break-in from a %s, started as %s\n%s", p.Role, s.name, sandboxtest.Table(columns, table))
}

// judge asserts one outcome and returns what stands in the table.
func judge(t *testing.T, s starter, d defence, a sandboxtest.Attempt, r done) sandboxtest.Outcome {
	o := r.Outcome
	if r.Error != "" && o.Verdict == "" {
		t.Errorf("%s under %s: %s", a.Name, d.name, r.Error)
		return o
	}
	if d.name == "none" {
		o = a.Undefended(o, s.uid == 0)
		if o.Verdict.Held() {
			t.Errorf("%s with no defence: %s (%s); the attempt proves nothing", a.Name, o.Verdict, o.Words)
		}
		return o
	}
	if d.mustHold == nil || !d.mustHold(a) {
		return o
	}
	if refused := refusedLayer(d, r); refused != "" {
		t.Logf("this machine refuses a layer that %s is about: %s", d.name, refused)
		if d.name != "all layers" {
			return sandboxtest.Outcome{Name: a.Name, Verdict: sandboxtest.NotApplicable, Words: refused}
		}
	}
	if !o.Verdict.Held() {
		t.Errorf("%s under %s: %s, want it refused", a.Name, d.name, o.Verdict)
	}
	if a.Deadly && (d.name == "seccomp alone") && o.Verdict != sandboxtest.Killed {
		t.Errorf("%s under %s: %s (%s), want the process killed", a.Name, d.name, o.Verdict, o.Words)
	}
	return o
}

// refusedLayer names the first layer of the defence that the machine refuses.
func refusedLayer(d defence, r done) string {
	for _, e := range r.Refused {
		left := false
		for _, l := range d.without {
			left = left || l == e.Layer
		}
		if !left && !e.Layer.Optional() {
			return string(e.Layer) + ": " + e.Words
		}
	}
	return ""
}
