package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
)

// HostConfig is what the machine's administrator may say about this machine.
type HostConfig struct {
	// UIDBase and UIDCount are the user ids (and group ids) for roles when started
	// as root; zero takes DefaultUIDBase, or a narrow range where a container
	// does not map that.
	UIDBase, UIDCount uint32

	// Cgroup asks for a control group for each role with a memory limit.
	Cgroup bool
}

// Host is what this machine offers to a supervisor, found by trying.
type Host struct {
	root    bool            // started as root
	userns  bool            // children get a user namespace
	refused map[Layer]error // namespaces the kernel refused, with its words
	groups  *cgroups        // nil: refused or not asked for

	mu   sync.Mutex // guards uids
	uids uidRange
}

// namespaces are the layers that are clone(2) flags.
func namespaces() map[Layer]uintptr {
	return map[Layer]uintptr{
		LayerNetwork: syscall.CLONE_NEWNET,
		LayerPID:     syscall.CLONE_NEWPID,
		LayerIPC:     syscall.CLONE_NEWIPC,
		LayerUTS:     syscall.CLONE_NEWUTS,
		LayerRoot:    syscall.CLONE_NEWNS,
	}
}

// Detect tries what the kernel grants to this process's children. It starts no
// program: each trial is a clone whose exec cannot succeed, about a millisecond.
func Detect(cfg HostConfig) (*Host, error) {
	h := &Host{root: os.Geteuid() == 0, refused: map[Layer]error{}}
	h.uids = uidRange{base: cfg.UIDBase, count: cfg.UIDCount}
	if h.uids.base == 0 {
		h.uids = uidRange{base: DefaultUIDBase, count: DefaultUIDCount}
	}
	if h.uids.count == 0 {
		return nil, fmt.Errorf("sandbox: a range of user ids from %d with no ids in it", h.uids.base)
	}
	h.detectIdentity(cfg.UIDBase == 0)
	for layer, flag := range namespaces() {
		attr := h.identity(h.uids.base, h.uids.base)
		attr.Cloneflags |= flag
		if err := tryStart(attr); err != nil {
			h.refused[layer] = fmt.Errorf("clone: %w", err)
		}
	}
	if cfg.Cgroup {
		g, err := openCgroups(cgroupMount, ownCgroupFile)
		if err != nil {
			h.refused[LayerCgroup] = err
		}
		h.groups = g
	}
	return h, nil
}

// detectIdentity finds how children get an identity: a user namespace when it is
// granted, else (as root) a plain change of user id.
func (h *Host) detectIdentity(mayNarrow bool) {
	h.userns = true
	err := tryStart(h.identity(h.uids.base, h.uids.base))
	if err == nil {
		return
	}
	narrow := uidRange{base: narrowUIDBase, count: narrowUIDCount}
	if h.root && mayNarrow && tryStart(h.identity(narrow.base, narrow.base)) == nil {
		h.uids = narrow
		return
	}
	h.userns = false
	if !h.root {
		h.refused[LayerIdentity] = fmt.Errorf("user namespace: %w", err)
		return
	}
	if err = trySetuid(h.uids.base); err != nil && mayNarrow && trySetuid(narrow.base) == nil {
		h.uids, err = narrow, nil
	}
	if err != nil {
		h.refused[LayerIdentity] = fmt.Errorf("changing to user id %d: %w", h.uids.base, err)
	}
}

// identity is how a child is started under uid: in a user namespace in which it is
// root and outside of which it is uid. Without user namespaces the attributes are
// empty and the child changes its id itself, after its last act as root.
func (h *Host) identity(uid, gid uint32) *syscall.SysProcAttr {
	if !h.userns {
		return &syscall.SysProcAttr{}
	}
	if !h.root {
		uid, gid = uint32(os.Geteuid()), uint32(os.Getegid())
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(uid), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(gid), Size: 1}},
		// As root the supplementary groups are dropped; an unprivileged user's
		// children cannot drop theirs and may not call setgroups at all.
		GidMappingsEnableSetgroups: h.root,
		Credential:                 &syscall.Credential{Uid: 0, Gid: 0},
	}
}

// cannotRun is a path below a file: exec of it answers ENOTDIR, which shows that
// everything before exec was granted.
const cannotRun = "/dev/null/none"

// tryStart does all of a start but exec.
func tryStart(attr *syscall.SysProcAttr) error {
	_, err := syscall.ForkExec(cannotRun, []string{cannotRun}, &syscall.ProcAttr{Dir: "/", Sys: attr})
	if errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

func trySetuid(uid uint32) error {
	return tryStart(&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}})
}

// Refused lists the layers that this machine refuses to children, as far as it
// shows before one is started.
func (h *Host) Refused() []Entry {
	var out []Entry
	for _, l := range Layers() {
		if err := h.refused[l]; err != nil {
			out = append(out, Entry{l, Refused, err.Error()})
		}
	}
	return out
}

// Root says whether the supervisor runs as root, so that roles get user ids.
func (h *Host) Root() bool { return h.root }

// uidRange hands out user ids; each is in use once at a time.
type uidRange struct {
	base, count uint32
	used        []uint32
	next        uint32
}

var errNoUID = errors.New("every user id of the sandbox's range is in use")

func (r *uidRange) take() (uint32, error) {
	for range r.count {
		uid := r.base + r.next%r.count
		r.next++
		if !slices.Contains(r.used, uid) {
			r.used = append(r.used, uid)
			return uid, nil
		}
	}
	return 0, errNoUID
}

func (r *uidRange) give(uid uint32) {
	r.used = slices.DeleteFunc(r.used, func(u uint32) bool { return u == uid })
}
