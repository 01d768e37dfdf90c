package keeper

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// streams bounds the streams that are under way, by person and by cell.
type streams struct {
	mu sync.Mutex // guards by
	by map[string]int
}

func newStreams() *streams { return &streams{by: map[string]int{}} }

// enter takes a place; false: there is none. leave gives it back.
func (s *streams) enter(person, cell string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, c := "p"+person, "c"+cell
	if s.by[p] >= streamsPerson || s.by[c] >= streamsCell {
		return nil, false
	}
	s.by[p]++
	s.by[c]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, key := range []string{p, c} {
			if s.by[key]--; s.by[key] == 0 {
				delete(s.by, key)
			}
		}
	}, true
}

// stream admits a stream of a cell for the person that its capability names, within
// what a person and a cell may have open.
func (k *Keeper) stream(cell string, serve func(w http.ResponseWriter, r *http.Request, c capability, locked bool) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := k.admitStream(w, r, cell, serve); err != nil {
			if ipc.CodeOf(err) == ipc.CodeInternal && r.Context().Err() == nil {
				k.log.Error("stream failed", "path", r.URL.Path, "err", err)
			}
			ipc.WriteError(w, err)
		}
	})
}

func (k *Keeper) admitStream(w http.ResponseWriter, r *http.Request, cell string, serve func(http.ResponseWriter, *http.Request, capability, bool) error) error {
	raw, err := seal.DecodeBase64(r.Header.Get(ipc.HeaderCapability))
	if err != nil {
		return ipc.Errorf(ipc.CodeForbidden, "that is no capability")
	}
	ctx, cancel := context.WithTimeout(r.Context(), ipc.CallTimeout)
	defer cancel()
	c, locked, err := k.admitSession(ctx, cell, ipc.Auth{Capability: raw})
	if err != nil {
		return err
	}
	leave, ok := k.streams.enter(string(c.uid[:]), cell)
	if !ok {
		return &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many streams at the same time", RetryAfter: time.Second}
	}
	defer leave()
	return serve(w, r, c, locked)
}

// intake is what a stream may bring: at most so many bytes in so much time, and so
// many KiB an hour under each key.
type intake struct {
	what string // in messages
	most int64
	time time.Duration
	caps map[string]int
}

// receive writes a stream's bytes step by step: what a step brings is counted before
// it is written, and none takes longer than streamStall.
func (k *Keeper) receive(w http.ResponseWriter, r *http.Request, out io.Writer, in intake) (size int64, err error) {
	deadline := http.NewResponseController(w)
	defer func() { _ = deadline.SetReadDeadline(time.Time{}) }() // a test's recorder has none
	until := time.Now().Add(in.time)
	body := http.MaxBytesReader(w, r.Body, in.most)
	step := make([]byte, streamStep)
	for {
		if time.Now().After(until) {
			return size, ipc.Errorf(ipc.CodeInvalid, "%s takes at most %s", in.what, in.time)
		}
		_ = deadline.SetReadDeadline(time.Now().Add(streamStall))
		n, err := readStep(body, step)
		if n > 0 {
			if wait, ok := k.sent.Take((n+1023)>>10, in.caps); !ok {
				return size, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too much was sent in one hour", RetryAfter: wait}
			}
			if _, err := out.Write(step[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		var tooLarge *http.MaxBytesError
		switch {
		case err == io.EOF:
			return size, nil
		case errors.As(err, &tooLarge):
			return size, ipc.Errorf(ipc.CodeInvalid, "more than %d sealed bytes", in.most)
		case err != nil:
			return size, ipc.Errorf(ipc.CodeUnavailable, "%s broke off", in.what)
		}
	}
}

// readStep fills a step. Unlike io.ReadFull it tells the end of a body from one
// that broke off.
func readStep(r io.Reader, step []byte) (n int, err error) {
	for n < len(step) && err == nil {
		var m int
		m, err = r.Read(step[n:])
		n += m
	}
	return n, err
}

// drained reads what still comes of a refused stream, so that the cell, which
// writes, gets to read why.
func drained(w http.ResponseWriter, r *http.Request, err error) error {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(streamStall))
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, max(maxUpload, maxIndex))) // a cell that breaks off asks for no answer
	return err
}

// send answers bytes step by step, so that a cell that does not read holds nothing
// open for long.
func (k *Keeper) send(w http.ResponseWriter, r *http.Request, in io.Reader) {
	deadline := http.NewResponseController(w)
	step := make([]byte, streamStep)
	for r.Context().Err() == nil {
		n, err := in.Read(step)
		_ = deadline.SetWriteDeadline(time.Now().Add(streamStall))
		if _, failed := w.Write(step[:n]); failed != nil || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			k.log.Error("file not read", "path", r.URL.Path, "err", err)
			panic(http.ErrAbortHandler) // the length is out: only this says that bytes are missing
		}
	}
}
