package porter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"cofferdam/internal/imap"
	"cofferdam/internal/ipc"
)

// pipe gives a cell an authenticated IMAP connection: bytes in both directions,
// with every command of the cell looked at (guard.go).
func (p *Porter) pipe(cell string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := p.openPipe(w, r, cell)
		p.counts.pipes.WithLabelValues(string(ipc.CodeOf(err))).Inc()
		if err != nil {
			ipc.WriteError(w, err)
		}
	})
}

// openPipe begins a pipe, which runs on after the request: what net/http keeps of one
// would cost as much as the pipe. An error means that nothing was answered.
func (p *Porter) openPipe(w http.ResponseWriter, r *http.Request, cell string) error {
	g, err := p.registry.find(r.Header.Get(ipc.HeaderCapability), cell)
	if err != nil {
		return err
	}
	plat := p.table.Load().byName[g.platform]
	if plat == nil {
		return ipc.Errorf(ipc.CodeUnavailable, "the mail platform is not configured any more")
	}
	release, err := p.registry.takePipe(g, plat.MaxPipes)
	if err != nil {
		return err
	}
	server, err := p.connect(r.Context(), g, plat)
	if err != nil {
		release()
		return err
	}
	p.pipes.Add(1) // until the hijack a draining server waits for us, from then on Run does
	end := func() { server.Close(); release(); p.pipes.Done() }
	client, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		end()
		return err
	}
	early, _ := buf.Peek(buf.Reader.Buffered()) // what is buffered can be had
	var fromClient io.Reader = client
	if len(early) > 0 {
		fromClient = io.MultiReader(bytes.NewReader(bytes.Clone(early)), client)
	}
	go func() {
		defer end()
		defer client.Close()
		p.join(g.ctx, client, fromClient, server)
	}()
	return nil
}

// connect is the connection that was made at sign-in, or a new one.
func (p *Porter) connect(ctx context.Context, g *grant, plat *platform) (*imapConn, error) {
	if c := p.registry.takeSpare(g.person); c != nil {
		if imap.Silent(c.Conn) {
			return c, nil
		}
		c.Close() // the server closed it, or spoke: not for a cell that has just begun
	}
	secret, err := p.registry.credential(g)
	if err != nil {
		return nil, err
	}
	defer secret.release()
	if err := p.refusals.begin(g.box); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := p.dialIMAP(ctx, plat, secret.cred, g.network)
	p.counts.logins.WithLabelValues("imap", string(ipc.CodeOf(err))).Inc()
	switch ipc.CodeOf(err) {
	case "":
		p.refusals.forget(g.box)
	case ipc.CodeRefused: // to the cell that is no wrong password
		return nil, p.refusals.add(g.box)
	}
	return c, err
}

// join copies both ways until one side ends or the grant does. The guard stands
// in the middle: a command that a cell may not give ends the pipe.
func (p *Porter) join(ctx context.Context, client net.Conn, fromClient io.Reader, server *imapConn) {
	guard := imap.NewGuard(cellVerbs(server.caps))
	both := func() {
		client.Close()
		server.Close()
		guard.Close()
	}
	stop := context.AfterFunc(ctx, both)
	defer stop()
	greeting := fmt.Sprintf("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: imap\r\n\r\n* PREAUTH [CAPABILITY %s] ready\r\n", server.caps)
	if _, err := io.WriteString(client, greeting); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer both()
		p.buffers.copyThrough(server, guard.Owed, func(b []byte) error { return guard.FromServer(client, b) })
	}()
	err := p.buffers.copyThrough(fromClient, func() bool { return false }, func(b []byte) error { return guard.FromClient(server, b) })
	if errors.Is(err, imap.ErrVerbRefused) || errors.Is(err, imap.ErrClientSyntax) {
		p.counts.refused.WithLabelValues("imap").Inc()
		p.log.Error("a cell gave a command that it may not", "err", err)
		_, _ = io.WriteString(client, "* BYE this command is not for cells\r\n")
	}
	both()
	<-done
}

// buffers are what pipes copy with while there is much to copy, each overwritten before
// another pipe gets it. The zero value is ready.
type buffers struct{ pool sync.Pool }

func (b *buffers) take() []byte {
	if buf, ok := b.pool.Get().(*[pipeBuffer]byte); ok {
		return buf[:]
	}
	return make([]byte, pipeBuffer)
}

func (b *buffers) give(buf []byte) {
	clear(buf)
	b.pool.Put((*[pipeBuffer]byte)(buf))
}

// copyThrough hands what r yields to f until one of them ends. It waits with a small
// buffer of its own, unless the one before was filled or more is expected.
func (b *buffers) copyThrough(r io.Reader, more func() bool, f func([]byte) error) error {
	small := make([]byte, pipeFirst)
	buf := small
	back := func() {
		if len(buf) > len(small) {
			b.give(buf)
		}
		buf = small
	}
	defer back()
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := f(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // either side went away: that is how pipes end
		}
		if full := n == len(buf); !full && !more() {
			back()
		} else if len(buf) == len(small) {
			buf = b.take()
		}
	}
}
