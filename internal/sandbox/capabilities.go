package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// secureBits: user id 0 means nothing to exec, and none of it can be undone
// (linux/securebits.h: NOROOT, NO_CAP_AMBIENT_RAISE, each with its lock). The
// fix-up of setuid stays on: it clears capabilities when the role changes its id.
const secureBits = 1<<0 | 1<<1 | 1<<6 | 1<<7

// capabilities gives up all of them, the bounding set included. When the role is
// still to change its user id, the two that this needs stay until then, when the
// kernel clears them.
func (e *entry) capabilities() (string, error) {
	bounded, err := dropBounding()
	if err != nil {
		return "", err
	}
	if bounded {
		if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, secureBits, 0); err != nil {
			return "", fmt.Errorf("prctl SECUREBITS: %w", err)
		}
	}
	var keep uint32
	if e.o.SetUID != 0 {
		keep = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	}
	if err := setCapabilities(keep); err != nil {
		return "", err
	}
	words := "none, bounding set empty"
	if !bounded {
		words = "none; the bounding set cannot be emptied without CAP_SETPCAP"
	}
	return words, tryCapabilities(keep)
}

// dropBounding empties the bounding set. Without CAP_SETPCAP (an unprivileged
// start with no user namespace) the kernel refuses; there is then nothing to bound
// but set-uid programs, which no_new_privs stops.
func dropBounding() (bool, error) {
	for c := uintptr(0); c <= 63; c++ {
		have, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil {
			return true, nil // past the kernel's last capability
		}
		if have == 0 {
			continue
		}
		err = allThreads(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
		if errors.Is(err, unix.EPERM) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("prctl CAPBSET_DROP %d: %w", c, err)
		}
	}
	return true, nil
}

// setCapabilities sets permitted and effective to keep, inheritable to none, and
// clears the ambient set.
func setCapabilities(keep uint32) error {
	if err := allThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return fmt.Errorf("prctl CAP_AMBIENT: %w", err)
	}
	hdr := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &[2]unix.CapUserData{{Effective: keep, Permitted: keep}, {}}
	err := allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(hdr)), uintptr(unsafe.Pointer(data)), 0)
	runtime.KeepAlive(hdr)
	runtime.KeepAlive(data)
	if err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

func tryCapabilities(keep uint32) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if data[0].Permitted != keep || data[1].Permitted != 0 {
		return fmt.Errorf("capabilities left: %#x %#x", data[0].Permitted, data[1].Permitted)
	}
	return nil
}
