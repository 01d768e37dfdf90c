package sandboxtest

import "golang.org/x/sys/unix"

func socketAttempts() []Attempt {
	return []Attempt{
		{Name: "unix socket by path", Class: Sockets, Run: func(t Targets) error {
			return connectUnix(t.Unix)
		}},
		{Name: "unix socket by abstract name", Class: Sockets, Run: func(t Targets) error {
			return connectUnix("@" + t.Abstract)
		}},
		{Name: "unix datagram through a socket pair", Class: Sockets, Run: sendThroughPair},
		{Name: "vsock bind", Class: Sockets, MayLack: "the kernel may have no vsock", Run: bindVsock},
	}
}

func connectUnix(name string) error {
	return withSocket(unix.AF_UNIX, unix.SOCK_STREAM, 0, func(fd int) error {
		return wrap("connect", unix.Connect(fd, &unix.SockaddrUnix{Name: name}))
	})
}

// sendThroughPair gets its socket without socket(2) and sends without connect(2).
func sendThroughPair(t Targets) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("socketpair", err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	// sendmsg(2), whose address a filter cannot see.
	return wrap("sendmsg", unix.Sendmsg(fds[0], []byte("out"), nil, &unix.SockaddrUnix{Name: t.Datagram}, 0))
}

// bindVsock takes an address towards the hypervisor; no peer is needed.
func bindVsock(Targets) error {
	return withSocket(unix.AF_VSOCK, unix.SOCK_STREAM, 0, func(fd int) error {
		return wrap("bind", unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY}))
	})
}
