package sandbox

import (
	"errors"
	"fmt"
	"syscall"
)

// errCgo: with cgo linked in, Go does not know all threads.
var errCgo = errors.New("the binary is linked with cgo: build with CGO_ENABLED=0")

// allThreads makes one system call on every thread of the process. The process
// dies if threads answer differently (see syscall.AllThreadsSyscall).
func allThreads(nr, a1, a2, a3 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall(nr, a1, a2, a3)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return fmt.Errorf("%w (%w)", errCgo, errno)
	}
	return errno
}
