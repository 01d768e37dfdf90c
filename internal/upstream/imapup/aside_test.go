package imapup_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// slow is a connection to a server that says nothing until it is let.
type slow struct {
	net.Conn
	held *atomic.Bool
	let  chan struct{}
}

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.held.Load() {
		<-s.let
	}
	return n, err
}

// TestAside: whatever is done for nobody who waits, a connection is left for the
// person.
func TestAside(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "aside", imaptest.Password)
	var held atomic.Bool
	let, dials := make(chan struct{}), 0
	store := imapup.New(imapup.Config{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if dials++; dials == 1 {
			c = &slow{c, &held, let}
		}
		return c, err
	}})
	defer store.Close()
	if _, err := store.Boxes(t.Context()); err != nil {
		t.Fatal(err)
	}
	held.Store(true)
	done := make(chan error, 2)
	for range cap(done) {
		go func() {
			_, _, err := store.UIDs(upstream.Aside(t.Context()), "INBOX")
			done <- err
		}()
	}
	time.Sleep(50 * time.Millisecond) // both have begun
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, _, err := store.UIDs(ctx, "INBOX"); err != nil {
		t.Errorf("the person has to wait: %v", err)
	}
	if len(done) != 0 {
		t.Error("what was done aside did not wait")
	}
	held.Store(false)
	close(let)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
