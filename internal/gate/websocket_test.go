package gate

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"cofferdam/internal/ipc"
)

// dial opens a WebSocket to the gate as a browser's page of ours does.
func (s *stage) dial(edits ...edit) (*websocket.Conn, *http.Response, error) {
	r := &http.Request{Header: http.Header{}}
	cookie(s.key)(r)
	r.Header.Set("Origin", "https://mail.test")
	protocol := []string{"jmap"}
	for _, e := range edits {
		e(r)
	}
	if p := r.Header.Get("Sec-WebSocket-Protocol"); p != "" {
		protocol = strings.Split(p, ",")
		r.Header.Del("Sec-WebSocket-Protocol")
	}
	return websocket.Dial(context.Background(), s.web.URL+"/jmap/ws", &websocket.DialOptions{Host: "mail.test", HTTPHeader: r.Header, Subprotocols: protocol})
}

func (s *stage) mustDial() *websocket.Conn {
	s.t.Helper()
	c, _, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.CloseNow() })
	return c
}

func soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func send(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(soon(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	c.SetReadLimit(-1)
	_, text, err := c.Read(soon())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// closed reads until the connection is closed, and returns why.
func closed(c *websocket.Conn) websocket.StatusCode {
	for {
		if _, _, err := c.Read(soon()); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// messages is a cell that answers what it is sent: "slow" when it is told, "push"
// with lines without end.
func messages(release <-chan struct{}, lines <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != ipc.CellMessage || r.Header.Get("Cookie") != "" {
			http.Error(w, "no", 500)
			return
		}
		switch text := string(body); text {
		case "slow":
			<-release
			fallthrough
		default:
			w.Header().Set("Content-Type", ipc.MessageType)
			fmt.Fprintf(w, "%d %.20s", len(text), text)
		case "disable":
			w.WriteHeader(http.StatusNoContent)
		case "push":
			w.Header().Set("Content-Type", ipc.PushType)
			c := http.NewResponseController(w)
			w.WriteHeader(200)
			c.Flush()
			for {
				select {
				case l := <-lines:
					io.WriteString(w, l+"\n")
					c.Flush()
				case <-r.Context().Done():
					return
				}
			}
		}
	}
}

// RFC 8887: messages and their answers, several at once in any order.
func TestWebSocket(t *testing.T) {
	s := newStage(t)
	release, lines := make(chan struct{}), make(chan string)
	s.cellFunc = messages(release, lines)
	c := s.mustDial()
	if c.Subprotocol() != "jmap" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	send(t, c, "slow")
	for i := range 3 {
		send(t, c, strings.Repeat("x", i+1))
		if got, want := receive(t, c), fmt.Sprintf("%d %s", i+1, strings.Repeat("x", i+1)); got != want {
			t.Errorf("got %q, want %q while an earlier message is under way", got, want)
		}
	}
	close(release)
	if got := receive(t, c); got != "4 slow" {
		t.Errorf("the slow one: %q", got)
	}
	for _, n := range []int{smallBody, smallBody + 1, 3 << 20, maxAPIBody + 10} { // what is too large is the cell's to say
		send(t, c, strings.Repeat("y", n))
		if got, want := receive(t, c), fmt.Sprintf("%d yyyyyyyyyyyyyyyyyyyy", n); got != want {
			t.Errorf("a message of %d bytes: got %q", n, got)
		}
	}
	send(t, c, "push")
	lines <- `{"n":1}`
	if got := receive(t, c); got != `{"n":1}` {
		t.Errorf("push: %q", got)
	}
	send(t, c, "z")
	if got := receive(t, c); got != "1 z" {
		t.Errorf("beside a push: %q", got)
	}
	send(t, c, "disable")
	for deadline := time.Now().Add(5 * time.Second); ; {
		select {
		case lines <- "late":
			if time.Now().After(deadline) {
				t.Fatal("the push goes on after it was disabled")
			}
			continue
		case <-time.After(50 * time.Millisecond):
		}
		break
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// RFC 8887, section 4.3: a message in several frames is one.
func TestWebSocketFragments(t *testing.T) {
	s := newStage(t)
	s.cellFunc = messages(nil, nil)
	c := s.mustDial()
	w, err := c.Writer(soon(), websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range []string{"one ", "two ", "three"} { // each Write is a frame
		if _, err := io.WriteString(w, frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got != "13 one two three" {
		t.Errorf("got %q", got)
	}
}

// A cell that was restarted does not know the capability: the message goes again
// under a new one, a large one too, once and whole.
func TestWebSocketStaleCapability(t *testing.T) {
	s := newStage(t)
	s.cellFunc = messages(nil, nil)
	c := s.mustDial()
	for _, n := range []int{10, 1 << 20} {
		s.mu.Lock()
		s.grant.Capability = bytes.Repeat([]byte{byte(n)}, 32) // the gate remembers another
		s.mu.Unlock()
		send(t, c, strings.Repeat("y", n))
		if got, want := receive(t, c), fmt.Sprintf("%d yyyy", n); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What a handshake must have (RFC 8887 sections 4.1 and 4.2, RFC 6455 section 10.2).
func TestWebSocketHandshake(t *testing.T) {
	s := newStage(t)
	none := func(name string) edit { return func(r *http.Request) { r.Header.Del(name) } }
	bearer := header("Authorization", "Bearer "+token(s.key))
	for _, c := range []struct {
		name  string
		edits []edit
		want  int
	}{
		{"our page", nil, 101},
		{"our page, of several protocols", []edit{header("Sec-WebSocket-Protocol", "chat,jmap")}, 101},
		{"what browsers say of it", []edit{header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Dest", "websocket")}, 101},
		{"a program", []edit{none("Cookie"), none("Origin"), bearer}, 101},
		{"another site", []edit{header("Origin", "https://evil.test")}, 403},
		{"a sub-domain", []edit{header("Origin", "https://x.mail.test")}, 403},
		{"our name without TLS", []edit{header("Origin", "http://mail.test")}, 403},
		{"a frame of a mail", []edit{header("Origin", "null")}, 403},
		{"a cookie from nowhere", []edit{none("Origin")}, 403},
		{"another site, by its fetch metadata", []edit{header("Sec-Fetch-Site", "cross-site")}, 403},
		{"another protocol", []edit{header("Sec-WebSocket-Protocol", "chat")}, 400},
		{"nobody", []edit{none("Cookie")}, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, resp, err := s.dial(c.edits...)
			if err == nil {
				conn.CloseNow()
			}
			if resp == nil || resp.StatusCode != c.want {
				t.Errorf("got %v %v, want %d", resp, err, c.want)
			}
		})
	}
	if resp, _ := s.do("GET", "/jmap/ws", "", cookie(s.key), header("Origin", "https://mail.test")); resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", resp.StatusCode)
	}
	if resp, _ := s.do("POST", "/jmap/ws", "{}", bearer); resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a message by POST from outside: %d", resp.StatusCode)
	}
}

// What ends a connection, and what its Close frame says.
func TestWebSocketEnds(t *testing.T) {
	binary := func(s *stage, c *websocket.Conn) { c.Write(soon(), websocket.MessageBinary, []byte{1}) }
	say := func(text string) func(*stage, *websocket.Conn) {
		return func(s *stage, c *websocket.Conn) { send(s.t, c, text) }
	}
	for _, c := range []struct {
		name string
		do   func(*stage, *websocket.Conn)
		cell http.HandlerFunc
		want websocket.StatusCode
	}{
		{"a binary message", binary, nil, websocket.StatusUnsupportedData},
		{"a message without end", func(_ *stage, c *websocket.Conn) {
			c.Write(soon(), websocket.MessageText, make([]byte, maxMessage+1))
		}, nil, websocket.StatusMessageTooBig},
		{"a cell that breaks off", say("x"), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, websocket.StatusServiceRestart},
		{"a cell that answers no message", say("x"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, websocket.StatusServiceRestart},
		{"a cell that ends a push", say("push"), func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", ipc.PushType) }, websocket.StatusServiceRestart},
		{"a session that is over", func(s *stage, c *websocket.Conn) {
			send(s.t, c, "push")
			s.gate.Ended(context.Background(), ipc.Ended{Sessions: [][]byte{s.grant.Session}})
		}, nil, websocket.StatusPolicyViolation},
		{"a session that is over, under a request", func(s *stage, c *websocket.Conn) {
			send(s.t, c, "slow")
			s.gate.Ended(context.Background(), ipc.Ended{Sessions: [][]byte{s.grant.Session}})
		}, nil, websocket.StatusPolicyViolation},
		{"a gate that drains", func(s *stage, _ *websocket.Conn) { s.gate.sessions.endStreams() }, nil, websocket.StatusServiceRestart},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			release := make(chan struct{})
			defer close(release)
			if s.cellFunc = messages(release, nil); c.cell != nil {
				s.cellFunc = c.cell
			}
			conn := s.mustDial()
			c.do(s, conn)
			began := time.Now()
			if got := closed(conn); got != c.want {
				t.Errorf("closed with %v, want %v", got, c.want)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
			drain, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if s.gate.closeSockets(drain); drain.Err() != nil {
				t.Error("the gate still serves the connection")
			}
		})
	}
}

// One person's connections are counted, and so are the messages under way of each:
// more are not read.
func TestWebSocketLimits(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex // guards now, most
	now, most := 0, 0
	release := make(chan struct{})
	s.cellFunc = func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-release
		mu.Lock()
		now--
		mu.Unlock()
		w.Header().Set("Content-Type", ipc.MessageType)
		io.WriteString(w, "{}")
	}
	c := s.mustDial()
	for range 40 {
		send(t, c, "x")
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		mu.Lock()
		n := now
		mu.Unlock()
		if n == maxSocketCalls {
			break
		}
	}
	close(release)
	for range 40 {
		receive(t, c)
	}
	if most != maxSocketCalls {
		t.Errorf("%d messages under way at most, want %d", most, maxSocketCalls)
	}
	for range maxSocketsOf - 1 {
		s.mustDial()
	}
	if _, resp, err := s.dial(); err == nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one connection too many: %v %v", resp, err)
	}
}

// piped is a server's end of a handshake over a pipe in memory.
type piped struct {
	http.ResponseWriter
	conn net.Conn
	head http.Header
}

func (p *piped) Header() http.Header { return p.head }
func (p *piped) WriteHeader(int)     {}
func (p *piped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(bufio.NewReader(p.conn), bufio.NewWriter(p.conn)), nil
}

// connected makes a connection in memory that a gate without any cell serves.
func connected(t *testing.T) (client net.Conn, done chan struct{}) {
	client, server := net.Pipe()
	r, _ := http.NewRequest("GET", "/jmap/ws", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	conn, err := websocket.Accept(&piped{conn: server, head: http.Header{}}, r, &websocket.AcceptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{log: slog.New(slog.DiscardHandler), sessions: newSessions(nil)}
	done = make(chan struct{})
	go func() {
		defer close(done)
		g.serveSocket(context.Background(), []byte("id"), conn, ipc.SessionKey{}, "")
	}()
	return client, done
}

// A client that answers no ping, and one that begins a message and stalls, are
// given up.
func TestWebSocketSilence(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		want time.Duration
	}{
		"no pong":        {"", pingEvery + pingWait},
		"half a message": {"\x81\x85\x00\x00\x00\x00he", bodyPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, done := connected(t)
				go io.Copy(io.Discard, client)
				began := time.Now()
				io.WriteString(client, c.sent)
				<-done
				if took := time.Since(began); took < c.want || took > c.want+11*time.Second { // the library waits for a Close frame
					t.Errorf("given up after %v, want %v", took, c.want)
				}
				client.Close()
			})
		})
	}
}
