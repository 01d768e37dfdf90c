package imapup_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// people numbers accounts.
var people atomic.Int64

func pair(t *testing.T, addr string, cfg imapup.Config) upstreamtest.Pair {
	user := fmt.Sprintf("p%d", people.Add(1))
	return pairOf(t, upstreamtest.SignedIn(addr, user, imaptest.Password), cfg)
}

func pairOf(t *testing.T, dial func(context.Context) (net.Conn, error), cfg imapup.Config) upstreamtest.Pair {
	var mu sync.Mutex
	var conns []net.Conn
	cfg.Dial = func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, c)
		return c, err
	}
	cfg.PollEvery = 200 * time.Millisecond
	a, b := imapup.New(cfg), imapup.New(cfg)
	t.Cleanup(func() { a.Close(); b.Close() })
	return upstreamtest.Pair{Store: a, Other: b, Restart: func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}}
}

// TestDovecot goes over the tiers of DESIGN section 4.
func TestDovecot(t *testing.T) {
	for _, c := range []struct {
		name, capability string
		cfg              imapup.Config
	}{
		{name: "whole"},
		{name: "no CONDSTORE", capability: "IMAP4rev1 LITERAL+ ID ENABLE IDLE SORT THREAD=REFERENCES UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED LIST-STATUS ESEARCH MOVE SPECIAL-USE BINARY PREVIEW",
			cfg: imapup.Config{NoResync: true}},
		{name: "bare", capability: "IMAP4rev1", cfg: imapup.Config{NoIdentity: true}},
		{name: "chatmail", capability: "IMAP4rev1 IDLE MOVE QUOTA CONDSTORE NOTIFY METADATA"},
		{name: "no NOTIFY", cfg: imapup.Config{NoPush: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: c.capability})
			upstreamtest.Run(t, upstreamtest.Subject{Open: func(t *testing.T) upstreamtest.Pair { return pair(t, s.Addr, c.cfg) }})
		})
	}
}

// TestMemory runs over the embedded platform of the demo: a server without ids,
// mod-sequences and NOTIFY.
func TestMemory(t *testing.T) {
	upstreamtest.Run(t, upstreamtest.Subject{Open: func(t *testing.T) upstreamtest.Pair {
		mem := imapmemserver.New()
		user := imapmemserver.NewUser("ann", "secret")
		if err := user.Create("INBOX", nil); err != nil {
			t.Fatal(err)
		}
		mem.AddUser(user)
		srv := imapserver.New(&imapserver.Options{
			NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
				return mem.NewSession(), nil, nil
			},
			InsecureAuth: true,
			Caps:         imap.CapSet{imap.CapIMAP4rev1: {}},
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go srv.Serve(ln)
		t.Cleanup(func() { srv.Close() })
		return pairOf(t, upstreamtest.SignedIn(ln.Addr().String(), "ann", "secret"), imapup.Config{})
	}})
}

// TestCyrus runs where an unpacked Cyrus is named.
func TestCyrus(t *testing.T) {
	s := imaptest.Cyrus(t)
	upstreamtest.Run(t, upstreamtest.Subject{Open: func(t *testing.T) upstreamtest.Pair { return pair(t, s.Addr, imapup.Config{}) }})
}
