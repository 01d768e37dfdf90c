package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestProfileIsChecked(t *testing.T) {
	many := make([]string, MaxPaths+1)
	for i := range many {
		many[i] = "/srv"
	}
	for _, c := range []struct {
		name, want string
		change     func(*Profile)
	}{
		{"zero", "no role", func(p *Profile) { *p = Profile{} }},
		{"network", "unknown network", func(p *Profile) { p.Network = "host" }},
		{"group", "unknown group", func(p *Profile) { p.Calls = append(p.Calls, "all") }},
		{"memory", "under the floor", func(p *Profile) { p.Memory = MemoryFloor - 1 }},
		{"relative", "not absolute", func(p *Profile) { p.Read = []string{"data"} }},
		{"dots", "not absolute and clean", func(p *Profile) { p.Write = []string{"/srv/../etc"} }},
		{"root", "may not be given", func(p *Profile) { p.Read = []string{"/"} }},
		{"proc", "may not be given", func(p *Profile) { p.Read = []string{"/proc/self"} }},
		{"many paths", "at most", func(p *Profile) { p.Read = many }},
		{"permit", "unknown layer", func(p *Profile) { p.Permit = []Layer{"everything"} }},
		{"layers off", "not a test build", func(p *Profile) { *p = p.Without(LayerSeccomp) }},
	} {
		p := Cell(MemoryFloor)
		c.change(&p)
		if err := p.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.want)
		}
	}
	for _, p := range []Profile{Cell(MemoryFloor), Render(0), Decoder(0), Keeper("/srv"), Vault(), Porter(), Courier(), Gate(nil, []string{"/srv/tls"}), Vault().WithDialOut(443)} {
		if err := p.check(); err != nil {
			t.Errorf("profile of %s: %v", p.Role, err)
		}
	}
}

// TestNoWayToSwitchLayersOff: neither the parent nor the child of a shipped binary
// takes a profile with layers left out, however it comes.
func TestNoWayToSwitchLayersOff(t *testing.T) {
	p := Cell(MemoryFloor).Without(LayerNetwork)
	if _, err := p.Prepare(exec.Command("/bin/true"), &Host{}); err == nil {
		t.Error("Prepare took a profile without the network namespace")
	}
	o := order{Profile: Cell(MemoryFloor), Without: []Layer{LayerSeccomp}}
	word, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envOrder, strings.TrimPrefix(word, envOrder+"="))
	if _, err := Inherited(); err == nil {
		t.Error("Inherited took an order without seccomp")
	}
}

func TestInheritedOnce(t *testing.T) {
	want := Keeper("/srv/data")
	o := order{Profile: want}
	word, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envOrder, strings.TrimPrefix(word, envOrder+"="))
	p, err := Inherited()
	if err != nil || p.Role != "keeper" || !slices.Equal(p.Write, want.Write) || !slices.Equal(p.Calls, want.Calls) {
		t.Errorf("inherited %+v, %v", p, err)
	}
	if _, err := Inherited(); !errors.Is(err, ErrNoOrder) {
		t.Errorf("the second time: %v, want ErrNoOrder", err)
	}
}

// TestEnterNeedsAnOrder: a role that was not started by the supervisor does not
// run on unprotected.
func TestEnterNeedsAnOrder(t *testing.T) {
	if _, err := Enter(Cell(MemoryFloor)); !errors.Is(err, ErrNoOrder) {
		t.Errorf("%v, want ErrNoOrder", err)
	}
}

func TestOrderIsBounded(t *testing.T) {
	o := order{Profile: Keeper("/" + strings.Repeat("x", maxOrder))}
	if _, err := o.encode(); err == nil {
		t.Error("an order over the limit was written")
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	r := Report{Role: "cell", Entries: []Entry{
		{LayerSeccomp, Active, ""}, {LayerLandlock, Refused, "not in this kernel"},
		{LayerCgroup, Refused, "not delegated"}, {LayerNetwork, Refused, "clone: EPERM"},
	}}
	err := r.Check([]Layer{LayerNetwork})
	var missing *MissingError
	if !errors.As(err, &missing) || len(missing.Entries) != 1 || missing.Entries[0].Layer != LayerLandlock {
		t.Fatalf("%v, want landlock alone", err)
	}
	if !strings.Contains(err.Error(), "not in this kernel") {
		t.Errorf("%q does not carry the kernel's words", err)
	}
	if err := r.Check([]Layer{LayerNetwork, LayerLandlock}); err != nil {
		t.Errorf("with both permitted: %v", err)
	}
	for _, l := range Layers() {
		if l.Explain() == Layer("x").Explain() {
			t.Errorf("layer %s has no explanation", l)
		}
	}
}

func TestUIDsAreUsedOnceAtATime(t *testing.T) {
	r := uidRange{base: 100, count: 2}
	a, errA := r.take()
	b, errB := r.take()
	if errA != nil || errB != nil || a == b {
		t.Fatalf("%d, %d, %v, %v", a, b, errA, errB)
	}
	if _, err := r.take(); !errors.Is(err, errNoUID) {
		t.Errorf("a third of two: %v", err)
	}
	r.give(a)
	if c, err := r.take(); err != nil || c != a {
		t.Errorf("%d, %v, want %d again", c, err, a)
	}
}

// TestCgroups plays the kernel's file tree: what is written, and what is said when
// nothing is delegated.
func TestCgroups(t *testing.T) {
	mount := t.TempDir()
	own := filepath.Join(mount, "own")
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(own, "4:memory:/x\n0::/system.slice/cofferdam.service\n")
	base := filepath.Join(mount, "system.slice/cofferdam.service")
	if _, err := openCgroups(mount, own); err == nil {
		t.Error("a tree that is not there was opened")
	}
	write(filepath.Join(base, "cgroup.controllers"), "cpu pids\n")
	if _, err := openCgroups(mount, own); err == nil || !strings.Contains(err.Error(), "not delegated") {
		t.Errorf("without the memory controller: %v", err)
	}
	write(filepath.Join(base, "cgroup.controllers"), "cpu memory pids\n")
	write(filepath.Join(base, "cgroup.subtree_control"), "")
	write(filepath.Join(base, "supervisor/cgroup.procs"), "")
	g, err := openCgroups(mount, own)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"memory.max", "memory.oom.group"} {
		write(filepath.Join(base, "cell-1", f), "")
	}
	c, err := g.create("cell", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer c.remove()
	if b, err := os.ReadFile(filepath.Join(base, "cell-1/memory.max")); err != nil || string(b) != "1073741824" {
		t.Errorf("memory.max is %q, %v", b, err)
	}
	if _, err := g.create("cell", 1<<30); err == nil {
		t.Error("a group whose limit cannot be written was made")
	}
}
