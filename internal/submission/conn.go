package submission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// Security says how the way to the server is protected.
type Security int

// The zero Security is the strictest.
const (
	ImplicitTLS Security = iota // TLS from the first byte, usually port 465
	StartTLS                    // RFC 3207, usually port 587; never falls back to plain
	Plain                       // no protection; for loopback, or where the operator insists
)

// Config describes the server. The zero value of each field but Addr is a
// working default.
type Config struct {
	// Addr is host:port.
	Addr     string
	Security Security
	// TLS is cloned; ServerName defaults to the host of Addr and MinVersion to
	// TLS 1.2. Certificates are checked unless the caller's TLS says otherwise.
	TLS *tls.Config
	// HelloName is the name or address literal given in EHLO; the local address
	// of the connection where empty (RFC 5321, section 4.1.4).
	HelloName string
	// Client is the person's own network address, handed on by XCLIENT where
	// the server offers it. The zero value hands on nothing.
	Client netip.AddrPort
	// Dial opens the connection; net.Dialer where nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// MaxMessage is the largest body in bytes, DefaultMaxMessage where 0.
	MaxMessage int64
	// NoChunking and NoPipelining keep us from using what the server offers,
	// for servers whose offer is broken.
	NoChunking, NoPipelining bool
	// Timeouts of a step; see limits.go for the defaults.
	DialTimeout, CommandTimeout, BlockTimeout, FinalTimeout time.Duration
}

// withDefaults returns a complete copy, or why it cannot work.
func (c Config) withDefaults() (Config, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return c, fmt.Errorf("server address: %w", err)
	}
	if c.HelloName != "" && !validDomain(c.HelloName) {
		return c, errors.New("hello name: neither domain nor address literal")
	}
	if c.Security < ImplicitTLS || c.Security > Plain {
		return c, errors.New("unknown security")
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.TLS = c.TLS.Clone()
	if c.TLS.ServerName == "" {
		c.TLS.ServerName = host
	}
	if c.TLS.MinVersion == 0 {
		c.TLS.MinVersion = tls.VersionTLS12
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = DefaultMaxMessage
	}
	setDefault(&c.DialTimeout, DefaultDialTimeout)
	setDefault(&c.CommandTimeout, DefaultCommandTimeout)
	setDefault(&c.BlockTimeout, DefaultBlockTimeout)
	setDefault(&c.FinalTimeout, DefaultFinalTimeout)
	return c, nil
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// Conn is a conversation with a submission server.
type Conn struct {
	cfg    Config
	w      *wire
	ext    Extensions
	passed bool // XCLIENT was taken
	// scramRefused: PLAIN or LOGIN was taken after SCRAM was refused.
	scramRefused bool
	broken       bool // the server's state is unknown: nothing more may be said
}

// Dial connects, secures and greets. The error is an *Error with outcome NotSent
// or Refused; a certificate that does not fit is a permanent NotSent.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, notSent(StageDial, false, err)
	}
	dctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	nc, err := cfg.Dial(dctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, notSent(StageDial, true, fmt.Errorf("connecting: %w", err))
	}
	return newConn(ctx, nc, cfg)
}

// NewConn greets on a connection that the caller opened; Addr still names the
// server for the certificate check. It owns nc and closes it on failure.
func NewConn(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, errors.Join(notSent(StageDial, false, err), nc.Close())
	}
	return newConn(ctx, nc, cfg)
}

func newConn(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	c := &Conn{cfg: cfg, w: newWire(nc)}
	defer c.w.watch(ctx)()
	if e := c.open(ctx); e != nil {
		// The first error is the one that counts.
		_ = c.w.nc.Close()
		return nil, because(ctx, e)
	}
	return c, nil
}

// open brings the conversation to where AUTH or MAIL may follow.
func (c *Conn) open(ctx context.Context) *Error {
	if c.cfg.Security == ImplicitTLS {
		if e := c.handshake(ctx); e != nil {
			return e
		}
	}
	if e := c.greeting(StageGreeting); e != nil {
		return e
	}
	if e := c.hello(); e != nil {
		return e
	}
	if c.cfg.Security == StartTLS {
		if e := c.startTLS(ctx); e != nil {
			return e
		}
	}
	return c.xclient()
}

// handshake wraps the connection in TLS.
func (c *Conn) handshake(ctx context.Context) *Error {
	hctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	if err := c.w.within(c.cfg.DialTimeout); err != nil {
		return notSent(StageTLS, true, err)
	}
	tc := tls.Client(c.w.nc, c.cfg.TLS)
	if err := tc.HandshakeContext(hctx); err != nil {
		_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
		return notSent(StageTLS, !badCert, fmt.Errorf("TLS handshake: %w", err))
	}
	c.w.replace(tc)
	return nil
}

// ConnectionState returns the TLS state, false on a plain connection.
func (c *Conn) ConnectionState() (tls.ConnectionState, bool) {
	if tc, ok := c.w.nc.(*tls.Conn); ok {
		return tc.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// Extensions returns what the last EHLO offered.
func (c *Conn) Extensions() Extensions { return c.ext }

// ClientPassed reports whether the server took Config.Client by XCLIENT.
func (c *Conn) ClientPassed() bool { return c.passed }

// Usable reports whether another Send may be tried on this connection.
func (c *Conn) Usable() bool { return !c.broken }

// Noop asks the server for a sign of life and keeps the connection alive.
func (c *Conn) Noop(ctx context.Context) error {
	return c.simple(ctx, "NOOP")
}

// simple runs a command without arguments that must be answered with 2yz.
func (c *Conn) simple(ctx context.Context, verb string) error {
	if c.broken {
		return notSent(StageHello, true, ErrUnusable)
	}
	defer c.w.watch(ctx)()
	r, err := c.command(verb)
	if err != nil {
		return because(ctx, notSent(StageHello, true, err))
	}
	if !r.OK() {
		return refused(StageHello, r)
	}
	return nil
}

// Close says QUIT where that makes sense, and closes. It may be called twice.
func (c *Conn) Close() error {
	if !c.broken {
		c.broken = true
		if c.w.write([]byte("QUIT\r\n"), quitTimeout) == nil {
			// A goodbye that does not come changes nothing.
			_, _ = c.w.reply(quitTimeout)
		}
	}
	err := c.w.nc.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// command writes one line and reads its reply. Whatever goes wrong leaves the
// conversation unusable.
func (c *Conn) command(line string) (Reply, error) {
	if err := c.w.write([]byte(line+"\r\n"), c.cfg.CommandTimeout); err != nil {
		c.broken = true
		return Reply{}, fmt.Errorf("writing command: %w", err)
	}
	return c.readReply(c.cfg.CommandTimeout)
}

func (c *Conn) readReply(d time.Duration) (Reply, error) {
	r, err := c.w.reply(d)
	if err != nil {
		c.broken = true
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Reply{}, fmt.Errorf("reading reply: %w", err)
	}
	// RFC 5321, section 3.8: 421 announces the end of the connection.
	if r.Code == 421 {
		c.broken = true
	}
	return r, nil
}

// because names the end of ctx as the cause of a step that it interrupted.
func because(ctx context.Context, e *Error) *Error {
	interrupted := errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.Is(e.Err, context.Canceled)
	if err := context.Cause(ctx); err != nil && interrupted {
		e.Err = err
	}
	return e
}
