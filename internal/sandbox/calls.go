package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Group names a set of system calls that belong together.
type Group string

const (
	// RuntimeCalls is what the Go runtime needs, and reading and writing what is
	// open. It opens nothing.
	RuntimeCalls Group = "runtime"
	// LineCalls is working on sockets that are there, passing descriptors and
	// making unix socket pairs.
	LineCalls Group = "line"
	// AcceptCalls is accepting on a listening socket that was inherited.
	AcceptCalls Group = "accept"
	// ReadCalls is opening files for reading.
	ReadCalls Group = "read-files"
	// FileCalls is all work with files; Landlock and the empty root say which.
	FileCalls Group = "files"
	// DialCalls is TCP and UDP outward.
	DialCalls Group = "dial"
)

func groups() []Group {
	return []Group{RuntimeCalls, LineCalls, AcceptCalls, ReadCalls, FileCalls, DialCalls}
}

// goThread is the one set of clone(2) flags with which the Go runtime makes a
// thread (runtime/os_linux.go): CLONE_VM, FS, FILES, SIGHAND, SYSVSEM, THREAD. A
// process or a namespace needs others. On x86-64 the assembly adds CLONE_SETTLS.
const goThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD

// nameVMA is PR_SET_VMA: the runtime names its memory for smaps.
const nameVMA = 0x53564d41

const (
	sockType    = 0xf // the type within socket(2)'s second argument, beside flags
	openToWrite = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
)

// rulesOf lists the rules of a profile's groups for the process pid, the most
// frequent calls first.
func rulesOf(gs []Group, pid uint32) []rule {
	var out []rule
	has := func(g Group) bool { return slices.Contains(gs, g) }
	out = append(out, plain(runtimeList)...)
	if has(LineCalls) {
		out = append(out, plain(lineList)...)
		out = append(out, pairRule(), optionRule(gs))
	}
	if has(AcceptCalls) {
		out = append(out, plain([]uint32{unix.SYS_ACCEPT4})...)
	}
	if has(AcceptCalls) || has(DialCalls) {
		// TCP alone: a line that one role shuts down stays so for its successor,
		// which gets the same end of it.
		out = append(out, plain([]uint32{unix.SYS_SHUTDOWN})...)
	}
	if has(FileCalls) {
		out = append(out, plain(fileList)...)
		out = append(out, plain(archFileList)...)
	}
	if has(ReadCalls) {
		out = append(out, plain(readList)...)
		out = append(out, rule{unix.SYS_OPENAT, []cond{{2, openToWrite, []uint32{0}}}, allow})
	}
	if has(DialCalls) {
		out = append(out, dialRules()...)
	}
	out = append(out, runtimeRules(pid)...)
	return append(out, deadlyRules()...)
}

func plain(nrs []uint32) []rule {
	out := make([]rule, len(nrs))
	for i, nr := range nrs {
		out[i] = rule{nr: nr, action: allow}
	}
	return out
}

func is(arg int, values ...uint32) cond { return cond{arg, wholeWord, values} }

// runtimeRules are the runtime's calls whose arguments matter, and the answers to
// calls for which Go has another way when the answer is the right one.
func runtimeRules(pid uint32) []rule {
	noExec := func(arg int) []cond { return []cond{{arg, unix.PROT_EXEC, []uint32{0}}} }
	return []rule{
		{unix.SYS_MMAP, noExec(2), allow},
		{unix.SYS_MPROTECT, noExec(2), allow},
		{unix.SYS_CLONE, []cond{is(0, goThread, goThread|unix.CLONE_SETTLS)}, allow},
		{unix.SYS_TGKILL, []cond{is(0, pid)}, allow},
		{unix.SYS_KILL, []cond{is(0, pid)}, allow}, // dying of one's own signal
		{unix.SYS_PRCTL, []cond{is(0, nameVMA)}, allow},
		{unix.SYS_FCNTL, []cond{is(1, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC)}, allow},
		{nr: unix.SYS_CLONE3, action: refuse(unix.ENOSYS)},   // its flags lie in memory, out of sight of a filter
		{nr: unix.SYS_SPLICE, action: refuse(unix.EINVAL)},   // net falls back to read and write
		{nr: unix.SYS_SENDFILE, action: refuse(unix.EINVAL)}, // likewise
		{nr: unix.SYS_OPENAT, action: refuse(unix.EACCES)},
	}
}

// pairRule allows unix socket pairs of the kinds that stay connected for good. A
// datagram pair must not be: sendto(2) and sendmsg(2) with an address reach any
// unix datagram socket of the machine from it.
func pairRule() rule {
	return rule{unix.SYS_SOCKETPAIR, []cond{
		is(0, unix.AF_UNIX),
		{1, sockType, []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET}},
	}, allow}
}

// optionRule allows the socket options that net sets. Others load programs into
// the kernel (SO_ATTACH_FILTER) or reach its less trodden parts (TCP_ULP).
func optionRule(gs []Group) rule {
	levels := []uint32{unix.SOL_SOCKET}
	names := []uint32{unix.SO_REUSEADDR, unix.SO_BROADCAST, unix.SO_SNDBUF, unix.SO_RCVBUF, unix.SO_KEEPALIVE, unix.SO_LINGER}
	if slices.Contains(gs, AcceptCalls) || slices.Contains(gs, DialCalls) {
		levels = append(levels, unix.IPPROTO_TCP)
		names = append(names, unix.TCP_NODELAY, unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT, unix.TCP_USER_TIMEOUT)
	}
	return rule{unix.SYS_SETSOCKOPT, []cond{is(1, levels...), is(2, names...)}, allow}
}

func dialRules() []rule {
	return []rule{
		{nr: unix.SYS_CONNECT, action: allow},
		{unix.SYS_SOCKET, []cond{
			is(0, unix.AF_INET, unix.AF_INET6),
			{1, sockType, []uint32{unix.SOCK_STREAM, unix.SOCK_DGRAM}},
			is(2, 0, unix.IPPROTO_TCP, unix.IPPROTO_UDP),
		}, allow},
	}
}

// deadlyRules are calls that no part of Cofferdam makes: whoever makes one is an
// intruder, and the process ends.
func deadlyRules() []rule {
	out := make([]rule, 0, len(deadlyList)+len(archDeadlyList))
	for _, nr := range deadlyList {
		out = append(out, rule{nr: nr, action: kill})
	}
	for _, nr := range archDeadlyList {
		out = append(out, rule{nr: nr, action: kill})
	}
	return out
}
