package imapup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream"
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

// TestCyrus runs where Cyrus is unpacked.
func TestCyrus(t *testing.T) {
	t.Parallel()
	s := imaptest.Cyrus(t)
	upstreamtest.Run(t, upstreamtest.Subject{Open: func(t *testing.T) upstreamtest.Pair { return pair(t, s.Addr, imapup.Config{}) }})
}

// TestQuota is trap 1 of notes/jmap.md: a COPY that does not fit must not cost
// the mail, with MOVE and without.
func TestQuota(t *testing.T) {
	for name, capability := range map[string]string{"MOVE": "", "no MOVE": "IMAP4rev1 UIDPLUS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: capability,
				Extra: "plugin {\n  quota_rule = *:storage=60K\n  quota_grace = 0\n}\n"})
			p := pair(t, s.Addr, imapup.Config{})
			ctx := t.Context()
			if err := p.Store.(upstream.Boxmaker).CreateBox(ctx, "Work", ""); err != nil {
				t.Fatal(err)
			}
			raw := upstreamtest.Mail("big") + strings.Repeat("x", 35<<10) + "\r\n"
			put := func() error {
				_, err := p.Store.Append(ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw))})
				return err
			}
			if err := put(); err != nil {
				t.Fatal(err)
			}
			if err := put(); !errors.Is(err, upstream.ErrOverQuota) {
				t.Errorf("a mail that does not fit: %v, want ErrOverQuota", err)
			}
			uids, m, err := p.Store.UIDs(ctx, "INBOX")
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Store.Move(ctx, upstream.Place{Box: "INBOX", Validity: m.UIDValidity}, uids, "Work")
			here, _, err2 := p.Store.UIDs(ctx, "INBOX")
			there, _, err3 := p.Store.UIDs(ctx, "Work")
			if err2 != nil || err3 != nil {
				t.Fatal(err2, err3)
			}
			if here.Count()+there.Count() == 0 {
				t.Fatal("the mail is lost")
			}
			if err != nil && here.Count() != 1 {
				t.Errorf("the move failed (%v), but the inbox has %d mails", err, here.Count())
			}
		})
	}
}

// dotted is a namespace whose folders lie in the inbox, with a dot.
const dotted = "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}\nnamespace shared {\n  type = shared\n  separator = .\n  prefix = shared.%%u.\n  location = mdbox:/nonexistent/%%u\n  list = yes\n}\n"

// TestSeparator is trap 7: folders in the inbox, with a dot.
func TestSeparator(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{Extra: dotted})
	p := pair(t, s.Addr, imapup.Config{})
	if err := p.Store.(upstream.Boxmaker).CreateBox(t.Context(), "INBOX.Über uns.2026", ""); err != nil {
		t.Fatal(err)
	}
	names := wantTree(t, p.Store)
	if _, ok := names["shared"]; ok {
		t.Error("the shared namespace is in the account")
	}
	for _, fault := range treeFaults(names) {
		t.Error(fault)
	}
}

func wantTree(t *testing.T, s upstream.Store) map[string]upstream.Box {
	t.Helper()
	list, err := s.Boxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]upstream.Box{}
	for _, b := range list {
		names[b.Name] = b
	}
	return names
}

// treeFaults is what is wrong with a list that should have a folder in the inbox,
// below a parent that holds no mail.
func treeFaults(names map[string]upstream.Box) (faults []string) {
	if b, ok := names["INBOX.Über uns.2026"]; !ok || b.Delimiter != "." || !b.Selectable {
		faults = append(faults, fmt.Sprintf("the folder: %+v of %v", b, names))
	}
	if b, ok := names["INBOX.Über uns"]; ok && b.Selectable {
		faults = append(faults, fmt.Sprintf("a parent that does not exist can be selected: %+v", b))
	}
	return faults
}

// TestSeparatorDoneWrong is the control of TestSeparator: it sends the name as
// programs do that know no separator, no prefix or no modified UTF-7, or that make
// the parents too; what comes of it is noticed. The right bytes pass.
func TestSeparatorDoneWrong(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{Extra: dotted})
	for i, c := range []struct {
		sent  []string
		right bool
	}{
		{[]string{"INBOX.&ANw-ber uns.2026"}, true},
		{[]string{"INBOX/&ANw-ber uns/2026"}, false},
		{[]string{"&ANw-ber uns.2026"}, false},
		{[]string{"INBOX.Über uns.2026"}, false},
		{[]string{"INBOX.&ANw-ber uns", "INBOX.&ANw-ber uns.2026"}, false},
	} {
		user := fmt.Sprintf("wrong%d", i)
		conn, err := upstreamtest.SignedIn(s.Addr, user, imaptest.Password)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		lines := bufio.NewScanner(conn)
		lines.Scan() // the greeting
		for _, name := range c.sent {
			fmt.Fprintf(conn, "b CREATE %q\r\n", name)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "b ") {
			}
		}
		store := imapup.New(imapup.Config{Dial: upstreamtest.SignedIn(s.Addr, user, imaptest.Password)})
		defer store.Close()
		if faults := treeFaults(wantTree(t, store)); (len(faults) == 0) != c.right {
			t.Errorf("%q: %v, want right %v", c.sent, faults, c.right)
		}
	}
}

// TestNoMoreConnections: what can be tried again is tried for a while; a dialler
// that says that there will be no connection any more is asked once.
func TestNoMoreConnections(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		once bool
	}{{"closed", fmt.Errorf("%w: session is over", net.ErrClosed), true}, {"away", errors.New("connection refused"), false}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				s := imapup.New(imapup.Config{Dial: func(context.Context) (net.Conn, error) { asked++; return nil, c.err }})
				defer s.Close()
				began := time.Now()
				if _, err := s.Boxes(t.Context()); !errors.Is(err, upstream.ErrUnavailable) {
					t.Errorf("got %v, want ErrUnavailable", err)
				}
				if took := time.Since(began); (asked == 1) != c.once || (took == 0) != c.once {
					t.Errorf("asked %d times in %v", asked, took)
				}
			})
		})
	}
}

// TestAwayOnce: while the server is away, the first call of a batch waits for it
// and the others do not wait as long again; a while later one does.
func TestAwayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := imapup.New(imapup.Config{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }})
		defer s.Close()
		took := func() time.Duration {
			began := time.Now()
			if _, err := s.Boxes(t.Context()); !errors.Is(err, upstream.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			return time.Since(began)
		}
		if d := took(); d < 3*time.Second || d > 5*time.Second {
			t.Errorf("the first call took %v", d)
		}
		var rest time.Duration
		for range 15 {
			rest += took()
		}
		if rest > time.Second {
			t.Errorf("15 more calls took %v", rest)
		}
		time.Sleep(15 * time.Second)
		if d := took(); d < 3*time.Second {
			t.Errorf("a call after a while took %v", d)
		}
	})
}
