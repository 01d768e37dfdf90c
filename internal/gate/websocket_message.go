package gate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"cofferdam/internal/ipc"
)

// message is one message of a client on its way to a cell. A small one is kept
// whole, so that it can be sent twice. A large one is never in our memory: it goes
// up as it comes, once the cell has said that it knows the capability.
type message struct {
	in       io.Reader
	pace     *time.Timer // nothing came for bodyPause
	small    []byte
	large    bool
	up       atomic.Bool // some of a large one went up: it cannot be sent again
	released chan struct{}
	release  func() // nobody reads it any more
}

func newMessage(r io.Reader, slow func()) *message {
	m := &message{in: r, pace: time.AfterFunc(bodyPause, slow), released: make(chan struct{})}
	m.release = sync.OnceFunc(func() { close(m.released) })
	return m
}

// begin reads a message as far as it is kept. It is false when it broke off.
func (m *message) begin() bool {
	head, err := io.ReadAll(io.LimitReader(pacedReader{m.in, m.pace}, smallBody+1))
	if err != nil {
		m.pace.Stop()
		return false
	}
	m.small, m.large = head, len(head) > smallBody
	if !m.large {
		m.pace.Stop()
		m.release()
	}
	return true
}

// wait waits until the next message can be read: what a cell did not want of this
// one is read and forgotten.
func (m *message) wait(ctx context.Context) bool {
	defer m.pace.Stop()
	select {
	case <-m.released:
	case <-ctx.Done():
		return false
	}
	if !m.large {
		return true
	}
	_, err := io.Copy(io.Discard, pacedReader{m.in, m.pace})
	return err == nil
}

func (m *message) begun() bool { return m.up.Load() }

// body is what goes to a cell. The transport closes it when it reads no more.
func (m *message) body() io.ReadCloser {
	if !m.large {
		return io.NopCloser(bytes.NewReader(m.small))
	}
	return &messageBody{m: m, r: io.MultiReader(bytes.NewReader(m.small), pacedReader{m.in, m.pace})}
}

// messageBody tells the message when nobody reads it any more: the transport may
// close a body while it reads it still.
type messageBody struct {
	m *message
	r io.Reader

	mu              sync.Mutex // guards the rest
	reading, closed bool
}

// Read implements io.Reader.
func (b *messageBody) Read(p []byte) (int, error) {
	if !b.turn(true) {
		return 0, io.ErrClosedPipe
	}
	defer b.turn(false)
	b.m.up.Store(true)
	return b.r.Read(p)
}

// turn notes that a Read begins or ends. It is false for one after Close.
func (b *messageBody) turn(begins bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begins && b.closed {
		return false
	}
	b.reading = begins
	b.leave()
	return true
}

// Close implements io.Closer.
func (b *messageBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.leave()
	return nil
}

// leave releases the message when it can be sent no more. It needs mu.
func (b *messageBody) leave() {
	if b.closed && !b.reading && b.m.begun() {
		b.m.release()
	}
}

// pacedReader reads a message of which something must come every bodyPause.
type pacedReader struct {
	r    io.Reader
	pace *time.Timer
}

func (p pacedReader) Read(b []byte) (int, error) {
	p.pace.Reset(bodyPause)
	return p.r.Read(b)
}

// messageRequest is the POST that a message becomes.
func (g *Gate) messageRequest(ctx context.Context, grant ipc.Grant, m *message) *http.Request {
	out := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "http", Host: "line", Path: ipc.CellMessage}, Host: "line",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"User-Agent": {""}}, Body: m.body(), ContentLength: int64(len(m.small))}
	if m.large {
		out.ContentLength = -1
		out.Header.Set("Expect", "100-continue")
	}
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set(ipc.HeaderCapability, b64.EncodeToString(grant.Capability))
	out.Header.Set(ipc.HeaderOrigin, g.cfg.Origin)
	return out.WithContext(ctx)
}

// deliver writes a cell's answer as one message, of which the client must take
// something every writePause.
func (s *socket) deliver(ctx context.Context, from io.Reader) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pace := time.AfterFunc(writePause, cancel)
	defer pace.Stop()
	w, err := s.conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		return closeGone
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			pace.Reset(writePause)
			if _, err := w.Write(buf[:n]); err != nil {
				return closeGone
			}
		}
		switch {
		case err == io.EOF:
			if w.Close() != nil {
				return closeGone
			}
			return nil
		case err != nil:
			return err // half a message is out: the connection is of no use any more
		}
	}
}

// push passes on what a cell says of changes, line by line, until it is disabled
// or replaced. When the cell ends it, the client connects again and says what it
// knows by its pushState.
func (s *socket) push(ctx context.Context, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxPushLine)
	for lines.Scan() {
		if err := s.send(ctx, lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // disabled, replaced, or all is over
	}
	return errors.New("the cell ended a push")
}

func (s *socket) send(ctx context.Context, text []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	// Not under ctx: a write whose context ends takes the connection down with it.
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), writePause)
	defer cancel()
	if s.conn.Write(write, websocket.MessageText, text) != nil {
		return closeGone
	}
	return nil
}
