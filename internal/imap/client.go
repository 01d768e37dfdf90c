package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Client. The zero value works.
type Options struct {
	// Handler receives what the server says by itself, on the reading
	// goroutine, in order. It must not block on this client. Nil drops events.
	Handler func(Event)

	// Logger gets a few lines on faults of the server, without content. Nil is silent.
	Logger *slog.Logger

	// MaxCommandLine bounds a command line in bytes, literals apart. Longer
	// sets are cut into several commands. Default 8,000; Dovecot takes 64 KiB.
	MaxCommandLine int

	// MaxLiteralInMemory bounds one literal that is not streamed, in bytes.
	// Default 8 MiB.
	MaxLiteralInMemory int64

	// MaxLiteral bounds a literal that is streamed or skipped. Default 4 GiB.
	MaxLiteral int64

	// StallTimeout ends the connection when the server is silent for so long
	// while a command waits. Default two minutes; negative means never.
	StallTimeout time.Duration

	// WriteTimeout bounds each write to the connection. Default one minute.
	WriteTimeout time.Duration

	// IdleRefresh renews IDLE. Default nine minutes.
	IdleRefresh time.Duration

	// Desks are shared by the connections of a process. Default: the client's own.
	Desks *Desks
}

func (o *Options) setDefaults() {
	setDefault(&o.MaxCommandLine, defaultMaxCommandLine)
	setDefault(&o.MaxLiteralInMemory, maxLiteralInMemory)
	setDefault(&o.MaxLiteral, maxLiteral)
	setDefault(&o.StallTimeout, defaultStallTimeout)
	setDefault(&o.WriteTimeout, defaultWriteTimeout)
	setDefault(&o.IdleRefresh, defaultIdleRefresh)
	if o.Desks == nil {
		o.Desks = &Desks{}
	}
	if o.Handler == nil {
		o.Handler = func(Event) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// State is the state of the connection (RFC 9051, section 3).
type State uint8

// The states of a connection.
const (
	StateNotAuthenticated State = iota
	StateAuthenticated
	StateSelected
	StateLogout
)

// New takes over an established connection, whose TLS, if any, is already
// made, and waits for the greeting. A PREAUTH greeting leaves the client
// authenticated. On an error the connection is closed.
func New(ctx context.Context, conn net.Conn, opts Options) (*Client, error) {
	return newClient(ctx, conn, opts)
}

// Caps returns the latest capability list the server sent.
func (c *Client) Caps() Caps {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps
}

// State returns the connection's state as far as answers have arrived.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Mailbox returns the name of the selected mailbox, "" when none is.
func (c *Client) Mailbox() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.selected
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Client) Done() <-chan struct{} { return c.dead }

// Err returns why the connection ended: nil while it lives, ErrClosed after
// Close, a StatusError (BYE), ConnError, ProtocolError or LimitError else.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Client is a connection to one IMAP server. Its methods may be called from
// any goroutine; see the package comment for callbacks.
type Client struct {
	opts Options

	// Owned by the reading goroutine.
	parser     *parser
	flags      *flagTable
	fresh      FetchRow // row of unsolicited FETCH responses
	hasGreeted bool
	odd        int // lines that were no response, see maxOddLines

	dead     chan struct{} // closed when the connection has failed or was closed
	readEnd  chan struct{} // closed when the reading goroutine has ended
	writeEnd chan struct{} // closed when the writing goroutine has ended
	wake     chan struct{} // tells the writing goroutine to look again
	greeted  chan *Response
	cont     chan string // continuation requests that are waited for

	utf8 atomic.Bool // UTF-8 in names and strings is enabled

	mu        sync.Mutex // guards everything below
	conn      net.Conn   // the outermost layer with deadlines: TCP or TLS
	out       flushWriter
	caps      Caps
	capsFresh bool // caps were sent since the last change of state
	enabled   map[string]bool
	state     State
	selected  string
	closedBox bool // [CLOSED] was seen: what follows belongs to the next mailbox
	err       error
	bye       *StatusError
	queue     []*command // started, not yet written
	inflight  []*command // written or being written, in order; the reader removes
	tags      uint64
	wantCont  bool
	idlers    int             // callers inside Idle
	idling    *command        // the IDLE in flight
	idleQuiet bool            // the server has accepted IDLE: silence is fine
	idleErr   error           // the server refused IDLE
	idleRest  time.Duration   // how long to rest before the next IDLE
	idleDone  bool            // DONE was sent for the IDLE in flight
	refused   []chan struct{} // of the callers inside Idle; closed when refused
	detached  bool
}

// flushWriter is what commands are written to: the connection, or DEFLATE.
type flushWriter interface {
	io.Writer
	Flush() error
}

type plainWriter struct{ io.Writer }

func (plainWriter) Flush() error { return nil }

// deflateWriter compresses each write by itself, and whole.
type deflateWriter struct{ io.Writer }

func (deflateWriter) Flush() error { return nil }

func newClient(ctx context.Context, conn net.Conn, opts Options) (*Client, error) {
	opts.setDefaults()
	c := &Client{
		opts:     opts,
		conn:     conn,
		out:      plainWriter{conn},
		flags:    newFlagTable(),
		dead:     make(chan struct{}),
		readEnd:  make(chan struct{}),
		writeEnd: make(chan struct{}),
		wake:     make(chan struct{}, 1),
		greeted:  make(chan *Response, 1),
		cont:     make(chan string, 1),
		enabled:  map[string]bool{},
		idleRest: idleSettle,
	}
	c.parser = newParser(readerFunc(c.readConn), opts)
	c.parser.sink = c.chooseSink
	go c.readLoop()
	go c.writeLoop()
	if err := c.greet(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// greet waits for the greeting and learns the capabilities.
func (c *Client) greet(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.dead:
		return c.Err()
	case r := <-c.greeted:
		switch r.Kind {
		case StatusPREAUTH:
			c.setState(StateAuthenticated)
		case StatusOK:
		default:
			return &StatusError{Command: "greeting", Kind: StatusBYE, Code: r.Code, Text: r.Text}
		}
	}
	return c.learnCaps(ctx)
}

// learnCaps asks for the capabilities unless the server told them unasked.
func (c *Client) learnCaps(ctx context.Context) error {
	c.mu.Lock()
	fresh := c.capsFresh
	c.mu.Unlock()
	if fresh {
		return nil
	}
	_, err := c.Capability().Wait(ctx)
	return err
}

// encode begins a command. A verb of "" leaves the verb to the caller.
func (c *Client) encode(verb string) *encoder {
	c.mu.Lock()
	c.tags++
	tag, caps := c.tags, c.caps
	rev2 := c.enabled[CapIMAP4rev2]
	c.mu.Unlock()
	e := &encoder{buf: make([]byte, 0, 256), maxLine: c.opts.MaxCommandLine, nonSync: -1, utf8: c.utf8.Load()}
	switch {
	case caps.Has(CapLiteralPlus):
		e.nonSync = 1 << 62
	case caps.Has(CapLiteralMinus) || rev2:
		e.nonSync = literalMinus
	}
	e.buf = append(e.buf, 'A')
	e.num(tag)
	e.tag = string(e.buf)
	e.sp().raw(verb)
	return e
}

// room returns how many bytes of a command line are left for a set when the
// rest of the command takes used.
func (c *Client) room(used int) int { return max(c.opts.MaxCommandLine-used, 64) }

// start queues commands for writing and returns their future.
func start[T any](c *Client, value *T, cmds ...*command) *Future[T] {
	for _, cmd := range cmds {
		if cmd.enc.err == nil {
			cmd.enc.end()
		}
		if cmd.enc.err != nil {
			return failed[T](cmd.enc.err)
		}
		cmd.tag = cmd.enc.tag
		cmd.done = make(chan struct{})
	}
	if err := c.submit(cmds); err != nil {
		return failed[T](err)
	}
	return &Future[T]{cmds: cmds, value: value}
}

func (c *Client) submit(cmds []*command) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if len(c.queue)+len(c.inflight)+len(cmds) > maxQueued {
		return ErrBusy
	}
	c.queue = append(c.queue, cmds...)
	c.poke()
	return nil
}

// poke wakes the writing goroutine.
func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close ends the connection at once, without LOGOUT. It may be called twice,
// and from callbacks. Commands in flight fail with ErrClosed.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	return nil
}

