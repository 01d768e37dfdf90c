package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// oldThreads are threads that exist before Enter: each layer must reach them too.
type oldThreads struct {
	try  chan func() error
	errs chan error
}

const threadCount = 8

// startOldThreads starts them and returns when all of them run.
func startOldThreads() *oldThreads {
	o := &oldThreads{make(chan func() error), make(chan error)}
	var up sync.WaitGroup
	up.Add(threadCount)
	for range threadCount {
		go func() {
			runtime.LockOSThread()
			up.Done()
			o.errs <- (<-o.try)()
		}()
	}
	up.Wait()
	return o
}

// check runs the tries of one layer on each of them, once in a process's life.
func (o *oldThreads) check(args []string) (map[string]float64, error) {
	try, ok := map[string]func() error{
		"seccomp": trySocket, "landlock": tryOpen, "capabilities": tryCapabilities, "no-new-privs": tryPrivileges,
	}[args[0]]
	if !ok {
		return nil, fmt.Errorf("nothing to try of %s", args[0])
	}
	for range threadCount {
		o.try <- try
	}
	var errs []error
	for range threadCount {
		errs = append(errs, <-o.errs)
	}
	return nil, errors.Join(errs...)
}

func trySocket() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.Close(fd)
		return errors.New("an old thread opened a socket")
	}
	return nil
}

func tryOpen() error {
	fd, err := unix.Open("/", unix.O_RDONLY, 0)
	if err == nil {
		unix.Close(fd)
		return errors.New("an old thread opened /")
	}
	return nil
}

func tryCapabilities() error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return err
	}
	if data[0].Permitted|data[1].Permitted|data[0].Effective|data[1].Effective != 0 {
		return errors.New("an old thread has capabilities")
	}
	return nil
}

func tryPrivileges() error {
	n, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err == nil && n != 1 {
		return errors.New("an old thread may gain privileges")
	}
	return err
}
