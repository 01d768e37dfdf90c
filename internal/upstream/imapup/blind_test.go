package imapup_test

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// blind is a connection that does not see mailboxes which are made after it, as
// Dovecot's do once its index of mailboxes is corrupted.
type blind struct {
	net.Conn
	br   *bufio.Reader
	rest string
}

func (b *blind) Read(p []byte) (int, error) {
	for b.rest == "" {
		line, err := b.br.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if !strings.Contains(line, "Work") || strings.HasPrefix(line, "a") {
			b.rest = line
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// TestMadeIsListed: what was made is listed, if need be by a new connection.
func TestMadeIsListed(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "blind", imaptest.Password)
	var mu sync.Mutex
	seeing := false // new connections do
	store := imapup.New(imapup.Config{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || seeing {
			return c, err
		}
		return &blind{Conn: c, br: bufio.NewReader(c)}, nil
	}})
	defer store.Close()
	listed := func() (n int) {
		list, err := store.Boxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			if b.Name == "Work" {
				n++
			}
		}
		return n
	}
	listed()
	mu.Lock()
	seeing = true
	mu.Unlock()
	if err := store.CreateBox(t.Context(), "Work", ""); err != nil {
		t.Fatal(err)
	}
	if n := listed(); n != 1 {
		t.Errorf("listed %d times", n)
	}
}
