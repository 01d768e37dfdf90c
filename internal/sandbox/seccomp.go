package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// seccomp installs the filter on all threads at once and tries it.
func (e *entry) seccomp() (string, error) {
	rules := rulesOf(e.p.Calls, uint32(os.Getpid()))
	prog, err := assemble(auditArch, rules, refuse(unix.EPERM))
	if err != nil {
		return "", err
	}
	// The kernel takes a filter from a process that cannot gain privileges; a test
	// that leaves that layer out still has to say so here.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl NO_NEW_PRIVS: %w", err)
	}
	if err := install(prog); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d rules, %d instructions", len(rules), len(prog)), e.tryFilter()
}

// install is seccomp(2) with TSYNC: all threads or none.
func install(prog []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(prog))
	for i, in := range prog {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if tid != 0 {
		return fmt.Errorf("seccomp: thread %d cannot take the filter", tid)
	}
	return nil
}

// tryFilter makes calls that would be granted without the filter. The deadly ones
// cannot be tried by a process that means to live on.
func (e *entry) tryFilter() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err := refusedWith("socket", fd, err, unix.EPERM); err != nil {
		return err
	}
	fd, err = unix.MemfdCreate("try", unix.MFD_CLOEXEC)
	if err := refusedWith("memfd_create", fd, err, unix.EPERM); err != nil {
		return err
	}
	fd, err = unix.Open("/", unix.O_WRONLY|unix.O_CREAT|unix.O_TMPFILE|unix.O_CLOEXEC, 0o600)
	if err == nil {
		unix.Close(fd)
		return errors.New("making a file in / was not refused")
	}
	return nil
}

func refusedWith(call string, fd int, err error, want unix.Errno) error {
	if errors.Is(err, want) {
		return nil
	}
	if err == nil {
		unix.Close(fd)
	}
	return fmt.Errorf("%s was not refused by the filter (%v)", call, err)
}
