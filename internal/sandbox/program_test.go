package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const testPID = 77

// verdict runs a filter in the BPF machine of x/net. That machine loads words in
// network order, so the call is laid out so.
func verdict(t *testing.T, gs []Group, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	raw, err := assemble(auditArch, rulesOf(gs, testPID), refuse(unix.EPERM))
	if err != nil {
		t.Fatal(err)
	}
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program has unknown instructions")
	}
	vm, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offsetNr:], nr)
	binary.BigEndian.PutUint32(data[offsetArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offsetArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offsetArgs+8*i+4:], uint32(a>>32))
	}
	n, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

var (
	cellCalls   = Cell(0).Calls
	porterCalls = Porter().Calls
	keeperCalls = Keeper().Calls
	gateCalls   = Gate(nil, nil).Calls
)

// TestFilter states the filters in the words of system calls.
func TestFilter(t *testing.T) {
	eperm, eacces := refuse(unix.EPERM), refuse(unix.EACCES)
	for _, c := range []struct {
		name  string
		calls []Group
		nr    uint32
		args  []uint64
		want  uint32
	}{
		{"read", cellCalls, unix.SYS_READ, nil, allow},
		{"a Go thread", cellCalls, unix.SYS_CLONE, []uint64{0x50f00}, allow},
		{"a Go thread on x86-64", cellCalls, unix.SYS_CLONE, []uint64{0xd0f00}, allow},
		{"fork", cellCalls, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, eperm},
		{"vfork", cellCalls, unix.SYS_CLONE, []uint64{unix.CLONE_VFORK | unix.CLONE_VM | uint64(unix.SIGCHLD)}, eperm},
		{"thread in a new network", cellCalls, unix.SYS_CLONE, []uint64{0x50f00 | unix.CLONE_NEWNET}, eperm},
		{"clone3", cellCalls, unix.SYS_CLONE3, nil, refuse(unix.ENOSYS)},
		{"map to write", cellCalls, unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}, allow},
		{"map to run", cellCalls, unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, eperm},
		{"protect to run", keeperCalls, unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_EXEC}, eperm},
		{"own thread's signal", cellCalls, unix.SYS_TGKILL, []uint64{testPID, 80, 23}, allow},
		{"other process's thread", cellCalls, unix.SYS_TGKILL, []uint64{1, 80, 23}, eperm},
		{"kill all", cellCalls, unix.SYS_KILL, []uint64{0xffffffff, 9}, eperm},
		{"stream pair", cellCalls, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, allow},
		{"packet pair", cellCalls, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET}, allow},
		{"datagram pair", cellCalls, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_DGRAM}, eperm},
		{"pair of another family", cellCalls, unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, unix.SOCK_STREAM}, eperm},
		{"decoder's pair", Decoder(0).Calls, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM}, eperm},
		{"decoder's sendmsg", Decoder(0).Calls, unix.SYS_SENDMSG, nil, eperm},
		{"unix socket", cellCalls, unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM}, eperm},
		{"connect", cellCalls, unix.SYS_CONNECT, nil, eperm},
		{"bind", gateCalls, unix.SYS_BIND, nil, eperm},
		{"listen", gateCalls, unix.SYS_LISTEN, nil, eperm},
		{"cell accepts", cellCalls, unix.SYS_ACCEPT4, nil, eperm},
		{"cell shuts a line down", cellCalls, unix.SYS_SHUTDOWN, nil, eperm},
		{"gate shuts a connection down", gateCalls, unix.SYS_SHUTDOWN, nil, allow},
		{"porter shuts a connection down", porterCalls, unix.SYS_SHUTDOWN, nil, allow},
		{"gate accepts", gateCalls, unix.SYS_ACCEPT4, nil, allow},
		{"gate sets no-delay", gateCalls, unix.SYS_SETSOCKOPT, []uint64{3, unix.IPPROTO_TCP, unix.TCP_NODELAY}, allow},
		{"cell sets no-delay", cellCalls, unix.SYS_SETSOCKOPT, []uint64{3, unix.IPPROTO_TCP, unix.TCP_NODELAY}, eperm},
		{"socket filter", gateCalls, unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}, eperm},
		{"kernel TLS", porterCalls, unix.SYS_SETSOCKOPT, []uint64{3, unix.IPPROTO_TCP, unix.TCP_ULP}, eperm},
		{"cell opens", cellCalls, unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDONLY}, eacces},
		{"porter reads", porterCalls, unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDONLY | unix.O_CLOEXEC}, allow},
		{"porter writes", porterCalls, unix.SYS_OPENAT, []uint64{0, 0, unix.O_WRONLY}, eperm},
		{"porter creates", porterCalls, unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDONLY | unix.O_CREAT}, eperm},
		{"keeper writes", keeperCalls, unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDWR | unix.O_CREAT}, allow},
		{"keeper dials", keeperCalls, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM}, eperm},
		{"porter dials TCP", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_STREAM | unix.SOCK_NONBLOCK, 0}, allow},
		{"porter dials UDP", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM, 0}, allow},
		{"porter dials Multipath TCP", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, eperm},
		{"porter sends raw", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, 0}, eperm},
		{"porter's unix socket", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, eperm},
		{"porter's netlink", porterCalls, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, 0}, eperm},
		{"exec", gateCalls, unix.SYS_EXECVE, nil, kill},
		{"ptrace", keeperCalls, unix.SYS_PTRACE, nil, kill},
		{"io_uring", porterCalls, unix.SYS_IO_URING_SETUP, nil, kill},
		{"dumpable", cellCalls, unix.SYS_PRCTL, []uint64{unix.PR_SET_DUMPABLE, 1}, eperm},
		{"limits", cellCalls, unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_DATA, 1}, eperm},
		{"a call of the future", keeperCalls, 2000, nil, eperm},
	} {
		if got := verdict(t, c.calls, auditArch, c.nr, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

// TestForeignCalls: another architecture's numbers, and x32's, mean other calls.
func TestForeignCalls(t *testing.T) {
	const i386 = uint32(unix.AUDIT_ARCH_I386)
	if got := verdict(t, cellCalls, i386, unix.SYS_READ); got != kill {
		t.Errorf("a 32-bit call: %#x, want the process killed", got)
	}
	if got := verdict(t, cellCalls, auditArch, x32Bit|unix.SYS_READ); got != kill {
		t.Errorf("an x32 call: %#x, want the process killed", got)
	}
}

// TestNoCallIsBothAllowedAndDeadly: the first rule of a call decides, so a call on
// two lists would be decided by their order.
func TestNoCallIsBothAllowedAndDeadly(t *testing.T) {
	all := rulesOf(groups(), testPID)
	deadly := map[uint32]bool{}
	for _, r := range all {
		if r.action == kill {
			deadly[r.nr] = true
		}
	}
	for _, r := range all {
		if r.action == allow && deadly[r.nr] {
			t.Errorf("call %d is allowed and deadly", r.nr)
		}
	}
	raw, err := assemble(auditArch, all, refuse(unix.EPERM))
	if err != nil || len(raw) > maxProgram {
		t.Errorf("all groups together: %d instructions, %v", len(raw), err)
	}
}

func TestProgramTooLong(t *testing.T) {
	if _, err := assemble(auditArch, make([]rule, maxProgram), allow); err == nil {
		t.Error("a program over the kernel's limit was assembled")
	}
}
