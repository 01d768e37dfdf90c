package imapup_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// heard keeps what is said to a server.
type heard struct {
	net.Conn
	mu   *sync.Mutex
	said *strings.Builder
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	h.said.Write(p)
	h.mu.Unlock()
	return h.Conn.Write(p)
}

// TestWarm: a large mailbox that was selected is made ready for the reading of
// bodies, once, when its connection is not in use; a small one is not. It stays
// as it was.
func TestWarm(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "warm", imaptest.Password)
	var mu sync.Mutex
	var said strings.Builder
	store := imapup.New(imapup.Config{WarmFrom: 2, Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		return &heard{c, &mu, &said}, err
	}})
	defer store.Close()
	asked := func() int {
		mu.Lock()
		defer mu.Unlock()
		return strings.Count(said.String(), "BODY.PEEK[]<0.1>")
	}
	wait := func(want int) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); asked() < want && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(600 * time.Millisecond)
		if n := asked(); n != want {
			t.Fatalf("asked %d times for the first octet, want %d", n, want)
		}
	}
	place := func(box string) upstream.Place {
		t.Helper()
		list, err := store.Boxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(b upstream.Box) bool { return b.Name == box })
		return upstream.Place{Box: box, Validity: list[i].Marks.UIDValidity}
	}
	var every upstream.UIDSet
	every.AddRange(1, 5)
	look := func(box string) {
		t.Helper()
		ask := upstream.Ask{At: place(box), UIDs: every, Want: upstream.Want{Preview: true}}
		if err := store.Fetch(t.Context(), []upstream.Ask{ask}, func(*upstream.Content) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.CreateBox(t.Context(), "Few", ""); err != nil {
		t.Fatal(err)
	}
	for box, n := range map[string]int{"INBOX": 3, "Few": 1} {
		for range n {
			mail := upstreamtest.Mail("warm")
			if _, err := store.Append(t.Context(), box, upstream.Message{Body: strings.NewReader(mail), Size: int64(len(mail))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	look("Few")
	wait(0)
	look("INBOX")
	wait(1)
	look("INBOX")
	wait(1) // the server remembers, as long as the mailbox is selected
	look("Few")
	look("INBOX")
	wait(2)
	if err := store.Rows(t.Context(), place("INBOX"), every, func(r *upstream.Row) {
		for _, f := range r.Flags {
			if strings.EqualFold(f, `\Seen`) {
				t.Errorf("mail %d is read now", r.UID)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
}
