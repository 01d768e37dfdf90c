package sandbox

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	readFile  = landlock.AccessFSSet(ll.AccessFSReadFile)
	readDir   = readFile | landlock.AccessFSSet(ll.AccessFSReadDir)
	writeFile = readFile | landlock.AccessFSSet(ll.AccessFSWriteFile|ll.AccessFSTruncate)
	// writeDir has no programs, devices, links, pipes or sockets in it.
	writeDir = readDir | writeFile |
		landlock.AccessFSSet(ll.AccessFSMakeDir|ll.AccessFSMakeReg|ll.AccessFSRemoveDir|ll.AccessFSRemoveFile)
)

// scopeErratum is the bit of landlock's errata that says that threads of one
// process may signal each other under a signal scope. Without it the runtime,
// which interrupts its threads by signals, would hang on kernels whose landlock is
// put on thread by thread.
const scopeErratum = 1 << 1

// landlockABI is the version the kernel offers, 0 when it offers none.
func landlockABI() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil || v < 0 {
		return 0
	}
	return v
}

// landlock restricts files, and as far as the kernel can, TCP and UDP ports,
// abstract sockets and signals.
func (e *entry) landlock() (string, error) {
	if e.report.LandlockABI == 0 {
		_, err := ll.LandlockGetABIVersion()
		return "", fmt.Errorf("landlock: %w", err)
	}
	rules, err := e.landlockRules()
	if err != nil {
		return "", err
	}
	if err := e.landlockConfig().BestEffort().Restrict(rules...); err != nil {
		return "", err
	}
	return fmt.Sprintf("ABI %d", e.report.LandlockABI), tryRoot()
}

// landlockConfig says what is refused unless a rule allows it: everything the
// library knows, less what the role's network is for.
func (e *entry) landlockConfig() landlock.Config {
	cfg := landlock.V11
	if e.p.Network == DialOut {
		cfg.HandledAccessNet = landlock.AccessNetSet(ll.AccessNetBindTCP)
		if len(e.p.Ports) > 0 {
			cfg.HandledAccessNet |= landlock.AccessNetSet(ll.AccessNetConnectTCP)
		}
	}
	if errata, err := ll.LandlockGetErrata(); err != nil || errata&scopeErratum == 0 {
		cfg.Scoped &^= landlock.ScopedSet(ll.ScopeSignal)
	}
	return cfg
}

func (e *entry) landlockRules() ([]landlock.Rule, error) {
	var rules []landlock.Rule
	for _, path := range e.p.Read {
		rule, err := pathRule(path, readFile, readDir)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, path := range e.p.Write {
		rule, err := pathRule(path, writeFile, writeDir)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	if e.p.Network == DialOut {
		for _, port := range e.p.Ports {
			rules = append(rules, landlock.ConnectTCP(port))
		}
	}
	return rules, nil
}

// pathRule allows a file or a folder with all below.
func pathRule(path string, file, dir landlock.AccessFSSet) (landlock.Rule, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return landlock.PathAccess(file, path).IgnoreIfMissing(), nil
	case err != nil:
		return nil, fmt.Errorf("allowing %s: %w", path, err)
	case info.IsDir():
		return landlock.PathAccess(dir, path), nil
	}
	return landlock.PathAccess(file, path), nil
}

// tryRoot: no profile may name the root itself.
func tryRoot() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		return nil
	}
	if err == nil {
		unix.Close(fd)
	}
	return fmt.Errorf("opening / was not refused by landlock (%v)", err)
}
