package ipc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering has a peer that answers the n-th request of its c-th connection, both
// counted from 1, with what answer says. "" closes the connection.
func answering(t *testing.T, answer func(c, n int) string) (*Client, *atomic.Int32) {
	t.Helper()
	a, b, _, _ := pair(t)
	conns := new(atomic.Int32)
	go func() {
		for {
			conn, err := b.Accept()
			if err != nil {
				return
			}
			go answerOn(conn, int(conns.Add(1)), answer)
		}
	}()
	c := NewClient(a)
	t.Cleanup(c.Close)
	return c, conns
}

func answerOn(conn net.Conn, c int, answer func(c, n int) string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := 1; ; n++ {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		text := answer(c, n)
		if _, err := io.WriteString(conn, text); text == "" || err != nil {
			return
		}
	}
}

func reply(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// ask posts a small body, and returns the answer's.
func ask(t *testing.T, c *Client) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://line/x", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func TestConnectionIsUsedAgain(t *testing.T) {
	for name, answer := range map[string]string{
		"length": reply("yes"), "nothing": "HTTP/1.1 204 No Content\r\n\r\n",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, conns := answering(t, func(int, int) string { return answer })
			for range 5 {
				if _, err := ask(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if conns.Load() != 1 {
				t.Errorf("%d connections for five requests one after the other", conns.Load())
			}
		})
	}
}

// TestConnectionIsNotUsedAgain: one that the peer closed, on which it said more than
// it was asked, or that waited for too long, carries no other request.
func TestConnectionIsNotUsedAgain(t *testing.T) {
	mine := func(c, n int) string { return reply(fmt.Sprint("mine ", c, n)) }
	for name, answer := range map[string]func(c, n int) string{
		"closed": func(c, n int) string {
			if n == 2 {
				return ""
			}
			return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\nmine " + fmt.Sprint(c, n)
		},
		"more in one": func(c, n int) string { return mine(c, n) + reply("another's") },
		"waited long": func(c, n int) string { return mine(c, n) },
	} {
		t.Run(name, func(t *testing.T) {
			c, conns := answering(t, answer)
			for i := range 3 {
				got, err := ask(t, c)
				if want := fmt.Sprint("mine ", i+1, 1); err != nil || got != want {
					t.Fatalf("answer %q, %v, want %q", got, err, want)
				}
				if name == "waited long" {
					c.whole.mu.Lock()
					c.whole.idle[0].since = time.Now().Add(-idleTimeout)
					c.whole.mu.Unlock()
				}
			}
			if conns.Load() != 3 {
				t.Errorf("%d connections for three requests", conns.Load())
			}
		})
	}
}

// TestUnaskedBytesAreNoAnswer: what a hostile peer writes while nobody asks is not
// taken for the answer to the next request, which may be another person's.
func TestUnaskedBytesAreNoAnswer(t *testing.T) {
	a, b, _, _ := pair(t)
	c := NewClient(a)
	t.Cleanup(c.Close)
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			conn, err := b.Accept()
			if err != nil {
				return
			}
			accepted <- conn
			go answerOn(conn, 1, func(int, int) string { return reply("mine") })
		}
	}()
	for range 2 {
		if got, err := ask(t, c); err != nil || got != "mine" {
			t.Fatalf("answer %q, %v", got, err)
		}
		conn := <-accepted // a new one each time
		if _, err := io.WriteString(conn, reply("another's")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHeadsHaveAnEnd(t *testing.T) {
	for name, answer := range map[string]string{
		"endless":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 100) + "Content-Length: 0\r\n\r\n",
		"early":    strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000) + reply("later"),
		"no HTTP":  "* OK IMAP4rev1\r\n\r\n",
		"upgraded": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
	} {
		c, _ := answering(t, func(int, int) string { return answer })
		if got, err := ask(t, c); err == nil {
			t.Errorf("%s: taken as %q", name, got)
		}
	}
}

// TestEarlyAnswersAreSkipped: hints (RFC 8297) come before the answer, and are not it.
func TestEarlyAnswersAreSkipped(t *testing.T) {
	c, _ := answering(t, func(int, int) string {
		return strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 3) + reply("yes")
	})
	for range 2 {
		if got, err := ask(t, c); err != nil || got != "yes" {
			t.Errorf("answer %q, %v", got, err)
		}
	}
}

func TestRequestIsGivenUp(t *testing.T) {
	for name, answer := range map[string]string{"silent": " ", "half": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"} {
		c, _ := answering(t, func(int, int) string { return answer })
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://line/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
		resp, err := c.RoundTrip(r)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want that it was cancelled", name, err)
		}
		if err == nil {
			t.Errorf("%s: read to its end", name)
		}
		if len(c.whole.idle) != 0 {
			t.Errorf("%s: the connection waits for another request", name)
		}
	}
}

// TestLargeBodiesStream: a body above maxWhole goes up while its answer comes, so
// that a peer which refuses it early is heard; one of maxWhole is written whole.
func TestLargeBodiesStream(t *testing.T) {
	a, b, _, _ := pair(t)
	c := NewClient(a)
	t.Cleanup(c.Close)
	m := NewMux(nil)
	m.Raw("POST /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) }))
	serveMux(t, b, m)
	for _, size := range []int{maxWhole, maxWhole + 1, 4 << 20} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://line/x", io.NopCloser(bytes.NewReader(make([]byte, size))))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(size)
		if whole := size <= maxWhole; isWhole(r) != whole {
			t.Errorf("%d bytes: whole %v, want %v", size, !whole, whole)
		}
		resp, err := c.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%d bytes: %v, %v", size, resp, err)
		}
		resp.Body.Close()
	}
}

// TestIdleConnectionsAreFew: no more than maxIdle wait for requests.
func TestIdleConnectionsAreFew(t *testing.T) {
	for _, n := range []int{maxIdle, maxIdle + 1} {
		c, _ := answering(t, func(int, int) string { return reply("yes") })
		var open []*http.Response
		for range n {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://line/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, resp)
		}
		for _, resp := range open {
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		if got := len(c.whole.idle); got != maxIdle {
			t.Errorf("%d connections wait after %d requests at once, want %d", got, n, maxIdle)
		}
	}
}