// Logout says good-bye, closes the connection and waits for the client's
// goroutines. Not for callbacks.
func (c *Client) Logout(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, logoutTimeout)
	defer cancel()
	_, err := c.simple("LOGOUT").Wait(ctx)
	c.setState(StateLogout)
	c.fail(ErrClosed)
	<-c.readEnd
	<-c.writeEnd
	return err
}

// fail ends the connection with err, unless it has ended.
func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	if c.bye != nil && !errors.Is(err, ErrClosed) {
		err = c.bye
	}
	c.err = err
	c.state = StateLogout
	conn := c.conn
	waiting := append(append([]*command(nil), c.inflight...), c.queue...)
	c.queue = nil
	detached := c.detached
	c.mu.Unlock()
	close(c.dead)
	if !detached {
		hangUp(conn)
	}
	for _, cmd := range waiting {
		cmd.complete(err)
	}
	c.poke()
}

// hangUp closes a connection at once: a TLS layer would first try, for
// seconds, to say good-bye.
func hangUp(conn net.Conn) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	_ = conn.Close()
}

func (c *Client) setState(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}

// setSelected records the outcome of SELECT, UNSELECT and CLOSE.
func (c *Client) setSelected(on bool, mailbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closedBox = false
	c.selected = ""
	if c.state == StateSelected || c.state == StateAuthenticated || on {
		c.state = StateAuthenticated
	}
	if on {
		c.selected = mailbox
		c.state = StateSelected
	}
}

// utf8On reports whether names and strings are UTF-8.
func (c *Client) utf8On() bool { return c.utf8.Load() }

// reached reports whether the server is known to have come to cmd: nothing
// older is in flight, or the mailbox selected before is known to be closed
// and no older SELECT waits. Servers answer pipelined commands in order.
func (c *Client) reached(cmd *command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.inflight) > 0 && c.inflight[0] == cmd {
		return true
	}
	if c.selected != "" && !c.closedBox {
		return false
	}
	for _, older := range c.inflight {
		if older == cmd {
			return true
		}
		if older.name == "SELECT" || older.name == "EXAMINE" {
			return false
		}
	}
	return false
}
