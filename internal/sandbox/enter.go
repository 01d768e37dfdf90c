package sandbox

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Enter closes this process in, over all of its threads, and tries every layer.
// Call it once, first thing in the role, with the profile from Inherited.
//
// The report is complete even when there is an error. The error is a
// *MissingError when the kernel refused a layer that the profile does not permit
// to be missing; the process must then end.
func Enter(p Profile) (Report, error) {
	if p.order == nil {
		return Report{Role: p.Role}, ErrNoOrder
	}
	if err := p.check(); err != nil {
		return Report{Role: p.Role}, err
	}
	// The landlock library and seccomp act from the calling thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	e := &entry{p: p, o: p.order, report: Report{Role: p.Role, LandlockABI: landlockABI()}}
	e.user, e.userErr = e.apart(LayerIdentity) // while there is a /proc to look into
	e.base = dataNow()
	for _, s := range e.steps() {
		e.run(s)
	}
	return e.report, e.report.Check(p.Permit)
}

// entry is one run of Enter.
type entry struct {
	p      Profile
	o      *order
	report Report

	user    string // whether the user namespace is our own
	userErr error
	base    int64 // bytes that RLIMIT_DATA counts of the empty role
}

// A step puts one layer on and says what was tried to see that it holds.
type step struct {
	layer Layer
	apply func() (words string, err error)
}

// steps is in the order in which a layer may take the next one's means away:
// mounts need capabilities, capabilities go before the filter that would refuse
// giving them up, seccomp is last.
func (e *entry) steps() []step {
	return []step{
		{LayerNetwork, e.network},
		{LayerPID, e.pid},
		{LayerIPC, func() (string, error) { return e.apart(LayerIPC) }},
		{LayerUTS, func() (string, error) { return e.apart(LayerUTS) }},
		{LayerCgroup, e.cgroup},
		{LayerRoot, e.root},
		{LayerLimits, e.limits},
		{LayerMemory, e.memory},
		{LayerCapabilities, e.capabilities},
		{LayerIdentity, e.identity},
		{LayerNoDump, e.noDump},
		{LayerNoNewPrivs, e.noNewPrivs},
		{LayerLandlock, e.landlock},
		{LayerSeccomp, e.seccomp},
	}
}

// run does one step and writes its line of the report.
func (e *entry) run(s step) {
	line := Entry{Layer: s.layer, State: Active}
	switch reason, off := e.unused(s.layer); {
	case !e.p.has(s.layer):
		line.State, line.Words = Off, "left out by a test build"
	case off:
		line.State, line.Words = Off, reason
	case e.o.Refused[s.layer] != "":
		line.State, line.Words = Refused, e.o.Refused[s.layer]
	default:
		words, err := s.apply()
		line.Words = words
		if err != nil {
			line.State, line.Words = Refused, err.Error()
		}
	}
	e.report.Entries = append(e.report.Entries, line)
}

// unused names the layers for which this role has no use.
func (e *entry) unused(l Layer) (reason string, off bool) {
	switch {
	case l == LayerNetwork && e.p.Network == DialOut:
		return "the role dials out", true
	case l == LayerMemory && e.p.Memory == 0:
		return "the role has no memory limit", true
	case l == LayerCgroup && !e.o.Cgroup && e.o.Refused[l] == "":
		return "not asked for", true
	}
	return "", false
}

// cgroup: the child was started in its group, or not at all.
func (e *entry) cgroup() (string, error) { return "started in a control group of its own", nil }

// limits: no core dumps; descriptors and threads bounded.
func (e *entry) limits() (string, error) {
	files := e.p.Files
	if files == 0 {
		files = fileLimit
	}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return "", fmt.Errorf("getrlimit NOFILE: %w", err)
	}
	files = min(files, now.Max)
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: files}
	words := fmt.Sprintf("no core dump, %d files", files)
	if e.o.UserNS || e.o.SetUID != 0 {
		// The count is of all processes of the user id: without one of our own it
		// would count other people's.
		limits[unix.RLIMIT_NPROC] = threadLimit
		words += fmt.Sprintf(", %d threads", threadLimit)
	}
	for what, n := range limits {
		if err := unix.Prlimit(0, what, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil {
			return "", fmt.Errorf("setrlimit %d: %w", what, err)
		}
	}
	return words, nil
}

// noDump makes /proc/self root's and refuses debuggers of the same user.
func (e *entry) noDump() (string, error) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl DUMPABLE: %w", err)
	}
	n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || n != 0 {
		return "", fmt.Errorf("the process is still dumpable (%d, %v)", n, err)
	}
	return "not dumpable", nil
}

func (e *entry) noNewPrivs() (string, error) {
	if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return "", fmt.Errorf("prctl NO_NEW_PRIVS: %w", err)
	}
	n, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || n != 1 {
		return "", fmt.Errorf("no_new_privs is not set (%d, %v)", n, err)
	}
	return "set on all threads", nil
}
