package outbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"cofferdam/internal/jmap"
)

// TestOverHTTP shows the promise of handover on the way that cells really use: a
// body of unknown length in an HTTP request. If the record cannot be written,
// the other side reads the whole text and no end.
func TestOverHTTP(t *testing.T) {
	ends := make(chan error, 2*tries)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		ends <- err
	}))
	defer s.Close()
	d := newDisk()
	post := func(ctx context.Context, _ *disk, body io.Reader) (Result, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, struct{ io.Reader }{body})
		if err != nil {
			return Result{}, err
		}
		r.ContentLength = -1
		resp, err := s.Client().Do(r)
		if err != nil {
			return Result{}, ErrUncertain
		}
		resp.Body.Close()
		return Result{Reply: "250 2.0.0 Ok"}, nil
	}
	d.send = post
	d.fail = func(step string) error {
		if step == "put attempting" {
			return errDead
		}
		return nil
	}
	r := openRig(t, d)
	_, no := r.sendOne(create("c"))
	if no == nil || no.Type != jmap.SetServerFail || d.state(t) != refused {
		t.Errorf("told %+v, stored %s", no, d.state(t))
	}
	for range tries {
		if end := <-ends; !errors.Is(end, io.ErrUnexpectedEOF) {
			t.Errorf("porter's side read the end of the mail: %v", end)
		}
	}
	d.fail = nil
	if _, no := r.sendOne(create("again")); no != nil {
		t.Errorf("told %+v", no)
	}
	if end := <-ends; end != nil {
		t.Errorf("read %v", end)
	}
}
