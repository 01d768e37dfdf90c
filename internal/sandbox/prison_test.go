package sandbox_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"cofferdam/internal/sandbox"
	"cofferdam/internal/sandbox/sandboxtest"
)

// child and done mirror what the prisoner program reads and prints.
type child struct {
	Profile sandbox.Profile `json:"profile"`
	Without []sandbox.Layer `json:"without,omitempty"`
	Task    string          `json:"task"`
	Args    []string        `json:"args,omitempty"`
}

type done struct {
	Report  sandbox.Report      `json:"report"`
	Error   string              `json:"error"`
	Outcome sandboxtest.Outcome `json:"outcome"`
	Figures map[string]float64  `json:"figures"`
	Refused []sandbox.Entry     `json:"refused"`
	Exit    int                 `json:"exit"`
	Signal  int                 `json:"signal"`
	Stderr  string              `json:"stderr"`
	Millis  float64             `json:"millis"`
}

type job struct {
	Config    sandbox.HostConfig `json:"config"`
	Dir       string             `json:"dir"`
	Children  []child            `json:"children"`
	Container bool               `json:"container,omitempty"`
	NoAdmin   bool               `json:"noAdmin,omitempty"`
	As        int                `json:"as,omitempty"`
	AtOnce    int                `json:"atOnce,omitempty"`
}

// nobody is whom the unprivileged half of the tests runs as.
const nobody = 65534

// A starter is a way in which a supervisor is started.
type starter struct {
	name      string
	uid       int
	container bool // in a user namespace that allows no further ones
	noAdmin   bool // without CAP_SYS_ADMIN
	as        int  // the user id within the container
}

// starters are root and unprivileged where the tests run as root, else only the
// latter, and says so.
func starters(t testing.TB) []starter {
	if os.Getuid() != 0 {
		t.Logf("n/a: the root half, as these tests do not run as root")
		return []starter{{name: "unprivileged", uid: os.Getuid()}}
	}
	return []starter{{name: "root"}, {name: "unprivileged", uid: nobody}}
}

var prisoner = sync.OnceValues(buildPrisoner)

// buildPrisoner builds the child as the product is built: static, without cgo. It
// is removed by TestMain.
func buildPrisoner() (string, error) {
	dir, err := os.MkdirTemp("", "cofferdam-prisoner")
	if err != nil {
		return "", err
	}
	// An unprivileged supervisor must be able to run it.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "prisoner")
	cmd := exec.Command("go", "build", "-tags", "cofferdam_breakin", "-o", path, "./sandboxtest/prisoner")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := prisoner(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// openDir is a folder for the targets, owned by the supervisor's user and reachable
// by all.
func openDir(t testing.TB, s starter) string {
	dir, err := os.MkdirTemp("", "cofferdam-targets")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, s.uid, s.uid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run has a supervisor of that kind start the children.
func (s starter) run(t testing.TB, j job) []done {
	t.Helper()
	path, err := prisoner()
	if err != nil {
		t.Fatalf("building the prisoner: %v", err)
	}
	j.Container, j.NoAdmin, j.As = s.container, s.noAdmin, s.as
	in, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "supervise")
	cmd.Stdin, cmd.Stderr, cmd.Dir = bytes.NewReader(in), os.Stderr, "/"
	cmd.SysProcAttr = s.attributes()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("supervisor as %s: %v", s.name, err)
	}
	var ds []done
	if err := json.Unmarshal(out, &ds); err != nil {
		t.Fatalf("supervisor as %s: %v in %s", s.name, err, out)
	}
	return ds
}

func (s starter) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	switch {
	case s.container:
		// As container engines map it: 65,536 ids from somewhere.
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 700_000_000, Size: 65_536}}
		attr.Cloneflags, attr.UidMappings, attr.GidMappings = syscall.CLONE_NEWUSER, ids, ids
		attr.GidMappingsEnableSetgroups = true
		attr.Credential = &syscall.Credential{}
	case s.uid != os.Getuid():
		attr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	return attr
}

const memory = 256 << 20

// cells are the two profiles that run hostile content.
func cells() []sandbox.Profile {
	return []sandbox.Profile{sandbox.Cell(memory), sandbox.Render(memory)}
}

// roles are all profiles, with dir as the folder of those that keep files.
func roles(dir string) []sandbox.Profile {
	return append(cells(),
		sandbox.Decoder(memory), sandbox.Keeper(dir), sandbox.Vault(dir),
		sandbox.Gate([]string{dir}, nil), sandbox.Porter(), sandbox.Courier())
}

// only is the list of layers to leave out so that just those named remain.
func only(keep ...sandbox.Layer) []sandbox.Layer {
	var out []sandbox.Layer
	for _, l := range sandbox.Layers() {
		kept := false
		for _, k := range keep {
			kept = kept || k == l
		}
		if !kept {
			out = append(out, l)
		}
	}
	return out
}
