package outbox

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHandover(t *testing.T) {
	calls := 0
	h := &handover{in: iotest.DataErrReader(strings.NewReader("abc")), before: func() error { calls++; return nil }}
	b := make([]byte, 10)
	if n, err := h.Read(b); n != 3 || err != nil || calls != 0 {
		t.Fatalf("%d, %v, %d calls: the end came with the data", n, err, calls)
	}
	for range 3 {
		if n, err := h.Read(b); n != 0 || err != io.EOF || calls != 1 {
			t.Fatalf("%d, %v, %d calls", n, err, calls)
		}
	}
	if !h.finish() {
		t.Error("the end was not noted")
	}
	if _, err := h.Read(b); !errors.Is(err, errCut) {
		t.Errorf("read after the end of the attempt: %v", err)
	}
}

// TestHandoverCut: without "attempting" on disk the sender never sees the end.
func TestHandoverCut(t *testing.T) {
	h := &handover{in: strings.NewReader("abc"), before: func() error { return errDead }}
	if b, err := io.ReadAll(h); string(b) != "abc" || !errors.Is(err, errCut) {
		t.Errorf("read %q, %v", b, err)
	}
	if _, err := h.Read(make([]byte, 1)); !errors.Is(err, errCut) {
		t.Errorf("second try: %v", err)
	}
	if h.finish() {
		t.Error("the end counts as given")
	}
}

// TestHandoverBroken: a mail that cannot be read to its end has none.
func TestHandoverBroken(t *testing.T) {
	h := &handover{in: io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errDead)), before: func() error { t.Error("called"); return nil }}
	if _, err := io.ReadAll(h); !errors.Is(err, errDead) || h.finish() {
		t.Errorf("%v", err)
	}
}
