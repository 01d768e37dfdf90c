package sandboxtest

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func kernelAttempts() []Attempt {
	return []Attempt{
		{Name: "mount", Class: Kernel, Deadly: true, Root: true, Run: mountTmpfs},
		{Name: "new user and network namespace", Class: Kernel, Deadly: true, MayLack: "the machine may refuse user namespaces", Run: newNamespaces},
		{Name: "enter another namespace", Class: Kernel, Deadly: true, Root: true, Run: enterNamespace},
		{Name: "chroot", Class: Kernel, Deadly: true, Root: true, Run: func(t Targets) error { return wrap("chroot", unix.Chroot("/")) }},
		{Name: "io_uring", Class: Kernel, Deadly: true, MayLack: "the kernel may have no io_uring", Run: ioUring},
		{Name: "bpf program", Class: Kernel, Deadly: true, MayLack: "the kernel may keep bpf for root", Run: bpfProgram},
		{Name: "perf_event", Class: Kernel, Deadly: true, MayLack: "the kernel may keep perf for root", Run: perfEvent},
		{Name: "userfaultfd", Class: Kernel, Deadly: true, MayLack: "the kernel may have no userfaultfd", Run: userfault},
		{Name: "kernel keyring", Class: Kernel, Deadly: true, MayLack: "the kernel may have no keyrings", Run: keyring},
		{Name: "personality", Class: Kernel, Deadly: true, Run: personality},
		{Name: "x32 system call", Class: Kernel, Deadly: true, MayLack: "the kernel may have no x32 calls", Run: x32Call},
		{Name: "set the host name", Class: Kernel, Deadly: true, Root: true, Run: hostName},
		{Name: "map memory that runs", Class: Kernel, Run: mapExec},
		{Name: "make memory run", Class: Kernel, Run: protectExec},
		{Name: "become dumpable again", Class: Kernel, Run: dumpable},
		{Name: "attach a socket filter", Class: Kernel, Run: socketFilter},
		{Name: "become root", Class: Kernel, Root: true, Run: becomeRoot},
	}
}

func mountTmpfs(t Targets) error {
	if err := unix.Mount("x", t.Dir, "tmpfs", 0, "size=4k"); err != nil {
		return wrap("mount", err)
	}
	return wrap("umount", unix.Unmount(t.Dir, unix.MNT_DETACH))
}

// newNamespaces uses clone through a start of a program: unshare(2) with a user
// namespace is refused to any process with threads, as each of Go's is. The raw
// call comes first, for the filter to see.
func newNamespaces(Targets) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return wrap("unshare", err)
	}
	attr := &os.ProcAttr{Sys: &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET}}
	p, err := os.StartProcess("/bin/true", []string{"true"}, attr)
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

func enterNamespace(t Targets) error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", t.Victim), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1 // the deadly call is made all the same
	}
	if err2 := unix.Setns(fd, unix.CLONE_NEWNET); err2 != nil {
		return fmt.Errorf("open: %v; setns: %w", err, err2)
	}
	return unix.Close(fd)
}

func newDescriptor(call string, nr, a1, a2, a3, a4, a5 uintptr) error {
	fd, _, errno := unix.Syscall6(nr, a1, a2, a3, a4, a5, 0)
	if errno != 0 {
		return wrap(call, errno)
	}
	return unix.Close(int(fd))
}

func ioUring(Targets) error {
	var params [120]byte // struct io_uring_params
	return newDescriptor("io_uring_setup", unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0, 0, 0)
}

// bpfProgram loads "return 0" as a socket filter.
func bpfProgram(Targets) error {
	insns := []uint64{0x00000000000000b7, 0x0000000000000095} // mov r0, 0; exit
	license := cString("Apache-2.0")
	attr := struct {
		kind, count    uint32
		insns, license uint64
		rest           [96]byte
	}{
		kind: unix.BPF_PROG_TYPE_SOCKET_FILTER, count: uint32(len(insns)),
		insns: uint64(uintptr(unsafe.Pointer(&insns[0]))), license: uint64(uintptr(unsafe.Pointer(license))),
	}
	err := newDescriptor("bpf", unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0, 0)
	runtime.KeepAlive(insns)
	runtime.KeepAlive(license)
	return err
}

func perfEvent(Targets) error {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: unix.PERF_ATTR_SIZE_VER0,
		Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, 0)
	if err != nil {
		return wrap("perf_event_open", err)
	}
	return unix.Close(fd)
}

func userfault(Targets) error {
	const userModeOnly = 1
	return newDescriptor("userfaultfd", unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0, 0, 0)
}

func keyring(Targets) error {
	_, err := unix.AddKey("user", "cofferdam-attempt", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
	return wrap("add_key", err)
}

// personality asks for memory that can run wherever it can be read.
func personality(Targets) error {
	const readImpliesExec = 0x0400000
	_, _, errno := unix.Syscall(unix.SYS_PERSONALITY, readImpliesExec, 0, 0)
	if errno != 0 {
		return wrap("personality", errno)
	}
	return nil
}

func x32Call(Targets) error {
	const x32 = 0x40000000
	_, _, errno := unix.Syscall(x32|unix.SYS_GETPID, 0, 0, 0)
	if errno != 0 {
		return wrap("getpid by x32", errno)
	}
	return nil
}

// hostName sets the name that the machine has.
func hostName(Targets) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	return wrap("sethostname", unix.Sethostname([]byte(unix.ByteSliceToString(u.Nodename[:]))))
}

func mapExec(Targets) error {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return wrap("mmap", err)
	}
	return unix.Munmap(b)
}

func protectExec(Targets) error {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return wrap("mmap", err)
	}
	defer unix.Munmap(b)
	return wrap("mprotect", unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC))
}

func dumpable(Targets) error { return wrap("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)) }

// socketFilter gives the kernel a program to run, on a socket that needs no
// socket(2).
func socketFilter(Targets) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("socketpair", err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	insn := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	prog := unix.SockFprog{Len: 1, Filter: &insn}
	return wrap("setsockopt", unix.SetsockoptSockFprog(fds[0], unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
}

// becomeRoot succeeds for the host's root alone: within a user namespace the id 0
// may be anybody, so what counts is a right of root's, taken and given back.
func becomeRoot(t Targets) error {
	if err := unix.Setresuid(0, 0, 0); err != nil {
		return wrap("setresuid", err)
	}
	return wrap("chown", os.Chown(t.Dir, 0, 0))
}
