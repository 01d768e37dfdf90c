package sandboxtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

func fileAttempts() []Attempt {
	return []Attempt{
		{Name: "read /etc/passwd", Class: Files, Run: func(Targets) error { return readSome("/etc/passwd") }},
		{Name: "read /etc/shadow", Class: Files, Root: true, Run: func(Targets) error { return readSome("/etc/shadow") }},
		{Name: "read the configuration", Class: Files, Run: readConfig},
		{Name: "list the root folder", Class: Files, Run: listRoot},
		{Name: "write a new file", Class: Files, Run: writeNew},
		{Name: "change the configuration", Class: Files, Run: changeConfig},
		{Name: "make a folder", Class: Files, Run: makeFolder},
		{Name: "make a device", Class: Files, Root: true, Run: makeDevice},
		{Name: "make a file in memory", Class: Files, Run: makeMemfd},
		{Name: "read another process's environment", Class: Files, Run: readEnvironment},
		{Name: "open /proc/1/mem", Class: Files, Root: true, MayLack: "the machine may guard its first process", Run: openInitMemory},
		{Name: "open own memory for writing", Class: Files, Run: openOwnMemory},
	}
}

func readSome(path string) error {
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 0 {
		return errors.New(path + " is empty")
	}
	return err
}

func readConfig(t Targets) error {
	b, err := os.ReadFile(t.Config)
	if err == nil && !bytes.Contains(b, []byte("secret")) {
		return errors.New("the secret is not in it")
	}
	return err
}

func listRoot(Targets) error {
	entries, err := os.ReadDir("/")
	if err == nil && len(entries) < 5 {
		return fmt.Errorf("only %d entries", len(entries))
	}
	return err
}

func writeNew(t Targets) error {
	path := filepath.Join(t.Dir, "new-"+strconv.Itoa(os.Getpid()))
	defer os.Remove(path)
	return os.WriteFile(path, []byte("out"), 0o600)
}

// changeConfig adds nothing, so that the next attempt finds what this one found.
func changeConfig(t Targets) error {
	f, err := os.OpenFile(t.Config, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func makeFolder(t Targets) error {
	path := filepath.Join(t.Dir, "folder-"+strconv.Itoa(os.Getpid()))
	defer os.Remove(path)
	return os.Mkdir(path, 0o700)
}

func makeDevice(t Targets) error {
	path := filepath.Join(t.Dir, "device-"+strconv.Itoa(os.Getpid()))
	defer os.Remove(path)
	const null = 1<<8 | 3
	return wrap("mknod", unix.Mknod(path, unix.S_IFCHR|0o666, null))
}

func makeMemfd(Targets) error {
	fd, err := unix.MemfdCreate("out", unix.MFD_CLOEXEC)
	if err != nil {
		return wrap("memfd_create", err)
	}
	return unix.Close(fd)
}

func readEnvironment(t Targets) error {
	return readSome("/proc/" + strconv.Itoa(t.Victim) + "/environ")
}

// openInitMemory: within a process namespace of its own /proc/1 would be the
// intruder itself, which proves nothing.
func openInitMemory(Targets) error {
	if os.Getpid() == 1 {
		if _, err := os.Lstat("/proc/1"); err != nil {
			return err
		}
	}
	return openClose("/proc/1/mem", os.O_RDONLY)
}

func openOwnMemory(Targets) error { return openClose("/proc/self/mem", os.O_RDWR) }

func openClose(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
