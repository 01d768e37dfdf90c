package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
)

// imapServerForGuard is a client's end of a guarded, greeted connection.
func imapServerForGuard(t *testing.T) net.Conn {
	server := imaptest.Replay(t, "S: * PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] ready\n")
	client, inner := net.Pipe()
	guardPipe(imap.NewGuard(imap.AllowMailVerbs), inner, server)
	return client
}

// guardTalk plays both ends of a guard step by step.
type guardTalk struct {
	t              *testing.T
	g              *imap.Guard
	server, client bytes.Buffer
}

func (k *guardTalk) expect(buf *bytes.Buffer, want string) {
	k.t.Helper()
	synctest.Wait()
	if got := buf.String(); got != want {
		k.t.Errorf("got %q, want %q", got, want)
	}
	buf.Reset()
}

func (k *guardTalk) fromServer(text string) {
	k.t.Helper()
	if err := k.g.FromServer(&k.client, []byte(text)); err != nil {
		k.t.Error(err)
	}
}

func TestGuardLiterals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &guardTalk{t: t, g: imap.NewGuard(imap.AllowMailVerbs)}
		send := make(chan string)
		result := make(chan error, 10)
		go func() {
			for text := range send {
				result <- k.g.FromClient(&k.server, []byte(text))
			}
		}()
		defer close(send)

		// Granted: the literal passes after the server's "+", which the client
		// of a non-synchronizing literal does not see.
		send <- "a CREATE {3+}\r\nabc\r\nb NOOP\r\n"
		k.expect(&k.server, "a CREATE {3}\r\n")
		k.fromServer("+ go\r\n")
		k.expect(&k.server, "abc\r\nb NOOP\r\n")
		k.expect(&k.client, "")
		k.fromServer("a OK done\r\nb OK done\r\n")
		k.expect(&k.client, "a OK done\r\nb OK done\r\n")
		if err := <-result; err != nil {
			t.Error(err)
		}

		// Refused: what the client sent as the literal's bytes never passes.
		send <- "c CREATE {27+}\r\nz SETACL INBOX anyone lrs\r\n \"more\" {4+}\r\nevil\r\nd NOOP\r\n"
		k.expect(&k.server, "c CREATE {27}\r\n")
		k.fromServer("c NO not that\r\n")
		k.expect(&k.server, "d NOOP\r\n")
		if err := <-result; err != nil {
			t.Error(err)
		}

		// A synchronizing one: the client sees the "+".
		send <- "e CREATE {3}\r\n"
		k.expect(&k.server, "e CREATE {3}\r\n")
		k.client.Reset()
		k.fromServer("+ ok\r\n")
		k.expect(&k.client, "+ ok\r\n")
		if err := <-result; err != nil {
			t.Error(err)
		}
		send <- "xyz\r\n"
		k.expect(&k.server, "xyz\r\n")
		<-result

		// Somebody's text cannot grant: neither in a literal, nor in the text of
		// a status, nor in the middle of a line.
		send <- "f CREATE {3+}\r\nabc\r\n"
		k.expect(&k.server, "f CREATE {3}\r\n")
		k.client.Reset()
		k.fromServer("* 1 FETCH (BODY[] {14}\r\n\r\n+ go\r\nf OK\r\n)\r\n* NO no such folder x {20}\r\n* 2 EXISTS\r\n")
		k.expect(&k.server, "")
		k.fromServer("+ real\r\n")
		k.expect(&k.server, "abc\r\n")
		<-result

		// The "+" of an IDLE is not the literal's.
		send <- "g IDLE\r\nDONE\r\nh CREATE {2+}\r\nab\r\n"
		k.expect(&k.server, "g IDLE\r\nDONE\r\nh CREATE {2}\r\n")
		k.client.Reset()
		k.fromServer("+ idling\r\n")
		k.expect(&k.client, "+ idling\r\n")
		k.expect(&k.server, "")
		k.fromServer("g OK idle over\r\n+ go\r\n")
		k.expect(&k.server, "ab\r\n")
		k.expect(&k.client, "g OK idle over\r\n")
		<-result

		// A tag in flight must not be used again.
		send <- "i NOOP\r\ni NOOP\r\n"
		if err := <-result; !errors.Is(err, imap.ErrVerbRefused) {
			t.Errorf("the same tag twice: %v", err)
		}
	})
}

func TestGuardCloseWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := imap.NewGuard(imap.AllowMailVerbs)
		done := make(chan error)
		go func() { done <- g.FromClient(io.Discard, []byte("a CREATE {3}\r\n")) }()
		synctest.Wait()
		g.Close()
		if err := <-done; !errors.Is(err, imap.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestGuardServerEndsIdle(t *testing.T) {
	for _, next := range []string{"b NOOP\r\n", "DONE\r\nb NOOP\r\n"} {
		g := imap.NewGuard(imap.AllowMailVerbs)
		var server, client bytes.Buffer
		if err := g.FromClient(&server, []byte("a IDLE\r\n")); err != nil {
			t.Fatal(err)
		}
		_ = g.FromServer(&client, []byte("a BAD no idle here\r\n"))
		if err := g.FromClient(&server, []byte(next)); err != nil {
			t.Errorf("%q after a refused IDLE: %v", next, err)
		}
	}
}

// TestGuardAgainstDovecot throws soup at a real server through the guard. The
// verb to smuggle is CREATE: no folder may ever appear.
func TestGuardAgainstDovecot(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	watch := dial(t, s.Addr, "user", imap.Options{})
	before := len(wait(t, watch.List(imap.ListOptions{})))
	noCreate := func(c imap.ClientCommand) error {
		if c.Verb == "CREATE" || c.Verb == "RENAME" || c.Verb == "APPEND" || c.Verb == "LOGOUT" {
			return errors.New("not this one")
		}
		return nil
	}
	rounds := 100
	if os.Getenv("COFFERDAM_LONG") != "" {
		rounds = 20000
	}
	rng := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	var passed atomic.Int64
	for i := range rounds {
		text := soup(rng, "CREATE")
		if i%2 == 0 { // a well-formed start, so that more gets through
			text = append(smuggle(rng), text...)
		}
		throw(t, s.Addr, text, noCreate, &passed)
	}
	if after := wait(t, watch.List(imap.ListOptions{})); len(after) != before {
		for _, l := range after {
			t.Errorf("folder %q", l.Mailbox)
		}
	}
	if passed.Load() == 0 {
		t.Error("nothing passed the guard: the test shows nothing")
	}
	t.Logf("%d connections, %d bytes passed", rounds, passed.Load())

	// The same without the guard does create: the test can fail.
	raw := login(t, s.Addr)
	fmt.Fprintf(raw, "x NOOP {28+}\r\ny CREATE smuggled\r\n\r\nz NOOP\r\n")
	time.Sleep(200 * time.Millisecond)
	raw.Close()
	if after := wait(t, watch.List(imap.ListOptions{})); len(after) == before {
		t.Log("this Dovecot takes a literal behind NOOP for one: no smuggling even without the guard")
	}
}

// smuggle makes commands that hide CREATE where a server may not expect a
// literal.
func smuggle(rng *rand.Rand) []byte {
	heads := []string{"NOOP", "NOOP ", "SELECT INBOX ", "CAPABILITY ", "LIST \"\" * ", "STATUS INBOX (MESSAGES) ", "FETCH 1 FLAGS ", "UID SEARCH ALL ", "NAMESPACE ", "ID NIL ", "ENABLE X ", "SELECT ", "UID FETCH 1 (FLAGS ", "SELECT (", "SELECT \"x\" "}
	marks := []string{"{24}\r\n", "{24+}\r\n", "~{24}\r\n", "~{24+}\r\n", "{4096+}\r\n", "{1+}\r\n", "{0+}\r\n"}
	var b []byte
	for range 1 + rng.IntN(3) {
		b = fmt.Appendf(b, "s%d %s%s", rng.IntN(1e9), heads[rng.IntN(len(heads))], marks[rng.IntN(len(marks))])
		b = fmt.Appendf(b, "e%d CREATE evil%d\r\n", rng.IntN(1e6), rng.IntN(1e9))
		b = append(b, []string{"\r\n", ")\r\n", " x\r\n", ""}[rng.IntN(4)]...)
	}
	return b
}

func login(t *testing.T, addr string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := imap.Dial(ctx, addr, imap.DialOptions{Security: imap.SecurityNone})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Login(ctx, "user", []byte(imaptest.Password)); err != nil {
		t.Fatal(err)
	}
	conn, err := c.Detach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// throw sends bytes through a guard to a real server and waits until the guard
// refuses, the server hangs up, or both have fallen silent.
func throw(t *testing.T, addr string, text []byte, allow func(imap.ClientCommand) error, passed *atomic.Int64) {
	t.Helper()
	server := login(t, addr)
	defer server.Close()
	g := imap.NewGuard(allow)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			_ = g.FromServer(io.Discard, buf[:n])
			if err != nil {
				g.Close()
				return
			}
		}
	}()
	timer := time.AfterFunc(150*time.Millisecond, func() {
		g.Close()
		_ = server.Close()
	})
	defer timer.Stop()
	err := g.FromClient(writerFunc(func(p []byte) (int, error) {
		passed.Add(int64(len(p)))
		return server.Write(p)
	}), text)
	if err == nil {
		_ = g.FromClient(server, []byte("\r\n"))
	}
	if err != nil && strings.Contains(err.Error(), "panic") {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
