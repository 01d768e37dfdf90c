package sandbox_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cofferdam/internal/sandbox"
)

// offFor lists the layers for which a role has no use.
func offFor(p sandbox.Profile) []sandbox.Layer {
	off := []sandbox.Layer{sandbox.LayerCgroup}
	if p.Network == sandbox.DialOut {
		off = append(off, sandbox.LayerNetwork)
	}
	if p.Memory == 0 {
		off = append(off, sandbox.LayerMemory)
	}
	return off
}

// TestEveryLayerIsActive starts every role and reads its report. A layer that this
// machine refuses must be reported by Detect as well, with words, and the others
// must hold all the same.
func TestEveryLayerIsActive(t *testing.T) {
	for _, s := range starters(t) {
		dir := openDir(t, s)
		ps := roles(dir)
		j := job{}
		for _, p := range ps {
			j.Children = append(j.Children, child{Profile: p, Task: "nothing"})
		}
		for i, d := range s.run(t, j) {
			t.Run(s.name+"/"+ps[i].Role, func(t *testing.T) { checkReport(t, ps[i], d) })
		}
	}
}

func checkReport(t *testing.T, p sandbox.Profile, d done) {
	if d.Outcome.Verdict != "done" {
		t.Fatalf("the role did not live: %+v %s", d.Outcome, d.Error)
	}
	for _, l := range sandbox.Layers() {
		want := sandbox.Active
		if slices.Contains(offFor(p), l) {
			want = sandbox.Off
		}
		for _, e := range d.Refused {
			if e.Layer == l {
				t.Logf("this machine refuses %s: %s", l, e.Words)
				want = sandbox.Refused
			}
		}
		if got := d.Report.State(l); got != want {
			t.Errorf("layer %s is %s, want %s; report %+v", l, got, want, d.Report.Entries)
		}
	}
	if n := len(d.Report.Entries); n != len(sandbox.Layers()) {
		t.Errorf("the report has %d lines, want one for each of %d layers", n, len(sandbox.Layers()))
	}
}

// TestContainer starts roles where no user namespace is to be had: as a
// container's root, roles still get user ids of their own and the other
// namespaces; as a plain user, Landlock, seccomp and the rest still hold, and what
// is missing is named.
func TestContainer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("n/a: playing a container needs root here")
	}
	namespaces := []sandbox.Layer{sandbox.LayerNetwork, sandbox.LayerPID, sandbox.LayerIPC, sandbox.LayerUTS, sandbox.LayerRoot}
	for _, c := range []struct {
		starter
		missing []sandbox.Layer
	}{
		{starter{name: "container root", container: true}, nil},
		{starter{name: "container root without CAP_SYS_ADMIN", container: true, noAdmin: true}, namespaces},
		{starter{name: "container user", container: true, as: 1000}, append(slices.Clone(namespaces), sandbox.LayerIdentity)},
	} {
		t.Run(c.name, func(t *testing.T) {
			permitting := sandbox.Cell(memory)
			permitting.Permit = c.missing
			ds := c.run(t, job{Children: []child{
				{Profile: sandbox.Cell(memory), Task: "nothing"},
				{Profile: permitting, Task: "http"},
			}})
			checkMissing(t, ds[0], c.missing)
			if ds[1].Error != "" || ds[1].Outcome.Verdict != "done" {
				t.Errorf("with the layers permitted by name: %s %+v", ds[1].Error, ds[1].Outcome)
			}
		})
	}
}

func checkMissing(t *testing.T, d done, missing []sandbox.Layer) {
	if (d.Error != "") != (len(missing) > 0) {
		t.Errorf("Enter said %q, want an error: %v", d.Error, len(missing) > 0)
	}
	for _, l := range sandbox.Layers() {
		want := sandbox.Active
		if slices.Contains(missing, l) {
			want = sandbox.Refused
			if !strings.Contains(d.Error, string(l)) {
				t.Errorf("the error %q does not name %s", d.Error, l)
			}
		}
		if l == sandbox.LayerCgroup {
			want = sandbox.Off
		}
		if got := d.Report.State(l); got != want {
			t.Errorf("layer %s is %s, want %s; %+v", l, got, want, d.Report.Entries)
		}
	}
}

