package ipc

import (
	"io"
	"net"
	"syscall"
)

// lineConn is a connection that a peer made and handed over. The peer may have
// kept the socket and share its mode: one that is set to blocking would hold a
// thread of ours in each read, past every deadline, until there are no more
// threads. So each call says by itself that it does not block. Closing it gives
// its token back to the line.
type lineConn struct {
	net.Conn
	raw     syscall.RawConn
	release func()
}

// Read implements net.Conn.
func (c *lineConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	var n int
	var failed error
	err := c.raw.Read(func(fd uintptr) bool {
		for {
			n, _, _, _, failed = syscall.Recvmsg(int(fd), b, nil, syscall.MSG_DONTWAIT)
			if failed != syscall.EINTR {
				afterRead(fd)
				return failed != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, &net.OpError{Op: "read", Net: "line", Err: failed}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *lineConn) Write(b []byte) (int, error) {
	done := 0
	var failed error
	err := c.raw.Write(func(fd uintptr) bool {
		beforeWrite(fd)
		for done < len(b) {
			var n int
			n, failed = syscall.SendmsgN(int(fd), b[done:], nil, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
			switch failed {
			case nil:
				done += n
			case syscall.EINTR:
			case syscall.EAGAIN:
				return false
			default:
				return true
			}
		}
		return true
	})
	if err == nil && failed != nil {
		err = &net.OpError{Op: "write", Net: "line", Err: failed}
	}
	return done, err
}

// Close implements net.Conn.
func (c *lineConn) Close() error {
	c.release()
	return c.Conn.Close()
}
