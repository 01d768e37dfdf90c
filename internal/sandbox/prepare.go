package sandbox

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
)

// Prepare sets cmd up to start under the profile on this host. cmd must run this
// very binary (Path /proc/self/exe) and call Inherited and Enter first thing.
//
// Prepare replaces a nil environment by an empty one (the supervisor's may hold
// secrets), the folder by "/", and sets the namespaces, the identity, a session of
// its own and death with the supervisor in SysProcAttr; other fields are kept. The
// kernel sends the death signal when the *thread* that started the child ends, so
// start children from a goroutine that is not locked to a thread that ends.
//
// done gives back what the child holds on the host (user id, control group). Call
// it after cmd.Wait, or at once when cmd.Start fails; twice is harmless.
func (p Profile) Prepare(cmd *exec.Cmd, h *Host) (done func(), err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	uid, gid, free, err := h.takeIdentity(p)
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", p.Role, err)
	}
	o := &order{Profile: p, Without: p.without, Refused: map[Layer]string{}, UserNS: h.userns && h.wantsUserNS(p), Host: hostNamespaces()}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	h.attach(cmd.SysProcAttr, p, o, uid, gid)
	free = h.attachCgroup(cmd.SysProcAttr, p, o, free)
	word, err := o.encode()
	if err != nil {
		free()
		return nil, err
	}
	cmd.Env = append(slices.Clone(cmd.Env), word)
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return sync.OnceFunc(free), nil
}

// wantsUserNS: a test that leaves out the identity still needs a user namespace to
// be granted the other ones; root does not.
func (h *Host) wantsUserNS(p Profile) bool {
	if p.has(LayerIdentity) {
		return true
	}
	wanted := func(l Layer) bool { return p.has(l) && (l != LayerNetwork || p.Network == NoNetwork) }
	return !h.root && slices.ContainsFunc(slices.Collect(maps.Keys(namespaces())), wanted)
}

// takeIdentity chooses the user id of a child; without root there is none to give.
func (h *Host) takeIdentity(p Profile) (uid, gid uint32, free func(), err error) {
	if !h.root {
		return 0, 0, func() {}, nil
	}
	if p.UID != 0 {
		return p.UID, p.GID, func() {}, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	uid, err = h.uids.take()
	if err != nil {
		return 0, 0, nil, err
	}
	return uid, uid, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.uids.give(uid)
	}, nil
}

// attach sets clone flags, mappings and the death signal, and writes into the
// order what was refused.
func (h *Host) attach(attr *syscall.SysProcAttr, p Profile, o *order, uid, gid uint32) {
	attr.Setsid = true
	attr.Pdeathsig = syscall.SIGKILL
	if o.UserNS {
		id := h.identity(uid, gid)
		attr.Cloneflags |= id.Cloneflags
		attr.UidMappings, attr.GidMappings = id.UidMappings, id.GidMappings
		attr.GidMappingsEnableSetgroups = id.GidMappingsEnableSetgroups
		attr.Credential = id.Credential
	} else if h.root && p.has(LayerIdentity) {
		o.SetUID, o.SetGID = uid, gid
	}
	if err := h.refused[LayerIdentity]; err != nil {
		o.Refused[LayerIdentity] = err.Error()
		o.SetUID, o.SetGID = 0, 0
	}
	for layer, flag := range namespaces() {
		if !p.has(layer) || layer == LayerNetwork && p.Network == DialOut {
			continue
		}
		if err := h.refused[layer]; err != nil {
			o.Refused[layer] = err.Error()
			continue
		}
		attr.Cloneflags |= flag
	}
}

// attachCgroup starts the child in a control group of its own, and returns what
// frees that too.
func (h *Host) attachCgroup(attr *syscall.SysProcAttr, p Profile, o *order, free func()) func() {
	if p.Memory == 0 || !p.has(LayerCgroup) {
		return free
	}
	if h.groups == nil {
		if err := h.refused[LayerCgroup]; err != nil {
			o.Refused[LayerCgroup] = err.Error()
		}
		return free
	}
	g, err := h.groups.create(p.Role, p.Memory)
	if err != nil {
		o.Refused[LayerCgroup] = err.Error()
		return free
	}
	attr.UseCgroupFD, attr.CgroupFD = true, int(g.dir.Fd())
	o.Cgroup = true
	return func() { free(); g.remove() }
}

// nsFiles are the names of namespaces under /proc/self/ns.
func nsFiles() map[Layer]string {
	return map[Layer]string{
		LayerIdentity: "user", LayerNetwork: "net", LayerPID: "pid",
		LayerIPC: "ipc", LayerUTS: "uts", LayerRoot: "mnt",
	}
}

// hostNamespaces is by what a child knows that it is in other namespaces than its
// parent: their inode numbers. Empty where /proc is not mounted.
func hostNamespaces() map[Layer]uint64 {
	out := map[Layer]uint64{}
	for layer, name := range nsFiles() {
		info, err := os.Stat("/proc/self/ns/" + name)
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			out[layer] = st.Ino
		}
	}
	return out
}
