package sandboxtest

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Announcement is what the exec attempts print when a program of theirs runs: the
// process that could tell the outcome is gone by then.
const Announcement = "another program runs"

func processAttempts() []Attempt {
	return []Attempt{
		{Name: "exec", Class: Processes, Deadly: true, Run: execShell},
		{Name: "exec by descriptor", Class: Processes, Deadly: true, Run: execDescriptor},
		{Name: "fork and exec", Class: Processes, Run: forkExec},
		{Name: "exec of a file in memory", Class: Processes, Run: execMemfd},
		{Name: "ptrace another process", Class: Processes, Deadly: true, MayLack: "Yama may forbid tracing", Run: tracePeer},
		{Name: "read another process's memory", Class: Processes, Deadly: true, MayLack: "Yama may forbid tracing", Run: readPeer},
		{Name: "signal another process", Class: Processes, Run: signalPeer},
		{Name: "take another process's descriptor", Class: Processes, Deadly: true, MayLack: "Yama may forbid tracing", Run: takeDescriptor},
		{Name: "limit another process", Class: Processes, Run: limitPeer},
	}
}

func execShell(Targets) error {
	return wrap("execve", unix.Exec("/bin/sh", []string{"sh", "-c", "echo " + Announcement}, nil))
}

func execDescriptor(Targets) error {
	path, argv0 := cString("/bin/echo"), cString("echo")
	argv1 := cString(Announcement)
	argv := []*byte{argv0, argv1, nil}
	at := unix.AT_FDCWD
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(at), uintptr(unsafe.Pointer(path)),
		uintptr(unsafe.Pointer(&argv[0])), 0, 0, 0)
	return wrap("execveat", errno)
}

func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}

func forkExec(Targets) error { return runProgram("/bin/true") }

func runProgram(path string) error {
	p, err := os.StartProcess(path, []string{"true"}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	state, err := p.Wait()
	if err == nil && !state.Success() {
		return fmt.Errorf("the program ended with %s", state)
	}
	return err
}

func execMemfd(Targets) error {
	fd, err := unix.MemfdCreate("out", 0)
	if err != nil {
		return wrap("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "out")
	defer f.Close()
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		return err
	}
	if _, err := f.Write(program); err != nil {
		return err
	}
	return runProgram(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// tracePeer seizes and lets go: seizing does not stop the victim.
func tracePeer(t Targets) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(t.Victim), 0, 0, 0, 0)
	if errno != 0 {
		return wrap("ptrace", errno)
	}
	// Detaching needs a stopped victim; the end of this process detaches as well.
	return nil
}

func readPeer(t Targets) error {
	b := make([]byte, len(VictimSecret))
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: t.VictimAddr, Len: len(b)}}
	n, err := unix.ProcessVMReadv(t.Victim, local, remote, 0)
	if err != nil {
		return wrap("process_vm_readv", err)
	}
	if string(b[:n]) != VictimSecret {
		return fmt.Errorf("read %q", b[:n])
	}
	return nil
}

// signalPeer sends what every program ignores unless it asked for it.
func signalPeer(t Targets) error { return wrap("kill", unix.Kill(t.Victim, unix.SIGWINCH)) }

func takeDescriptor(t Targets) error {
	pidfd, err := unix.PidfdOpen(t.Victim, 0)
	if err != nil {
		// The deadly call is made all the same: a refused pidfd_open must not hide
		// what becomes of it.
		pidfd = -1
	}
	defer unix.Close(pidfd)
	fd, err2 := unix.PidfdGetfd(pidfd, 0, 0)
	if err2 != nil {
		return fmt.Errorf("pidfd_open: %v; pidfd_getfd: %w", err, err2)
	}
	return unix.Close(fd)
}

// limitPeer reads a limit of the victim, which needs the same right as setting it.
func limitPeer(t Targets) error {
	var lim unix.Rlimit
	return wrap("prlimit", unix.Prlimit(t.Victim, unix.RLIMIT_CORE, nil, &lim))
}
