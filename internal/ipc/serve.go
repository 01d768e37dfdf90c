package ipc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Mux collects the calls that a role answers on one line.
type Mux struct {
	mux   *http.ServeMux
	log   *slog.Logger
	large chan struct{} // one token for each large body that is read or worked on
}

// NewMux makes an empty set of calls. Faults of our own are logged to log.
func NewMux(log *slog.Logger) *Mux {
	return &Mux{mux: http.NewServeMux(), log: log, large: make(chan struct{}, maxLargeCalls)}
}

// ServeHTTP answers one request, and turns a panic into CodeInternal: a bug in
// one call must not end the role for everybody.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the one of the call before on this connection
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		m.log.Error("call panicked", "path", r.URL.Path, "stack", string(debug.Stack()))
		WriteError(w, &Error{Code: CodeInternal})
	}()
	m.mux.ServeHTTP(w, r)
}

// Raw registers a handler that is not a call: a pipe, a stream, a proxy target.
func (m *Mux) Raw(pattern string, h http.Handler) { m.mux.Handle(pattern, h) }

// Handle registers a call: at most limit bytes in, at most timeout long, the time
// in which the body comes and the answer is taken included.
func Handle[In, Out any](m *Mux, path string, limit int64, timeout time.Duration, f func(context.Context, In) (Out, error)) {
	m.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		leave, err := m.enter(ctx, limit)
		if err != nil {
			WriteError(w, err)
			return
		}
		defer leave()
		var in In
		data, err := readCall(w, r, limit, timeout)
		if err == nil {
			err = Decode(data, &in)
		}
		if err != nil {
			WriteError(w, Errorf(CodeInvalid, "call %s: %s", path, err))
			return
		}
		out, err := f(ctx, in)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout)) // without one the answer waits for the peer
		if err != nil {
			m.logInternal(path, err)
			WriteError(w, err)
			return
		}
		m.answer(w, path, out)
	})
}

// readCall reads a call's body, which must be there within the call's time: a
// hostile peer may not make us hold half a body for ever.
func readCall(w http.ResponseWriter, r *http.Request, limit int64, timeout time.Duration) ([]byte, error) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(timeout)) // a test's recorder has none
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		_ = c.SetReadDeadline(time.Time{}) // as before; a connection with half a body is of no use any more
	}
	return data, err
}

func (m *Mux) answer(w http.ResponseWriter, path string, out any) {
	body, err := encode(out)
	if err != nil {
		m.log.Error("answer not encoded", "path", path, "err", err)
		WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		m.log.Debug("answer not delivered", "path", path, "err", err)
	}
}

// enter waits for a place among the large calls of this line; small ones need
// none.
func (m *Mux) enter(ctx context.Context, limit int64) (leave func(), err error) {
	if limit <= largeCall {
		return func() {}, nil
	}
	select {
	case m.large <- struct{}{}:
		return func() { <-m.large }, nil
	case <-ctx.Done():
		return nil, &Error{Code: CodeThrottled, Detail: "too many large calls at once", RetryAfter: time.Second}
	}
}

// logInternal records what WriteError will hide from the caller.
func (m *Mux) logInternal(path string, err error) {
	if CodeOf(err) == CodeInternal && !errors.Is(err, context.Canceled) {
		m.log.Error("call failed", "path", path, "err", err)
	}
}

// WriteError answers with err's code; an error that is no *Error shows no text.
func WriteError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeInternal}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e = Errorf(CodeUnavailable, "took too long")
	}
	out := *e
	if len(out.Detail) > MaxError {
		out.Detail = strings.ToValidUTF8(out.Detail[:MaxError], "") // half a character would come out as more bytes
	}
	w.Header().Set("Content-Type", "application/json")
	if out.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(out.RetryAfter.Seconds()+1)))
	}
	w.WriteHeader(out.Code.status())
	body, err := encode(out)
	if err == nil {
		_, _ = w.Write(body) // the peer may be gone; nothing to add
	}
}

// Serve answers requests that come by l until ctx ends; it then lets running
// ones finish for drain and returns.
func Serve(ctx context.Context, l net.Listener, h http.Handler, drain time.Duration) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := s.Shutdown(stop)
	if err != nil {
		err = s.Close()
	}
	<-done
	return err
}
