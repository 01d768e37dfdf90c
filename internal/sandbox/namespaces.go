package sandbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart sees that this process is in another namespace than its parent.
func (e *entry) apart(l Layer) (string, error) {
	name := nsFiles()[l]
	host, ok := e.o.Host[l]
	if !ok {
		return "cloned; /proc is not mounted, so not compared", nil
	}
	info, err := os.Stat("/proc/self/ns/" + name)
	if err != nil {
		return "", fmt.Errorf("comparing %s namespaces: %w", name, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino == host {
		return "", fmt.Errorf("the %s namespace is the supervisor's", name)
	}
	return "has its own " + name + " namespace", nil
}

// network tries to leave: connecting a datagram socket sends nothing, but needs a
// route, and in an empty namespace even loopback is down.
func (e *entry) network() (string, error) {
	words, err := e.apart(LayerNetwork)
	if err != nil {
		return words, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return words + "; the kernel has no IPv4", nil
	}
	if err != nil {
		return "", fmt.Errorf("trying the network: %w", err)
	}
	defer unix.Close(fd)
	for _, to := range [][4]byte{{127, 0, 0, 1}, {192, 0, 2, 1}} {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: to})
		if !errors.Is(err, unix.ENETUNREACH) {
			return "", fmt.Errorf("the network namespace has a route to %v: %v", to, err)
		}
	}
	return "connect: " + err.Error(), nil
}

func (e *entry) pid() (string, error) {
	if pid := os.Getpid(); pid != 1 {
		return "", fmt.Errorf("process id is %d and not 1", pid)
	}
	return "process id 1, parent unseen", nil
}

// identity changes to the role's own user id where no user namespace did it.
func (e *entry) identity() (string, error) {
	if e.o.UserNS {
		return e.user, e.userErr
	}
	if e.o.SetUID == 0 {
		return "", errors.New("the supervisor gave no user id")
	}
	if err := becomeUser(int(e.o.SetUID), int(e.o.SetGID)); err != nil {
		return "", err
	}
	// A change of user id clears the parent's death signal.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl PDEATHSIG: %w", err)
	}
	if err := syscall.Setuid(0); err == nil {
		return "", errors.New("user id 0 was granted back")
	}
	return fmt.Sprintf("user id %d, no way back", e.o.SetUID), nil
}

// becomeUser drops groups, group id and user id, on all threads.
func becomeUser(uid, gid int) error {
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("setresgid %d: %w", gid, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("setresuid %d: %w", uid, err)
	}
	return nil
}
