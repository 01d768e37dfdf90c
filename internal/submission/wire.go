package submission

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"
)

// wire is a connection with a deadline on each step, which a context can cut.
type wire struct {
	mu  sync.Mutex // guards nc (its replacement) and cut
	nc  net.Conn
	cut bool

	br *bufio.Reader
}

func newWire(nc net.Conn) *wire {
	return &wire{nc: nc, br: bufio.NewReaderSize(nc, MaxReplyLine)}
}

// replace goes on with another connection, as after STARTTLS.
func (w *wire) replace(nc net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc = nc
	w.br = bufio.NewReaderSize(nc, MaxReplyLine)
}

// watch makes the end of ctx break every read and write until stop is called.
func (w *wire) watch(ctx context.Context) (stop func() bool) {
	if ctx.Err() != nil {
		w.interrupt()
	}
	return context.AfterFunc(ctx, w.interrupt)
}

func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	// The error comes back from the read or write that this interrupts.
	_ = w.nc.SetDeadline(time.Unix(1, 0))
}

// within gives the next steps d, unless the context has ended already.
func (w *wire) within(d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return context.Canceled
	}
	return w.nc.SetDeadline(time.Now().Add(d))
}

func (w *wire) write(p []byte, d time.Duration) error {
	if err := w.within(d); err != nil {
		return err
	}
	_, err := w.nc.Write(p)
	return err
}

func (w *wire) reply(d time.Duration) (Reply, error) {
	if err := w.within(d); err != nil {
		return Reply{}, err
	}
	return readReply(w.br)
}

// blockWriter writes message data, each write with its own deadline.
type blockWriter struct {
	w *wire
	d time.Duration
}

func (b blockWriter) Write(p []byte) (int, error) {
	if err := b.w.within(b.d); err != nil {
		return 0, err
	}
	return b.w.nc.Write(p)
}
