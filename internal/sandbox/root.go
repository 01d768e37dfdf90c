package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// newRoot is where the new root is mounted before it becomes "/". No profile may
// name a path in it, so nothing that is needed gets covered.
const newRoot = "/proc"

// mountFlags hold for all that a role sees: no devices, programs, set-uid files.
const mountFlags = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// root replaces the file tree by an empty one with the profile's paths mounted
// into it. The running binary needs no file any more.
func (e *entry) root() (string, error) {
	if _, err := e.apart(LayerRoot); err != nil {
		return "", err
	}
	paths, err := e.buildRoot()
	if err != nil {
		return "", err
	}
	if err := swapRoot(); err != nil {
		return "", err
	}
	for _, gone := range []string{"/proc/self", "/etc/passwd", "/bin/sh", "/sys/kernel"} {
		if _, err := os.Lstat(gone); !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("%s is still there (%v)", gone, err)
		}
	}
	return fmt.Sprintf("%d paths of the host are seen", paths), nil
}

// buildRoot mounts a small tmpfs and the paths below it.
func (e *entry) buildRoot() (paths int, err error) {
	// First of all, so that nothing spreads back to the host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("making mounts private: %w", err)
	}
	opts := "mode=0755,size=" + strconv.Itoa(rootSize)
	if err := unix.Mount("cofferdam", newRoot, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, opts); err != nil {
		return 0, fmt.Errorf("mounting an empty root: %w", err)
	}
	for _, path := range e.p.Read {
		n, err := show(path, unix.MOUNT_ATTR_RDONLY)
		if err != nil {
			return 0, err
		}
		paths += n
	}
	for _, path := range e.p.Write {
		n, err := show(path, 0)
		if err != nil {
			return 0, err
		}
		paths += n
	}
	// The root itself, not what is mounted in it.
	attr := unix.MountAttr{Attr_set: mountFlags | unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, newRoot, 0, &attr); err != nil {
		return 0, fmt.Errorf("making the empty root read-only: %w", err)
	}
	return paths, nil
}

// show mounts one path of the host at its place in the new root. A path that does
// not exist, or lies in one that is shown already, is left out.
func show(path string, more uint64) (n int, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("showing %s to the role: %w", path, err)
	}
	at := newRoot + path
	if err := mountPoint(at, info.IsDir()); err != nil {
		return 0, fmt.Errorf("showing %s to the role: %w", path, err)
	}
	if err := unix.Mount(path, at, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return 0, fmt.Errorf("showing %s to the role: %w", path, err)
	}
	attr := unix.MountAttr{Attr_set: mountFlags | more}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, unix.AT_RECURSIVE, &attr); err != nil {
		return 0, fmt.Errorf("showing %s to the role: %w", path, err)
	}
	return 1, nil
}

// mountPoint makes what a mount needs under it: a folder, or an empty file.
func mountPoint(at string, dir bool) error {
	if dir {
		return os.MkdirAll(at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// swapRoot makes newRoot the root of all threads and lets go of the old one.
// pivot_root(2): with both arguments ".", the old root lies on top of the new one
// and can be unmounted from there.
func swapRoot() error {
	if err := unix.Chdir(newRoot); err != nil {
		return fmt.Errorf("entering the empty root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("letting go of the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("entering the empty root: %w", err)
	}
	return nil
}
