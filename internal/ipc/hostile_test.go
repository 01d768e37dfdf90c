package ipc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// dropping answers nothing: each request's connection is broken after the request
// was read, as by a process that dies in the middle of a call.
func dropping(t *testing.T, l *Line) *atomic.Int32 {
	t.Helper()
	var calls atomic.Int32
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		calls.Add(1)
		panic(http.ErrAbortHandler)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = Serve(ctx, l.Listener(), h, time.Second) }()
	t.Cleanup(func() { cancel(); <-done })
	return &calls
}

func TestOnlyHarmlessCallsAreRepeated(t *testing.T) {
	for path, want := range map[string]int32{KeeperOpen: 2, VaultUnwrap: 2, KeeperSignIn: 1, KeeperToken: 1, KeeperRecordPut: 1,
		PorterAuth: 1, PorterDerive: 1, RenderHTML: 1} {
		a, b, _, _ := pair(t)
		calls := dropping(t, b)
		_, err := Call[None](context.Background(), NewClient(a), path, None{})
		if CodeOf(err) != CodeUnavailable || calls.Load() != want {
			t.Errorf("%s: ran %d times, want %d (%v)", path, calls.Load(), want, err)
		}
	}
}

// HTML is what crosses the line to a render, and must not grow by escaping.
func TestMarkupIsNotEscaped(t *testing.T) {
	a, b, _, _ := pair(t)
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "/echo", 1<<20, time.Second, func(_ context.Context, in echo) (echo, error) { return in, nil })
	serveMux(t, b, m)
	word := strings.Repeat("<&>", 300_000)
	out, err := Call[echo](context.Background(), NewClient(a), "/echo", echo{word})
	if err != nil || out.Word != word {
		t.Fatalf("got %d bytes, %v; want %d", len(out.Word), err, len(word))
	}
}

func serveMux(t *testing.T, l *Line, m *Mux) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = Serve(ctx, l.Listener(), m, time.Second) }()
	t.Cleanup(func() { cancel(); <-done })
}

// halfCall sends the head of a call and a part of its body.
func halfCall(t *testing.T, l *Line, path string) net.Conn {
	t.Helper()
	c, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: line\r\nContent-Length: 1000\r\n\r\n{", path)
	return c
}

func TestHalfABodyIsNotWaitedFor(t *testing.T) {
	a, b, _, _ := pair(t)
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "/echo", 1<<20, 50*time.Millisecond, func(_ context.Context, in echo) (echo, error) { return in, nil })
	serveMux(t, b, m)
	c := halfCall(t, a, "/echo")
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("half a call got %v, %v; want an end after its time", resp, err)
	}
}

func TestLargeCallsWaitForAPlace(t *testing.T) {
	a, b, _, _ := pair(t)
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "/large", largeCall+1, time.Minute, func(_ context.Context, in echo) (echo, error) { return in, nil })
	Handle(m, "/small", largeCall, time.Minute, func(_ context.Context, in echo) (echo, error) { return in, nil })
	serveMux(t, b, m)
	for range maxLargeCalls {
		halfCall(t, a, "/large")
	}
	for len(m.large) < maxLargeCalls {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := Call[echo](ctx, NewClient(a), "/large", echo{"x"}); err == nil {
		t.Errorf("more than %d large calls at once", maxLargeCalls)
	}
	if _, err := Call[echo](context.Background(), NewClient(a), "/small", echo{"x"}); err != nil {
		t.Errorf("a small call had to wait for large ones: %v", err)
	}
}

// A listener that is closed while its peer holds all connections ends its Accept.
func TestFullListenerCloses(t *testing.T) {
	_, b, _, _ := pair(t)
	for range MaxConns {
		b.sem <- struct{}{}
	}
	l := b.Listener()
	ended := make(chan error, 1)
	go func() { _, err := l.Accept(); ended <- err }()
	time.Sleep(10 * time.Millisecond)
	l.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("accepted on a closed listener")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Accept hangs on a closed listener")
	}
}

// Each sender's own deadline counts, however many send at once.
func TestSendersKeepTheirDeadlines(t *testing.T) {
	a, _, _, _ := pair(t)
	for { // until the line's queue is full
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		err := a.send(ctx, make([]byte, 32<<10), nil)
		cancel()
		if err != nil {
			break
		}
	}
	long, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
	defer cancel()
	done := make(chan time.Duration, 1)
	start := time.Now()
	go func() {
		_ = a.send(long, make([]byte, 32<<10), nil)
		done <- time.Since(start)
	}()
	time.Sleep(20 * time.Millisecond)
	short, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	if err := a.send(short, []byte{opConnect}, nil); err == nil {
		t.Error("sent into a full line")
	}
	if took := time.Since(start); took > 300*time.Millisecond {
		t.Errorf("the short sender waited %s", took)
	}
	if took := <-done; took < 390*time.Millisecond {
		t.Errorf("the long sender gave up after %s: the short one's deadline", took)
	}
}

// An empty packet does not end the line: the peer's successor is still heard.
func TestEmptyPacketsAreSkipped(t *testing.T) {
	a, b, _, _ := pair(t)
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "/echo", 1<<20, time.Second, func(_ context.Context, in echo) (echo, error) { return in, nil })
	serveMux(t, b, m)
	raw, err := a.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err := raw.Write(func(fd uintptr) bool {
			_, err = syscall.SendmsgN(int(fd), nil, nil, nil, syscall.MSG_NOSIGNAL)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := Call[echo](t.Context(), NewClient(a), "/echo", echo{"x"}); err != nil || out.Word != "x" {
		t.Errorf("after empty packets: %v", err)
	}
}

// A server's words come through whole, whatever characters they are of.
func TestErrorsComeThrough(t *testing.T) {
	for _, c := range []string{"x", "<", "\x01", "\u2028", "\u00e9"} {
		want := strings.Repeat(c, MaxError/len(c))
		w := httptest.NewRecorder()
		WriteError(w, &Error{Code: CodeRefused, Detail: want})
		var e *Error
		if err := ReadError(w.Result()); !errors.As(err, &e) || e.Code != CodeRefused || e.Detail != want {
			t.Errorf("%q: %v", c, err)
		}
	}
	w := httptest.NewRecorder()
	WriteError(w, &Error{Code: CodeRefused, Detail: "x" + strings.Repeat("\u00e9", MaxError)})
	if err := ReadError(w.Result()); CodeOf(err) != CodeRefused {
		t.Errorf("a cut one: %v", err)
	}
}
