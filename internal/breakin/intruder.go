//go:build cofferdam_breakin

package breakin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox/sandboxtest"
)

const (
	listenFor = 400 * time.Millisecond // what a pipe says within is what it says
	orderTime = 10 * time.Second
	maxHeard  = 64 << 10
)

// attempt makes one attempt of the list. A deadly one ends this process when the
// sandbox holds: then there is no answer.
func attempt(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name    string              `json:"name"`
		Targets sandboxtest.Targets `json:"targets"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a, err := sandboxtest.Find(in.Name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	reply(w, a.Try(in.Targets))
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the test is gone then
}

// answer carries out one order on a line of this role.
func answer(w http.ResponseWriter, r *http.Request, role *ipc.Role, do func(context.Context, *ipc.Line, Order) (Heard, error)) {
	var o Order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	line := role.Line(o.Line)
	if line == nil {
		http.Error(w, "this role has no line to "+o.Line, http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderTime)
	defer cancel()
	heard, err := do(ctx, line, o)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	reply(w, heard)
}

func call(ctx context.Context, line *ipc.Line, o Order) (Heard, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+o.Path, bytes.NewReader(o.Body))
	if err != nil {
		return Heard{}, err
	}
	for k, v := range o.Header {
		r.Header.Set(k, v)
	}
	c := ipc.NewClient(line)
	defer c.Close()
	resp, err := c.RoundTrip(r)
	if err != nil {
		return Heard{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxHeard))
	return Heard{resp.StatusCode, string(text)}, err
}

// pipe opens an upgraded connection, says something and listens for a moment.
func pipe(ctx context.Context, line *ipc.Line, o Order) (Heard, error) {
	conn, err := line.Dial(ctx)
	if err != nil {
		return Heard{}, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	head := "GET " + o.Path + " HTTP/1.1\r\nHost: line\r\nConnection: Upgrade\r\nUpgrade: imap\r\n"
	for k, v := range o.Header {
		head += k + ": " + v + "\r\n"
	}
	if err := errors.Join(conn.SetDeadline(deadline), write(conn, head+"\r\n")); err != nil {
		return Heard{}, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return Heard{}, fmt.Errorf("opening the pipe: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxHeard))
		return Heard{resp.StatusCode, string(text)}, err
	}
	if err := errors.Join(write(conn, o.Say), conn.SetReadDeadline(time.Now().Add(listenFor))); err != nil {
		return Heard{}, err
	}
	text, _ := io.ReadAll(io.LimitReader(br, maxHeard)) // the deadline ends it
	return Heard{resp.StatusCode, string(text)}, nil
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
