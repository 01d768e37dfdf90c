package account_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// searchedServer counts the commands and connections that reach a real server, and
// holds back its answers to searches from a certain one on.
type searchedServer struct {
	mu       sync.Mutex
	commands int // SEARCH commands for words
	hold     int // from which of them on nothing is answered; 0: all are
	open     int // connections
	closed   chan struct{}
}

type searchedConn struct {
	net.Conn
	of   *searchedServer
	held chan struct{} // closed when answers are held back
	end  sync.Once
	gone chan struct{}
}

func (s *searchedServer) counts() (commands, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commands, s.open
}

func (s *searchedServer) holdFrom(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands, s.hold = 0, n
}

func (c *searchedConn) Write(b []byte) (int, error) {
	c.of.mu.Lock()
	if n := bytes.Count(b, []byte("lion")); n > 0 {
		c.of.commands += n
		if c.of.hold > 0 && c.of.commands >= c.of.hold {
			select {
			case <-c.held:
			default:
				close(c.held)
			}
		}
	}
	c.of.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *searchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.held:
		<-c.gone
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *searchedConn) Close() error {
	c.end.Do(func() {
		close(c.gone)
		c.of.mu.Lock()
		c.of.open--
		c.of.mu.Unlock()
		c.of.closed <- struct{}{}
	})
	return c.Conn.Close()
}

// TestEmailSearchIsCalledOffAtDovecot: when somebody leaves a search of 30
// folders, the server is asked for no other folder, the searches under way end
// with their connections, and the next search has new ones.
func TestEmailSearchIsCalledOffAtDovecot(t *testing.T) {
	const folders, answered, workers = 30, 5, 2
	server := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(server.Addr, fmt.Sprintf("u%d", people.Add(1)), imaptest.Password)
	seen := &searchedServer{closed: make(chan struct{}, 100)}
	r := newRig(t, imapup.New(imapup.Config{PollEvery: 300 * time.Millisecond, Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.open++
		return &searchedConn{Conn: c, of: seen, held: make(chan struct{}), gone: make(chan struct{})}, nil
	}}), imapup.New(imapup.Config{Dial: dial}))
	ids := make([]jmap.MailboxID, folders)
	for i := range ids {
		ids[i] = r.make(fmt.Sprintf("Folder %d", i), "")
		r.deliver(fmt.Sprintf("Folder %d", i), fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@x>\r\n\r\nThe lion.\r\n", i, i))
	}
	for _, id := range ids {
		r.waitFor(id, 1)
	}
	seen.holdFrom(answered + 1)
	ctx, leave := context.WithCancel(r.ctx)
	defer leave()
	some, err := r.a.EmailSearch(ctx, typedQuery("body:lion"), "")
	r.must(err)
	if some.IsComplete || len(some.IDs) == 0 || len(some.IDs) > answered {
		t.Errorf("at first: %d of %d folders are searched, with %d mails", some.Searched, some.ToSearch, len(some.IDs))
	}
	done := make(chan error, 1)
	go func() {
		_, err := r.a.EmailSearch(ctx, typedQuery("body:lion"), some.SearchState)
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	asked, before := seen.counts()
	if asked > answered+workers {
		t.Errorf("%d searches are under way at once, want %d", asked-answered, workers)
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the search ended with %v", err)
	}
	for range asked - answered {
		select {
		case <-seen.closed:
		case <-time.After(5 * time.Second):
			t.Fatal("the connection of a search stays, and the server goes on")
		}
	}
	time.Sleep(100 * time.Millisecond)
	if now, open := seen.counts(); now != asked || open > before {
		t.Errorf("after it was left %d more folders are asked, over %d connections (%d before)", now-asked, open, before)
	}
	seen.holdFrom(0)
	if all := r.settled("body:lion"); len(all) != folders {
		t.Errorf("asked again it finds %d mails, want %d", len(all), folders)
	}
}

// settled asks for a search until it is complete, and returns its ids.
func (r *rig) settled(text string) []string {
	r.Helper()
	for since := ""; ; {
		res, err := r.a.EmailSearch(r.ctx, typedQuery(text), since)
		r.must(err)
		if since = res.SearchState; res.IsComplete {
			ids := make([]string, len(res.IDs))
			for i, id := range res.IDs {
				ids[i] = string(id)
			}
			return ids
		}
	}
}
