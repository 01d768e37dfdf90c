package ipc

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// direct carries whole requests over a line: the goroutine that asks writes the
// request and reads the answer itself. net/http's transport has two goroutines more
// for each connection, and each hand-over between them costs what half of a small
// answer does, more on an idle machine. A request whose body streams up while its
// answer comes is not for it.
type direct struct {
	line *Line

	mu   sync.Mutex // guards idle
	idle []*directConn
}

// isWhole says that a request's body fits a socket's buffer, so that it is written
// without waiting for the peer, which may answer before it has read.
func isWhole(r *http.Request) bool {
	none := r.Body == nil || r.Body == http.NoBody
	return (none || r.ContentLength > 0 && r.ContentLength <= maxWhole) && r.Header.Get("Expect") == "" && r.Header.Get("Upgrade") == ""
}

// directConn is one connection; it carries one request at a time.
type directConn struct {
	net.Conn
	head  io.LimitedReader // what the reader reads of: hostile peers send endless heads
	r     *bufio.Reader
	w     *bufio.Writer
	since time.Time // idle since then
}

func (d *direct) dial(ctx context.Context) (*directConn, error) {
	conn, err := d.line.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &directConn{Conn: conn}
	c.head.R = conn
	c.r, c.w = bufio.NewReader(&c.head), bufio.NewWriter(conn)
	return c, nil
}

// take is a connection that waits, or nil.
func (d *direct) take() *directConn {
	for {
		d.mu.Lock()
		n := len(d.idle)
		if n == 0 {
			d.mu.Unlock()
			return nil
		}
		c := d.idle[n-1]
		d.idle[n-1] = nil
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		if time.Since(c.since) < idleTimeout/2 && silent(c.Conn) {
			return c
		}
		c.Close()
	}
}

// put keeps a connection for the next request, and closes those that waited too
// long. What came behind an answer belongs to none.
func (d *direct) put(c *directConn) {
	if c.r.Buffered() > 0 {
		c.Close()
		return
	}
	c.since = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.idle) > 0 && (len(d.idle) >= maxIdle || c.since.Sub(d.idle[0].since) > idleTimeout/2) {
		d.idle[0].Close()
		d.idle = append(d.idle[:0], d.idle[1:]...)
	}
	d.idle = append(d.idle, c)
}

func (d *direct) closeIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.idle {
		c.Close()
	}
	d.idle = nil
}

// RoundTrip implements http.RoundTripper for requests whose body is whole.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c := d.take()
	if c == nil {
		var err error
		if c, err = d.dial(ctx); err != nil {
			return nil, err
		}
	}
	body := &directBody{d: d, c: c}
	stop := context.AfterFunc(ctx, func() { body.broken.Store(true); c.Close() })
	body.stop = stop
	c.head.N = maxHeader
	resp, err := c.exchange(r)
	if err != nil {
		stop()
		c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	c.head.N = math.MaxInt64
	body.r, body.keep = resp.Body, !resp.Close
	if resp.Body = body; body.r == http.NoBody {
		body.end(body.keep)
	}
	return resp, nil
}

func (c *directConn) exchange(r *http.Request) (*http.Response, error) {
	err := r.Write(c.w)
	if err == nil {
		err = c.w.Flush()
	}
	if err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(c.r, r)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the peer speaks something else from here on") // nobody asked for it
		case resp.StatusCode >= 200:
			return resp, nil
		} // else an answer before the answer; all of them together fit maxHeader
	}
}

// directBody gives its connection back when it was read to its end.
type directBody struct {
	d      *direct
	c      *directConn
	r      io.ReadCloser
	keep   bool // the peer reads another request
	ended  bool
	broken atomic.Bool // the request was given up
	stop   func() bool
}

// Read implements io.Reader.
func (b *directBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if err == io.EOF {
		b.end(b.keep)
	}
	return n, err
}

// Close implements io.Closer.
func (b *directBody) Close() error {
	if !b.ended {
		b.end(false)
	}
	return nil
}

func (b *directBody) end(whole bool) {
	b.ended = true
	if b.stop() && whole {
		b.d.put(b.c)
		return
	}
	b.c.Close()
}

// silent says that the peer has neither closed a connection that waits nor written
// anything: what came unasked would be taken for the next answer.
func silent(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, _, _, peeked = syscall.Recvmsg(int(fd), make([]byte, 1), nil, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err == nil && peeked == syscall.EAGAIN
}
