package sandbox

// Layer names one defence. The names are part of the configuration (the list of
// layers that may be missing) and of doctor's output.
type Layer string

// The layers, in the order in which they are put on.
const (
	LayerIdentity     Layer = "identity"
	LayerNetwork      Layer = "network-namespace"
	LayerPID          Layer = "pid-namespace"
	LayerIPC          Layer = "ipc-namespace"
	LayerUTS          Layer = "uts-namespace"
	LayerRoot         Layer = "empty-root"
	LayerLimits       Layer = "limits"
	LayerMemory       Layer = "memory-limit"
	LayerCgroup       Layer = "cgroup-memory"
	LayerNoDump       Layer = "no-dump"
	LayerCapabilities Layer = "capabilities"
	LayerNoNewPrivs   Layer = "no-new-privs"
	LayerLandlock     Layer = "landlock"
	LayerSeccomp      Layer = "seccomp"
)

// Layers lists all layers in the order in which they are put on.
func Layers() []Layer {
	return []Layer{
		LayerIdentity, LayerNetwork, LayerPID, LayerIPC, LayerUTS, LayerRoot,
		LayerLimits, LayerMemory, LayerCgroup, LayerNoDump, LayerCapabilities,
		LayerNoNewPrivs, LayerLandlock, LayerSeccomp,
	}
}

// Explain says in one sentence what the layer is for, for doctor and the manual.
func (l Layer) Explain() string {
	switch l {
	case LayerIdentity:
		return "The role runs under a user id of its own (started as root) or in a user namespace of its own, so that no other process of this machine is in its reach."
	case LayerNetwork:
		return "The role has a network with no interface that is up: no protocol leads out of it."
	case LayerPID:
		return "The role sees no process but itself, so it has nobody to signal or to trace."
	case LayerIPC:
		return "The role shares no System V memory, semaphores or message queues."
	case LayerUTS:
		return "The role cannot change the machine's name."
	case LayerRoot:
		return "The role's file tree is empty but for the files its profile names; they are mounted without devices, programs or set-uid files."
	case LayerLimits:
		return "Core dumps are off, and open files and threads are bounded."
	case LayerMemory:
		return "A role that asks for more memory than its limit dies, and only it."
	case LayerCgroup:
		return "The kernel counts the role's memory in a control group as well; it needs cgroup v2 with a delegated memory controller."
	case LayerNoDump:
		return "The role's memory cannot be read through /proc or by a debugger of the same user."
	case LayerCapabilities:
		return "The role holds no capability and can never get one back."
	case LayerNoNewPrivs:
		return "No program that the role could start would gain rights."
	case LayerLandlock:
		return "The kernel refuses all files but those the profile names, and signals and abstract sockets to other processes."
	case LayerSeccomp:
		return "The kernel refuses all system calls but those on the role's list; calls that only an intruder makes end the process."
	}
	return "This layer is unknown."
}

// Optional says whether a role may start without the layer even when the
// configuration does not permit it. Only the control group is: RLIMIT_DATA
// bounds memory everywhere, and most machines delegate no control group.
func (l Layer) Optional() bool { return l == LayerCgroup }

func known(l Layer) bool {
	for _, k := range Layers() {
		if k == l {
			return true
		}
	}
	return false
}
