package imap

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	stateless "github.com/klauspost/compress/flate"
)

// errDetached ends the reading goroutine without ending the connection.
var errDetached = errors.New("imap: connection handed over")

// StartTLS turns the connection into TLS (RFC 9051, section 6.2.1). Bytes that
// the server, or somebody between, sent along with the answer end the
// connection: they were not encrypted. Capabilities are learnt anew. cfg needs
// a ServerName or its own verification.
func (c *Client) StartTLS(ctx context.Context, cfg *tls.Config) error {
	if !c.Caps().Has(CapStartTLS) {
		return fmt.Errorf("%w: STARTTLS", ErrUnsupported)
	}
	if c.State() != StateNotAuthenticated {
		// A PREAUTH greeting on a plain connection is an attack on STARTTLS.
		return &ProtocolError{Reason: "authenticated before STARTTLS"}
	}
	cmd := &command{name: "STARTTLS", enc: c.encode("STARTTLS"), alone: true}
	cmd.upgrade = func() error { return c.upgradeTLS(ctx, cfg) }
	if _, err := start(c, new(None), cmd).Wait(ctx); err != nil {
		return err
	}
	return c.learnCaps(ctx)
}

func (c *Client) upgradeTLS(ctx context.Context, cfg *tls.Config) error {
	if len(c.parser.rd.buffered()) > 0 {
		return &ProtocolError{Reason: "data injected behind the answer to STARTTLS"}
	}
	c.mu.Lock()
	plain := c.conn
	c.mu.Unlock()
	conn := tls.Client(plain, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return &ConnError{Doing: "making the TLS connection", Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.out = conn, plainWriter{conn}
	c.caps, c.capsFresh = Caps{}, false
	return nil
}

// Compress turns on DEFLATE (RFC 4978). After it, what one writes and what an
// attacker can make one write share a dictionary: do not log in over it.
func (c *Client) Compress(ctx context.Context) error {
	if !c.Caps().Has(CapCompress) {
		return fmt.Errorf("%w: COMPRESS=DEFLATE", ErrUnsupported)
	}
	e := c.encode("COMPRESS")
	e.raw(" DEFLATE")
	cmd := &command{name: "COMPRESS", enc: e, alone: true, upgrade: c.upgradeDeflate}
	_, err := start(c, new(None), cmd).Wait(ctx)
	return err
}

func (c *Client) upgradeDeflate() error {
	rd := c.parser.rd
	// What is buffered behind the answer is compressed already.
	early := bytes.NewReader(bytes.Clone(rd.buffered()))
	rd.src = flate.NewReader(io.MultiReader(early, readerFunc(c.readConn)))
	rd.r, rd.w = 0, 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = deflateWriter{stateless.NewStatelessWriter(c.out)} // one that remembers costs most of a MiB for each connection
	return nil
}

// Detach waits until nothing is in flight, ends the client without closing the
// connection, and returns the connection with what was read ahead and with
// TLS and DEFLATE as they are. Later commands fail with ErrClosed. The
// connection may then be piped on; its deadlines work as before.
func (c *Client) Detach(ctx context.Context) (net.Conn, error) {
	// NOOP, so that the reading goroutine stops at a known place.
	cmd := &command{name: "NOOP", enc: c.encode("NOOP"), alone: true}
	var out *detachedConn
	cmd.upgrade = func() error {
		out = c.release()
		return errDetached
	}
	if _, err := start(c, new(None), cmd).Wait(ctx); err != nil {
		return nil, err
	}
	<-c.readEnd
	<-c.writeEnd
	return out, nil
}

func (c *Client) release() *detachedConn {
	rd := c.parser.rd
	early := bytes.NewReader(bytes.Clone(rd.buffered()))
	c.mu.Lock()
	c.detached = true
	conn, out := c.conn, c.out
	_ = conn.SetReadDeadline(noDeadline)
	_ = conn.SetWriteDeadline(noDeadline)
	c.opts.StallTimeout = -1
	c.mu.Unlock()
	c.fail(ErrClosed)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poke()
	src := rd.src
	if _, plain := out.(plainWriter); plain {
		src = conn // without the client, of which nothing is needed any more
	}
	if early.Len() > 0 {
		src = io.MultiReader(early, src)
	}
	return &detachedConn{Conn: conn, r: src, w: out}
}

// Silent says whether the server neither closed a connection nor wrote anything on
// it. Nothing is read for that: a reader of compressed bytes that met a deadline
// would be of no use afterwards.
func Silent(conn net.Conn) bool {
	if d, ok := conn.(*detachedConn); ok {
		conn = d.Conn
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, _, _, peeked = syscall.Recvmsg(int(fd), make([]byte, 1), nil, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err == nil && errors.Is(peeked, syscall.EAGAIN)
}

// detachedConn is a connection with its read-ahead and its layers.
type detachedConn struct {
	net.Conn
	r io.Reader
	w flushWriter
}

// Read reads what was read ahead and then the connection.
func (d *detachedConn) Read(p []byte) (int, error) { return d.r.Read(p) }

// Write writes and flushes.
func (d *detachedConn) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err == nil {
		err = d.w.Flush()
	}
	return n, err
}
