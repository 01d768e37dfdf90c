package sandbox

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memory sets the hard limit and tells the garbage collector the soft one.
//
// RLIMIT_DATA counts writable private memory by address space, not by use, and the
// Go runtime and the binary's zeroed data map some 70 MiB that are never touched.
// The profile's limit is what comes on top.
func (e *entry) memory() (string, error) {
	total := e.base + e.p.Memory
	lim := unix.Rlimit{Cur: uint64(total), Max: uint64(total)}
	if err := unix.Prlimit(0, unix.RLIMIT_DATA, &lim, nil); err != nil {
		return "", fmt.Errorf("setrlimit DATA: %w", err)
	}
	debug.SetMemoryLimit(e.p.Memory / 100 * softShare)
	if err := tryMemory(total); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d MiB over the empty role's %d, collector at %d%%", e.p.Memory>>20, e.base>>20, softShare), nil
}

// tryMemory asks the kernel for more than the limit; nothing is touched. It does
// not go through the Go heap, as running out of that ends the process.
func tryMemory(limit int64) error {
	b, err := unix.Mmap(-1, 0, int(limit), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		unix.Munmap(b)
		return fmt.Errorf("mapping %d bytes was granted in spite of the limit", limit)
	}
	return nil
}

// dataNow is what RLIMIT_DATA counts now, in bytes; where /proc does not tell, what
// a large Go binary takes.
func dataNow() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return emptyRole
	}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line) // VmData: 75892 kB
		if len(words) < 2 || words[0] != "VmData:" {
			continue
		}
		kib, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return emptyRole
		}
		return kib << 10
	}
	return emptyRole
}
