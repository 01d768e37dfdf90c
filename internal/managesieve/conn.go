package managesieve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Security says how the way to the server is protected.
type Security int

// The zero Security is the strictest.
const (
	StartTLS    Security = iota // RFC 5804, section 2.2; never falls back to plain
	ImplicitTLS                 // TLS from the first byte; no standard, but in use
	Plain                       // no protection; for loopback, or where the operator insists
)

// Config describes the server. The zero value of each field but Addr is a working
// default.
type Config struct {
	// Addr is host:port.
	Addr     string
	Security Security
	// TLS is cloned; ServerName defaults to the host of Addr and MinVersion to TLS
	// 1.2.
	TLS *tls.Config
	// Dial opens the connection; net.Dialer where nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeouts of a step; see limits.go for the defaults.
	DialTimeout, CommandTimeout time.Duration
}

func (c Config) withDefaults() (Config, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return c, fmt.Errorf("server address: %w", err)
	}
	if c.Security < StartTLS || c.Security > Plain {
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
	if c.DialTimeout == 0 {
		c.DialTimeout = DefaultDialTimeout
	}
	if c.CommandTimeout == 0 {
		c.CommandTimeout = DefaultCommandTimeout
	}
	return c, nil
}

// Causes that a caller may have to decide by.
var (
	ErrNoStartTLS  = errors.New("server does not offer STARTTLS")
	ErrNoMechanism = errors.New("server offers no suitable SASL mechanism")
	ErrCredentials = errors.New("bad credentials")
	ErrUnusable    = errors.New("connection no longer usable")
	ErrName        = errors.New("not a name of a script")
)

// Refusal is a server's NO or BYE. After a NO the conversation goes on.
type Refusal struct {
	Bye bool
	// Code is the response code in upper case, "" if there was none: "QUOTA",
	// "QUOTA/MAXSIZE", "ACTIVE", "NONEXISTENT", "ALREADYEXISTS", "TRYLATER".
	Code string
	// Text is the server's own, for the person whose script it is. It may quote
	// from the script.
	Text string
}

// Error names the code and not the text, which may quote from a script.
func (r *Refusal) Error() string {
	s := "server said NO"
	if r.Bye {
		s = "server said BYE"
	}
	if r.Code != "" {
		s += " (" + r.Code + ")"
	}
	return s
}

// Has reports whether the code is c, or one below it: codes are hierarchical.
func (r *Refusal) Has(c string) bool { return r.Code == c || strings.HasPrefix(r.Code, c+"/") }

// Temporary reports whether the same command may succeed later.
func (r *Refusal) Temporary() bool { return r.Bye || r.Has("TRYLATER") }

// Conn is a conversation with a server.
type Conn struct {
	cfg    Config
	caps   Capabilities
	broken bool

	mu  sync.Mutex // guards nc (its replacement) and cut
	nc  net.Conn
	cut bool

	r reader
}

// Dial connects, secures and greets. It does not sign in.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	dctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	nc, err := cfg.Dial(dctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return newConn(ctx, nc, cfg)
}

// NewConn greets on a connection that the caller opened. It owns nc and closes it
// on failure.
func NewConn(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return newConn(ctx, nc, cfg)
}

func newConn(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	c := &Conn{cfg: cfg}
	c.use(nc)
	defer c.watch(ctx)()
	if err := c.open(ctx); err != nil {
		_ = c.nc.Close() // the first error is the one that counts
		return nil, because(ctx, err)
	}
	return c, nil
}

// open brings the conversation to where AUTHENTICATE may follow.
func (c *Conn) open(ctx context.Context) error {
	if c.cfg.Security == ImplicitTLS {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	if err := c.readCapabilities("greeting"); err != nil {
		return err
	}
	if c.cfg.Security != StartTLS {
		return nil
	}
	if !c.caps.StartTLS {
		return ErrNoStartTLS
	}
	if _, err := c.do("STARTTLS", nil); err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if c.r.br.Buffered() > 0 {
		return broken("bytes after STARTTLS that are not TLS")
	}
	if err := c.handshake(ctx); err != nil {
		return err
	}
	return c.readCapabilities("capabilities after STARTTLS")
}

func (c *Conn) handshake(ctx context.Context) error {
	hctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	tc := tls.Client(c.nc, c.cfg.TLS)
	if err := tc.HandshakeContext(hctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.use(tc)
	return nil
}

// use goes on with a connection.
func (c *Conn) use(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc = nc
	c.r = reader{br: bufio.NewReaderSize(nc, 4096)}
}

// watch makes the end of ctx break every read and write until stop is called.
func (c *Conn) watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cut = true
		_ = c.nc.SetDeadline(time.Unix(1, 0)) // the error comes back from what it interrupts
	})
}

// within gives the next steps d, unless the context has ended already.
func (c *Conn) within(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return context.Canceled
	}
	return c.nc.SetDeadline(time.Now().Add(d))
}

// because names the end of ctx as the cause of a step that it interrupted.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return cause
	}
	return err
}

// readCapabilities reads what a server says of itself unasked.
func (c *Conn) readCapabilities(when string) error {
	if err := c.within(c.cfg.CommandTimeout); err != nil {
		return err
	}
	res, err := c.answer(false)
	if err != nil {
		return fmt.Errorf("%s: %w", when, err)
	}
	c.caps = capabilities(res)
	return nil
}

// do sends a command with arguments that are written already, and reads its
// response. args is wiped.
func (c *Conn) do(verb string, args []byte) (*response, error) {
	if err := c.send(verb, args); err != nil {
		return nil, err
	}
	return c.answer(false)
}

func (c *Conn) send(verb string, args []byte) error {
	if c.broken {
		return ErrUnusable
	}
	defer clear(args)
	line := make([]byte, 0, len(verb)+len(args)+2)
	line = append(append(append(line, verb...), args...), "\r\n"...)
	defer clear(line)
	err := c.within(c.cfg.CommandTimeout)
	if err == nil {
		_, err = c.nc.Write(line)
	}
	if err != nil {
		c.broken = true
		return fmt.Errorf("writing a command: %w", err)
	}
	return nil
}

// answer reads a response; NO and BYE are a *Refusal.
func (c *Conn) answer(one bool) (*response, error) {
	res, err := c.r.response(one)
	switch {
	case err != nil:
		c.broken = true
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading a response: %w", err)
	case res.status.word == "BYE":
		c.broken = true
		fallthrough
	case res.status.word == "NO":
		return nil, &Refusal{Bye: res.status.word == "BYE", Code: res.status.code, Text: res.status.text}
	}
	return res, nil
}

// command is one command of a caller.
func (c *Conn) command(ctx context.Context, verb string, args []byte) (*response, error) {
	defer c.watch(ctx)()
	res, err := c.do(verb, args)
	return res, because(ctx, err)
}

// Usable reports whether another command may be tried.
func (c *Conn) Usable() bool { return !c.broken }

// Close says LOGOUT where that makes sense, and closes. It may be called twice.
func (c *Conn) Close() error {
	if !c.broken {
		c.broken = true
		if c.within(logoutTimeout) == nil {
			if _, err := c.nc.Write([]byte("LOGOUT\r\n")); err == nil {
				_, _ = c.r.response(false) // a goodbye that does not come changes nothing
			}
		}
	}
	err := c.nc.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
