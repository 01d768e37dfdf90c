package ipc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pair gives both ends of a fresh line and the files a supervisor would keep.
func pair(t *testing.T) (a, b *Line, fa, fb *os.File) {
	t.Helper()
	fa, fb, err := NewPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fa.Close(); fb.Close() })
	a, b = open(t, "a", fa), open(t, "b", fb)
	return a, b, fa, fb
}

func open(t *testing.T, name string, f *os.File) *Line {
	t.Helper()
	l, err := NewLine(name, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

type echo struct {
	Word string `json:"word"`
}

func serveEcho(t *testing.T, l *Line) {
	t.Helper()
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "/echo", 1<<10, time.Second, func(_ context.Context, in echo) (echo, error) {
		switch in.Word {
		case "fail":
			return echo{}, errors.New("inner text with a secret")
		case "refuse":
			return echo{}, Errorf(CodeThrottled, "wait a little")
		case "panic":
			panic("bug")
		}
		return in, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = Serve(ctx, l.Listener(), m, time.Second) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestCall(t *testing.T) {
	a, b, _, _ := pair(t)
	serveEcho(t, b)
	c := NewClient(a)
	ctx := context.Background()
	out, err := Call[echo](ctx, c, "/echo", echo{"hello"})
	if err != nil || out.Word != "hello" {
		t.Fatalf("got %v, %v; want hello", out, err)
	}
	for word, want := range map[string]Code{"fail": CodeInternal, "refuse": CodeThrottled, "panic": CodeInternal} {
		_, err := Call[echo](ctx, c, "/echo", echo{word})
		if CodeOf(err) != want {
			t.Errorf("%s: code %q, want %q", word, CodeOf(err), want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: inner text crossed the line: %v", word, err)
		}
	}
	type wider struct {
		Word, Extra string
	}
	if _, err := Call[echo](ctx, c, "/echo", wider{"x", "y"}); CodeOf(err) != CodeInvalid {
		t.Errorf("unknown field: %v, want invalid", err)
	}
	if _, err := Call[echo](ctx, c, "/echo", echo{strings.Repeat("x", 2<<10)}); CodeOf(err) != CodeInvalid {
		t.Errorf("over the limit: %v, want invalid", err)
	}
}

// A role that restarts gets the calls that were made while it was away.
func TestLineOutlivesProcess(t *testing.T) {
	a, b, _, fb := pair(t)
	b.Close() // the process died; the supervisor still holds fb
	c := NewClient(a)
	got := make(chan error, 1)
	go func() {
		_, err := Call[echo](context.Background(), c, "/echo", echo{"early"})
		got <- err
	}()
	time.Sleep(20 * time.Millisecond)
	serveEcho(t, open(t, "b", fb))
	if err := <-got; err != nil {
		t.Fatalf("call made while the peer was away: %v", err)
	}
}

func TestCallToNobodyEnds(t *testing.T) {
	a, _, _, _ := pair(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := Call[echo](ctx, NewClient(a), "/echo", echo{"x"})
	if CodeOf(err) != CodeUnavailable {
		t.Fatalf("got %v, want unavailable", err)
	}
}

// What a hostile peer may push down a line: files, listeners, several
// descriptors, none. Accept passes over all of it and leaks nothing.
func TestAcceptRefusesJunk(t *testing.T) {
	a, b, _, _ := pair(t)
	before := openFiles(t)
	devnull, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tf, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, f := range []*os.File{devnull, tf, nil} {
		if err := a.send(ctx, []byte{opConnect}, f); err != nil {
			t.Fatal(err)
		}
	}
	two := syscall.UnixRights(int(devnull.Fd()), int(tf.Fd()))
	if _, _, err := a.conn.WriteMsgUnix([]byte{opConnect}, two, nil); err != nil {
		t.Fatal(err)
	}
	tcp.Close()
	tf.Close()
	devnull.Close()

	good, err := a.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() { good.Write([]byte("hi")); good.Close() }()
	if data, err := io.ReadAll(c); err != nil || string(data) != "hi" {
		t.Fatalf("got %q, %v; want hi", data, err)
	}
	c.Close()
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors open, %d before: leaked", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestAcceptBoundsConnections(t *testing.T) {
	a, b, _, _ := pair(t)
	ctx := context.Background()
	var first net.Conn
	for i := range MaxConns {
		if _, err := a.Dial(ctx); err != nil {
			t.Fatal(err)
		}
		c, err := b.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = c
		}
	}
	if _, err := a.Dial(ctx); err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		if _, err := b.Accept(); err == nil {
			close(accepted)
		}
	}()
	select {
	case <-accepted:
		t.Fatal("accepted more than MaxConns")
	case <-time.After(20 * time.Millisecond):
	}
	first.Close()
	<-accepted
}

func TestDecodeIsStrict(t *testing.T) {
	deep := strings.Repeat("[", MaxCallDepth+1) + strings.Repeat("]", MaxCallDepth+1)
	for _, in := range []string{``, `{`, `{"word":1}`, `{"word":"a"} {}`, `{"word":"a"}x`, `{"w":"a"}`, deep} {
		var v echo
		if err := Decode([]byte(in), &v); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
	var v echo
	if err := Decode([]byte(`{"word":"[[[[[[[[[[\"[[["}`), &v); err != nil {
		t.Errorf("brackets inside of a string counted as depth: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"word":"a"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Record
		_ = Decode(data, &v)
	})
}

func TestRoleControl(t *testing.T) {
	sup, role, _, fr := pair(t)
	role.Close()
	ctx := context.Background()
	la, lb, err := NewPair()
	if err != nil {
		t.Fatal(err)
	}
	defer la.Close()
	send := func(c Control, f *os.File) {
		t.Helper()
		if err := sup.SendControl(ctx, c, f); err != nil {
			t.Fatal(err)
		}
	}
	send(Control{Op: OpConfig, Name: "cell/3", Data: []byte(`{"x":1}`)}, nil)
	send(Control{Op: OpLine, Name: "keeper"}, lb)
	lb.Close()
	send(Control{Op: OpStart}, nil)
	r, err := OpenRole(fr)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "cell/3" || string(r.Config) != `{"x":1}` || r.Line("keeper") == nil || r.Line("vault") != nil {
		t.Fatalf("role %q config %s", r.Name, r.Config)
	}
	restarted := make(chan string, 1)
	r.OnRestart(func(name string) { restarted <- name })
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	send(Control{Op: OpRestarted, Name: "keeper"}, nil)
	if got := <-restarted; got != "keeper" {
		t.Errorf("restarted %q", got)
	}
	if err := r.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if c, _, err := sup.ReceiveControl(); err != nil || c.Op != OpReady {
		t.Errorf("got %v, %v; want ready", c, err)
	}
	send(Control{Op: OpDrain}, nil)
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestServeDrains(t *testing.T) {
	a, b, _, _ := pair(t)
	release := make(chan struct{})
	entered := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		io.WriteString(w, "done")
	})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, b.Listener(), h, 5*time.Second) }()
	got := make(chan string, 1)
	go func() {
		r, _ := http.NewRequest("GET", "/", nil)
		resp, err := NewClient(a).RoundTrip(r)
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		got <- string(body)
	}()
	<-entered
	cancel()
	close(release)
	if s := <-got; s != "done" {
		t.Errorf("request under way got %q", s)
	}
	<-served
	if _, err := b.Dial(context.Background()); err != nil {
		t.Errorf("a draining role cannot dial any more: %v", err)
	}
}