// TestUnpreparedChild: a process that was told it is closed in, but was started
// without namespaces, must find out by itself.
func TestUnpreparedChild(t *testing.T) {
	path, err := prisoner()
	if err != nil {
		t.Fatal(err)
	}
	var host = map[sandbox.Layer]uint64{}
	for layer, name := range map[sandbox.Layer]string{sandbox.LayerNetwork: "net", sandbox.LayerIdentity: "user", sandbox.LayerRoot: "mnt", sandbox.LayerIPC: "ipc", sandbox.LayerUTS: "uts"} {
		info, err := os.Stat("/proc/self/ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		host[layer] = info.Sys().(*syscall.Stat_t).Ino
	}
	order, err := json.Marshal(map[string]any{"profile": sandbox.Cell(memory), "host": host, "userns": true})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "inside", "nothing")
	cmd.Env = []string{"COFFERDAM_SANDBOX=" + string(order)}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var d done
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	for _, l := range []sandbox.Layer{sandbox.LayerIdentity, sandbox.LayerNetwork, sandbox.LayerPID, sandbox.LayerIPC, sandbox.LayerUTS, sandbox.LayerRoot} {
		if d.Report.State(l) != sandbox.Refused {
			t.Errorf("layer %s is %s in a process that has none", l, d.Report.State(l))
		}
	}
	if d.Error == "" {
		t.Error("Enter was content with no namespace at all")
	}
}

// TestOldThreads: Go has threads before main runs; each layer that the kernel keeps
// by thread must reach them.
func TestOldThreads(t *testing.T) {
	for _, s := range starters(t) {
		var cs []child
		for _, l := range []sandbox.Layer{sandbox.LayerSeccomp, sandbox.LayerLandlock, sandbox.LayerCapabilities, sandbox.LayerNoNewPrivs} {
			cs = append(cs, child{Profile: sandbox.Cell(memory), Without: only(l), Task: "threads", Args: []string{string(l)}})
		}
		// The control: the same tries with no layer. Unprivileged processes have no
		// capabilities to begin with.
		layered := len(cs)
		for _, c := range slices.Clone(cs) {
			if c.Args[0] != string(sandbox.LayerCapabilities) || s.uid == 0 {
				cs = append(cs, child{Profile: c.Profile, Without: only(), Task: "threads", Args: c.Args})
			}
		}
		for i, d := range s.run(t, job{Children: cs}) {
			if held := d.Outcome.Verdict == "done"; held != (i < layered) {
				t.Errorf("%s, %s, with the layer %v: %+v", s.name, cs[i].Args[0], i < layered, d.Outcome)
			}
		}
	}
}

// TestRolesWork runs what roles do, inside: the sandbox must not be in the way.
func TestRolesWork(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, s := range starters(t) {
		dir := roleDir(t, s)
		keeper := sandbox.Keeper(dir)
		keeper.UID, keeper.GID = roleUID, roleUID
		cs := []child{
			{Profile: keeper, Task: "sqlite", Args: []string{dir}},
			{Profile: keeper, Task: "runtime"},
			{Profile: sandbox.Porter(), Task: "dial", Args: []string{l.Addr().String()}},
			{Profile: sandbox.Porter(), Task: "read", Args: []string{"/etc/hosts"}},
			{Profile: sandbox.Porter(), Task: "http"},
			{Profile: sandbox.Gate(nil, nil), Task: "http"},
			{Profile: sandbox.Decoder(memory), Task: "runtime"},
		}
		for _, p := range cells() {
			cs = append(cs, child{Profile: p, Task: "http"}, child{Profile: p, Task: "runtime"})
		}
		for i, d := range s.run(t, job{Children: cs}) {
			if d.Outcome.Verdict != "done" {
				t.Errorf("%s, %s in %s: %+v, exit %d, signal %d, %s", s.name, cs[i].Task, cs[i].Profile.Role, d.Outcome, d.Exit, d.Signal, d.Error)
			}
		}
	}
}

// TestPathsAreKept: a role reads and writes its own paths and no others.
func TestPathsAreKept(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, s := range starters(t) {
		dir := roleDir(t, s)
		file := filepath.Join(dir, "other.txt")
		if err := os.WriteFile(file, []byte("not for you"), 0o644); err != nil {
			t.Fatal(err)
		}
		reader := sandbox.Porter()
		reader.Read = []string{dir}
		ported := sandbox.Porter()
		ported.Ports = []uint16{1}
		cs := []child{
			{Profile: sandbox.Porter(), Task: "read", Args: []string{file}},
			{Profile: sandbox.Keeper(), Task: "read", Args: []string{file}},
			{Profile: sandbox.Keeper(dir), Task: "dial", Args: []string{l.Addr().String()}},
			{Profile: reader, Task: "sqlite", Args: []string{dir}},
			// Each layer by itself.
			{Profile: sandbox.Porter(), Without: only(sandbox.LayerLandlock), Task: "read", Args: []string{file}},
			{Profile: sandbox.Porter(), Without: only(sandbox.LayerRoot), Task: "read", Args: []string{file}},
			{Profile: reader, Without: only(sandbox.LayerLandlock), Task: "sqlite", Args: []string{dir}},
			{Profile: reader, Without: only(sandbox.LayerRoot), Task: "sqlite", Args: []string{dir}},
			{Profile: ported, Without: only(sandbox.LayerLandlock), Task: "dial", Args: []string{l.Addr().String()}},
		}
		control := len(cs)
		cs = append(cs,
			child{Profile: reader, Task: "read", Args: []string{file}},
			child{Profile: reader, Without: only(), Task: "sqlite", Args: []string{dir}},
			child{Profile: ported, Without: only(), Task: "dial", Args: []string{l.Addr().String()}})
		for i, d := range s.run(t, job{Children: cs}) {
			want := sandboxVerdict(i >= control)
			if string(d.Outcome.Verdict) != want {
				t.Errorf("%s, case %d (%s in %s): %+v, want %s", s.name, i, cs[i].Task, cs[i].Profile.Role, d.Outcome, want)
			}
		}
	}
}

