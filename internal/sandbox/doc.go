// Package sandbox closes a role in, on Linux: what it cannot reach, a bug in it
// cannot reach either.
//
// # How a role is closed in
//
// The supervisor asks once what the kernel offers (Detect) and prepares each
// child's command with the role's Profile (Profile.Prepare): namespaces, an own
// user id or an own user namespace, an empty network. The child is the same
// static binary; before it reads a foreign byte it calls
//
//	p, err := sandbox.Inherited()
//	report, err := sandbox.Enter(p)
//
// which puts on the rest (empty root, limits, capabilities, Landlock, seccomp)
// over all threads and then tries each layer: a layer counts as active when an
// attempt against it was refused, not when a call returned no error.
//
// # Invariants
//
//   - A layer that the kernel refuses is named in the Report with the kernel's
//     words. Enter fails unless the profile permits that layer by name, so a
//     missing layer is never an accident.
//   - No configuration switches a layer off. Profile.Without is honoured only by
//     a binary built with the tag cofferdam_breakin, for the tests that show
//     that each attack works once the defence is gone.
//   - Layers overlap on purpose: a cell's network is closed by the network
//     namespace and, alone, by seccomp; its files by the empty root, Landlock
//     and seccomp.
//   - Refused system calls answer an error, so that the Go runtime and net/http
//     carry on; those that only an intruder makes (execve, ptrace, mount, ...)
//     end the process.
//
// # Requirements on the binary
//
// CGO_ENABLED=0: only then does Go know all threads (syscall.AllThreadsSyscall).
// The child is started as /proc/self/exe, which an own user id can run even when
// it cannot reach the binary's directory. Standard error should be a pipe or a
// file: a terminal could be read from.
//
// # What this package must not know
//
// What the roles do, configuration files, the wire.
//
// # Concurrency
//
// A Host may prepare commands from many goroutines. Enter is called once, from
// main, and changes the whole process.
package sandbox
