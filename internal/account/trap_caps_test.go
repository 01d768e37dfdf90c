package account_test

import (
	"context"
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

// TestConnectionCap is trap 11: a server that allows a person few connections,
// which their other programs have as well. One that is left is enough.
func TestConnectionCap(t *testing.T) {
	for _, left := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(left, " left"), func(t *testing.T) {
			t.Parallel()
			const others = 4
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Extra: fmt.Sprintf("protocol imap {\n  mail_max_userip_connections = %d\n}\n", others+left)})
			dial := upstreamtest.SignedIn(s.Addr, "capped", imaptest.Password)
			phone := imapup.New(imapup.Config{Dial: dial})
			for range others - 1 {
				hold(t, dial)
			}
			began := time.Now()
			r := newRig(t, imapup.New(imapup.Config{Dial: dial, PollEvery: 300 * time.Millisecond}), phone)
			r.deliver("INBOX", upstreamtest.Mail("m"))
			inbox := r.box(jmap.RoleInbox)
			id := r.waitFor(inbox, 1)[0]
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { r.get(allFields, id) })
			}
			wg.Wait()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if left < 3 {
				awaitCap(t, dial)
			}
		})
	}
}

// awaitCap is the control: the server refuses one more. The watcher comes to its
// connection a moment after the first page.
func awaitCap(t *testing.T, dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		c, err := dial(t.Context())
		if err != nil {
			return
		}
		c.Close()
		if time.Now().After(until) {
			t.Fatal("there is room for one more: the cap is not reached")
		}
	}
}

// hold keeps a connection for the length of a test.
func hold(t *testing.T, dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	c, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
}