func sandboxVerdict(works bool) string {
	if works {
		return "done"
	}
	return "failed"
}

// roleUID is the user id that the tests give to a role with files of its own.
const roleUID = 1_899_999_999

// roleDir is a folder that the role's user may write to: its own id when started
// as root, the supervisor's else.
func roleDir(t *testing.T, s starter) string {
	dir := openDir(t, s)
	if s.uid == 0 {
		if err := os.Chown(dir, roleUID, roleUID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMemoryLimit: a cell that takes more than its limit dies, and only it; one
// that stays under it lives.
func TestMemoryLimit(t *testing.T) {
	const small = 128 << 20
	for _, s := range starters(t) {
		ds := s.run(t, job{Children: []child{
			{Profile: sandbox.Cell(small), Task: "memory", Args: []string{"400"}},
			{Profile: sandbox.Cell(small), Task: "http"},
			{Profile: sandbox.Cell(small), Task: "memory", Args: []string{"60"}},
			{Profile: sandbox.Cell(small), Without: []sandbox.Layer{sandbox.LayerMemory}, Task: "memory", Args: []string{"400"}},
		}})
		if ds[0].Outcome.Verdict == "done" || !strings.Contains(ds[0].Stderr, "out of memory") {
			t.Errorf("%s: a cell took 400 MiB of 128: %+v %s", s.name, ds[0].Outcome, ds[0].Stderr)
		}
		for i, what := range map[int]string{1: "its neighbour", 2: "a cell under its limit", 3: "the control without a limit"} {
			if ds[i].Outcome.Verdict != "done" {
				t.Errorf("%s: %s died: %+v", s.name, what, ds[i].Outcome)
			}
		}
	}
}

// TestLimits: descriptors and threads are bounded.
func TestLimits(t *testing.T) {
	wide := sandbox.Cell(memory)
	wide.Files = 100
	for _, s := range starters(t) {
		ds := s.run(t, job{Children: []child{
			{Profile: sandbox.Decoder(memory), Task: "hoard"},
			{Profile: wide, Task: "hoard"},
			{Profile: sandbox.Cell(memory), Task: "hoard"},
			{Profile: sandbox.Cell(memory), Task: "crowd", Args: []string{"300"}},
			{Profile: sandbox.Cell(memory), Task: "crowd", Args: []string{"700"}},
		}})
		for i, most := range []float64{32, 100, 4096} {
			if n := ds[i].Figures["files"]; n == 0 || n > most {
				t.Errorf("%s, %d: %v descriptors, want some and at most %v; %+v", s.name, i, n, most, ds[i].Outcome)
			}
		}
		if ds[3].Outcome.Verdict != "done" {
			t.Errorf("%s: 300 threads: %+v", s.name, ds[3].Outcome)
		}
		if ds[4].Outcome.Verdict == "done" || !strings.Contains(ds[4].Stderr, "new OS thread") {
			t.Errorf("%s: 700 threads were granted: %+v", s.name, ds[4].Outcome)
		}
	}
}

// TestCrashIsTold: a panic inside still reaches standard error.
func TestCrashIsTold(t *testing.T) {
	for _, s := range starters(t) {
		for i, d := range s.run(t, job{Children: []child{
			{Profile: sandbox.Cell(memory), Task: "crash"}, {Profile: sandbox.Keeper(), Task: "crash"}}}) {
			if d.Exit != 2 || !strings.Contains(d.Stderr, "a crash on purpose") || !strings.Contains(d.Stderr, "goroutine") {
				t.Errorf("%s, %d: exit %d, signal %d, stderr %q", s.name, i, d.Exit, d.Signal, d.Stderr)
			}
		}
	}
}

// TestProbe: what doctor prints comes from a child that really entered.
func TestProbe(t *testing.T) {
	path, err := prisoner()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range starters(t) {
		cmd := exec.Command(path, "probe")
		cmd.SysProcAttr, cmd.Dir, cmd.Stderr = s.attributes(), "/", os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		var r sandbox.Report
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatal(err)
		}
		if r.Role != "cell" || r.State(sandbox.LayerSeccomp) != sandbox.Active {
			t.Errorf("%s: %+v", s.name, r)
		}
		for _, e := range r.Entries {
			t.Logf("%s: %s %s %s", s.name, e.Layer, e.State, e.Words)
		}
	}
}
