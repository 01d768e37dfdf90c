package sandbox

import "time"

const (
	// MemoryFloor is the least hard limit, in bytes, that a profile may state. An
	// HTTP server that answers a few concurrent calls of 1 MiB lives in it.
	MemoryFloor = 64 << 20

	// emptyRole is what RLIMIT_DATA is taken to count of a role that has done no
	// work, where /proc does not tell: 32 MiB of the runtime's arena index and as
	// much of zeroed data were measured, and some heap.
	emptyRole = 96 << 20

	// softShare is the part, in percent, of the hard memory limit at which the
	// garbage collector starts to work harder (GOMEMLIMIT). RLIMIT_DATA counts
	// address space that was mapped once, also what was given back since, so the
	// distance must take fragmentation.
	softShare = 70

	// threadLimit bounds RLIMIT_NPROC. Go has about one thread for each running
	// goroutine plus one for each that is stuck in a system call; the roles block
	// in none. The runtime ends the process at the limit.
	threadLimit = 512

	// fileLimit bounds RLIMIT_NOFILE of a role that states none. It is 16 lines
	// of 256 connections.
	fileLimit = 4096

	// oneShotFiles is RLIMIT_NOFILE of a decoder: standard files, one line, and
	// what the Go runtime keeps open.
	oneShotFiles = 32

	// MaxPaths bounds the files and folders of one profile: each is a mount and a
	// Landlock rule, made at each start of the role.
	MaxPaths = 64

	// maxOrder bounds the environment variable that carries the profile to the
	// child; the kernel's own limit for one string is 128 KiB.
	maxOrder = 64 << 10

	// probeTimeout bounds Probe: a start takes milliseconds, on a machine under load
	// some hundred.
	probeTimeout = 10 * time.Second

	// maxProgram is the kernel's limit of one seccomp program (BPF_MAXINSNS).
	maxProgram = 4096

	// rootSize bounds the tmpfs that is a role's root, in bytes. It holds mount
	// points alone.
	rootSize = 256 << 10

	// DefaultUIDBase and DefaultUIDCount are the user ids given to roles when
	// started as root: 1879048192 and up is a range that systemd's list of ids
	// (UIDS-GIDS) leaves unused, so they meet no person and no container.
	DefaultUIDBase  = 1_900_000_000
	DefaultUIDCount = 65_536

	// narrowUIDBase is tried when the range above is not mapped, as in a
	// container with 65,536 ids. It lies between systemd's dynamic users
	// (to 65519) and the overflow ids.
	narrowUIDBase  = 60_600
	narrowUIDCount = 500
)
