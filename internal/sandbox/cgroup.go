package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	cgroupMount   = "/sys/fs/cgroup"
	ownCgroupFile = "/proc/self/cgroup"
)

// cgroups is the part of the cgroup v2 tree that was delegated to the supervisor
// (systemd: Delegate=memory). The supervisor moves into a leaf of it, as the
// kernel lets a group with processes of its own have no controlled children.
type cgroups struct {
	base string
	next atomic.Int64
}

// cgroup is the control group of one child.
type cgroup struct {
	path string
	dir  *os.File
}

// openCgroups finds and prepares the delegated tree. The error says what is not
// as it must be; most machines delegate none.
func openCgroups(mount, ownFile string) (*cgroups, error) {
	own, err := ownCgroup(ownFile)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(mount, own)
	if filepath.Base(base) == supervisorGroup {
		base = filepath.Dir(base) // systemd's DelegateSubgroup, or a restart
	}
	controllers, err := os.ReadFile(filepath.Join(base, "cgroup.controllers"))
	if err != nil {
		return nil, fmt.Errorf("cgroup v2: %w", err)
	}
	if !slices.Contains(strings.Fields(string(controllers)), "memory") {
		return nil, errors.New("cgroup v2: the memory controller is not delegated to this process")
	}
	leaf := filepath.Join(base, supervisorGroup)
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return nil, fmt.Errorf("cgroup v2: %w", err)
	}
	if err := writeControl(leaf, "cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
		return nil, err
	}
	if err := writeControl(base, "cgroup.subtree_control", "+memory"); err != nil {
		return nil, err
	}
	return &cgroups{base: base}, nil
}

const supervisorGroup = "supervisor"

// ownCgroup reads the v2 line, "0::/path", of /proc/self/cgroup.
func ownCgroup(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("cgroup v2: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Clean("/" + path), nil
		}
	}
	return "", errors.New("cgroup v2: not mounted")
}

// create makes the group of one child: memory bytes, no swap, and all of it dies
// together.
func (c *cgroups) create(role string, memory int64) (*cgroup, error) {
	path := filepath.Join(c.base, fmt.Sprintf("%s-%d", role, c.next.Add(1)))
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("cgroup v2: %w", err)
	}
	g := &cgroup{path: path}
	if err := writeControl(path, "memory.max", strconv.FormatInt(memory, 10)); err != nil {
		g.remove()
		return nil, err
	}
	// A kernel without swap accounting has no such file, and needs none.
	if err := writeControl(path, "memory.swap.max", "0"); err != nil && !errors.Is(err, os.ErrNotExist) {
		g.remove()
		return nil, err
	}
	if err := writeControl(path, "memory.oom.group", "1"); err != nil {
		g.remove()
		return nil, err
	}
	dir, err := os.Open(path)
	if err != nil {
		g.remove()
		return nil, fmt.Errorf("cgroup v2: %w", err)
	}
	g.dir = dir
	return g, nil
}

// remove deletes the group; its processes have ended.
func (g *cgroup) remove() {
	if g.dir != nil {
		g.dir.Close()
	}
	os.Remove(g.path) // a group that is left behind is empty and harmless
}

func writeControl(dir, name, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cgroup v2: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("cgroup v2: writing %s: %w", name, err)
	}
	return nil
}
