package imapup_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// endless is a connection on which no SEARCH in bodies is ever answered.
type endless struct {
	net.Conn
	asked, closed chan struct{}
	ask, end      sync.Once
}

func (e *endless) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("SEARCH ")) && bytes.Contains(b, []byte("BODY ")) {
		e.ask.Do(func() { close(e.asked) })
	}
	return e.Conn.Write(b)
}

func (e *endless) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	select {
	case <-e.asked:
		<-e.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (e *endless) Close() error {
	e.end.Do(func() { close(e.closed) })
	return e.Conn.Close()
}

// TestSearchStopsWithItsAsker: the server is told that nobody waits any more, in
// the one way there is; who comes next has another connection.
func TestSearchStopsWithItsAsker(t *testing.T) {
	server := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(server.Addr, "searcher", imaptest.Password)
	var mu sync.Mutex
	var conns []*endless
	s := imapup.New(imapup.Config{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, &endless{Conn: c, asked: make(chan struct{}), closed: make(chan struct{})})
		return conns[len(conns)-1], nil
	}})
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, marks, err := s.UIDs(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	first := conns[len(conns)-1]
	mu.Unlock()
	asking, leave := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := s.Search(asking, upstream.Place{Box: "INBOX", Validity: marks.UIDValidity}, []upstream.Term{{Field: upstream.FieldBody, Value: "x"}})
		done <- err
	}()
	select {
	case <-first.asked:
	case <-ctx.Done():
		t.Fatal("the search was not asked")
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the search ended with %v", err)
	}
	select {
	case <-first.closed:
	case <-time.After(5 * time.Second):
		t.Error("the connection of the search stays, and the server goes on")
	}
	if _, err := s.Boxes(ctx); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
