package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Line is one end of a lasting link between two roles. It dials and accepts at
// the same time, and is a net.Listener.
type Line struct {
	name string
	conn *net.UnixConn
	sem  chan struct{} // one token for each connection accepted and open
	// sending has one token: a deadline belongs to the whole socket, so packets
	// are sent one at a time.
	sending chan struct{}
	over    chan struct{} // closed by Close
	close   func() error
}

var _ net.Listener = (*Line)(nil)

// NewPair makes the two ends of a line as files, for the supervisor to keep and
// to hand out.
func NewPair() (a, b *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a line: %w", err)
	}
	for _, fd := range fds { // receive can tell an empty packet from the line's end by it
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
			syscall.Close(fds[0])
			syscall.Close(fds[1])
			return nil, nil, fmt.Errorf("making a line: %w", err)
		}
	}
	return os.NewFile(uintptr(fds[0]), "line"), os.NewFile(uintptr(fds[1]), "line"), nil
}

// NewLine takes an end of a line. The file is duplicated; the caller closes its
// own.
func NewLine(name string, f *os.File) (*Line, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("opening line %s: %w", name, err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("opening line %s: not a unix socket", name)
	}
	l := &Line{name: name, conn: u, sem: make(chan struct{}, MaxConns), sending: make(chan struct{}, 1), over: make(chan struct{})}
	l.close = sync.OnceValue(func() error {
		close(l.over)
		return u.Close()
	})
	return l, nil
}

// Name is the peer's name as the supervisor gave it, such as "keeper" or "cell/3".
func (l *Line) Name() string { return l.name }

// Dial asks the peer for a new connection. It returns as soon as the request
// is queued, whether or not the peer is running at this moment.
func (l *Line) Dial(ctx context.Context) (net.Conn, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("dialling %s: %w", l.name, err)
	}
	mine := os.NewFile(uintptr(fds[0]), "conn")
	defer mine.Close()
	theirs := os.NewFile(uintptr(fds[1]), "conn")
	defer theirs.Close()
	if err := l.send(ctx, []byte{opConnect}, theirs); err != nil {
		return nil, fmt.Errorf("dialling %s: %w", l.name, err)
	}
	c, err := net.FileConn(mine)
	if err != nil {
		return nil, fmt.Errorf("dialling %s: %w", l.name, err)
	}
	return c, nil
}

const opConnect = 'c'

// send writes one packet with at most one descriptor. The queue of a line whose
// peer is down holds many packets; when it is full, send waits for ctx.
func (l *Line) send(ctx context.Context, msg []byte, f *os.File) error {
	var rights []byte
	if f != nil {
		rights = syscall.UnixRights(int(f.Fd()))
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		var cancel context.CancelFunc
		deadline = time.Now().Add(CallTimeout)
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	select {
	case l.sending <- struct{}{}:
		defer func() { <-l.sending }()
	case <-l.over:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, _, err := l.conn.WriteMsgUnix(msg, rights, nil)
	return err
}

// Accept waits for the peer to dial. More than MaxConns open connections make
// it wait until one is closed.
func (l *Line) Accept() (net.Conn, error) { return l.accept(nil) }

// accept is Accept that ends when closing does, too.
func (l *Line) accept(closing <-chan struct{}) (net.Conn, error) {
	select {
	case l.sem <- struct{}{}:
	case <-l.over:
		return nil, net.ErrClosed
	case <-closing:
		return nil, net.ErrClosed
	}
	for {
		msg, f, err := l.receive(make([]byte, 1))
		if err != nil {
			<-l.sem
			return nil, err
		}
		if len(msg) != 1 || msg[0] != opConnect || f == nil {
			closeFile(f)
			continue
		}
		c, err := streamConn(f)
		if err != nil {
			continue // not a stream socket: the peer is hostile or broken
		}
		c.release = sync.OnceFunc(func() { <-l.sem })
		return c, nil
	}
}

// receive reads one packet into buf with at most one descriptor. A peer that
// sends more than one has all of them closed. Each packet comes with its sender's
// credentials, an empty one too; the end of the line comes with nothing. Else a
// hostile peer could end our listening, for its successor as well, by an empty
// packet.
func (l *Line) receive(buf []byte) ([]byte, *os.File, error) {
	oob := make([]byte, syscall.CmsgSpace(syscall.SizeofUcred)+syscall.CmsgSpace(4))
	n, oobn, flags, _, err := l.conn.ReadMsgUnix(buf, oob)
	if errors.Is(err, io.EOF) && oobn > 0 {
		err = nil // net takes every packet without a byte for the end
	}
	if err != nil {
		return nil, nil, err
	}
	if n == 0 && oobn == 0 {
		return nil, nil, net.ErrClosed // every holder of the other end is gone
	}
	files := descriptors(oob[:oobn])
	if len(files) > 1 || flags&(syscall.MSG_CTRUNC|syscall.MSG_TRUNC) != 0 {
		for _, f := range files {
			f.Close()
		}
		return nil, nil, nil
	}
	if len(files) == 0 {
		return buf[:n], nil, nil
	}
	return buf[:n], files[0], nil
}

// descriptors takes every descriptor out of control data, so that none leaks.
func descriptors(oob []byte) []*os.File {
	var files []*os.File
	msgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		fds, err := syscall.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files
}

// streamConn takes a received descriptor, which must be a connected unix stream
// socket: anything else (a file, a TCP socket, a listener) is refused.
func streamConn(f *os.File) (*lineConn, error) {
	defer f.Close()
	fd := int(f.Fd())
	domain, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	if err != nil || domain != syscall.AF_UNIX {
		return nil, errors.New("not a unix socket")
	}
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil || kind != syscall.SOCK_STREAM {
		return nil, errors.New("not a stream socket")
	}
	if _, err := syscall.Getpeername(fd); err != nil {
		return nil, errors.New("not connected")
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		c.Close()
		return nil, err
	}
	return &lineConn{Conn: c, raw: raw}, nil
}

// Close ends this end of the line. Open connections live on. Closing twice is
// harmless.
func (l *Line) Close() error { return l.close() }

// Listener accepts on the line, and can be closed without closing the line: a
// role that drains takes nothing new but still dials.
func (l *Line) Listener() net.Listener {
	a := &acceptor{Line: l, closing: make(chan struct{})}
	a.end = sync.OnceValue(func() error {
		close(a.closing)
		return l.conn.SetReadDeadline(time.Unix(1, 0))
	})
	return a
}

type acceptor struct {
	*Line
	closing chan struct{} // closed by Close
	end     func() error
}

func (a *acceptor) Accept() (net.Conn, error) {
	c, err := a.accept(a.closing)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed
	}
	return c, err
}

func (a *acceptor) Close() error { return a.end() }

// Addr gives the peer's name as an address, for net/http's sake.
func (l *Line) Addr() net.Addr { return lineAddr(l.name) }

type lineAddr string

func (lineAddr) Network() string  { return "line" }
func (a lineAddr) String() string { return string(a) }

func closeFile(f *os.File) {
	if f != nil {
		f.Close()
	}
}
