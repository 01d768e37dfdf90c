package sandboxtest

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// networkAttempts use system calls, not package net: an intruder would, and what
// net tries on the way must not decide.
func networkAttempts() []Attempt {
	return []Attempt{
		{Name: "TCP connect", Class: Network, Run: func(t Targets) error {
			return connectTo(unix.SOCK_STREAM, unix.IPPROTO_TCP, t.TCP)
		}},
		{Name: "TCP listen and be reached", Class: Network, Run: listenTCP},
		{Name: "UDP send", Class: Network, Run: sendUDP},
		{Name: "Multipath TCP connect", Class: Network, MayLack: "the kernel may have no Multipath TCP", Run: func(t Targets) error {
			return connectTo(unix.SOCK_STREAM, unix.IPPROTO_MPTCP, t.TCP)
		}},
		{Name: "raw IP send", Class: Network, Root: true, Run: sendRaw},
		{Name: "Ethernet frame send", Class: Network, Root: true, Run: sendFrame},
		{Name: "netlink: find a live interface", Class: Network, Run: findInterface},
	}
}

func loopback(port int) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

// withSocket opens a socket for use.
func withSocket(domain, kind, proto int, use func(fd int) error) error {
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	return use(fd)
}

func wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", call, err)
}

func connectTo(kind, proto, port int) error {
	return withSocket(unix.AF_INET, kind, proto, func(fd int) error {
		return wrap("connect", unix.Connect(fd, loopback(port)))
	})
}

func listenTCP(Targets) error {
	return withSocket(unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error {
		if err := unix.Bind(fd, loopback(0)); err != nil {
			return wrap("bind", err)
		}
		if err := unix.Listen(fd, 1); err != nil {
			return wrap("listen", err)
		}
		addr, err := unix.Getsockname(fd)
		if err != nil {
			return wrap("getsockname", err)
		}
		return connectTo(unix.SOCK_STREAM, 0, addr.(*unix.SockaddrInet4).Port)
	})
}

func sendUDP(t Targets) error {
	return withSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error {
		return wrap("sendto", unix.Sendto(fd, []byte("out"), 0, loopback(t.UDP)))
	})
}

// echoRequest is an ICMP echo request with its checksum.
func echoRequest() []byte { return []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0} }

func sendRaw(Targets) error {
	return withSocket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, func(fd int) error {
		return wrap("sendto", unix.Sendto(fd, echoRequest(), 0, loopback(0)))
	})
}

// sendFrame sends on interface 1, which is loopback in every namespace; in an
// empty one it is down.
func sendFrame(Targets) error {
	return withSocket(unix.AF_PACKET, unix.SOCK_RAW, 0, func(fd int) error {
		return wrap("sendto", unix.Sendto(fd, make([]byte, 64), 0, &unix.SockaddrLinklayer{Ifindex: 1}))
	})
}

func findInterface(Targets) error {
	rib, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return wrap("netlink", err)
	}
	msgs, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return wrap("netlink", err)
	}
	const flagsAt = 8 // struct ifinfomsg: family, pad, type, index, flags
	for _, m := range msgs {
		if m.Header.Type == unix.RTM_NEWLINK && len(m.Data) > flagsAt && m.Data[flagsAt]&unix.IFF_UP != 0 {
			return nil
		}
	}
	return errors.New("no interface is up")
}
