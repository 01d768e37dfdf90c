package outbox

import (
	"errors"
	"io"
	"sync"
)

// errCut is what a sender reads when its mail must not end.
var errCut = errors.New("the mail is not handed over any more")

// errForetold says that a mail is not what it was foretold to be.
var errForetold = errors.New("the mail is another than was foretold")

// handover gives a mail to the sender and knows whether its end was given. The
// end comes only after before succeeded: this is the one moment from which a
// mail may have been taken without our knowing.
type handover struct {
	in     io.Reader
	before func() error

	mu    sync.Mutex // held over each read of in, and before
	gave  content    // what the sender has read
	broke bool       // in could not be read to its end
	ended bool       // the sender has read io.EOF
	over  bool       // the sender has returned: nothing is given any more
}

// Read implements io.Reader.
func (h *handover) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.over:
		return 0, errCut
	case h.ended:
		return 0, io.EOF
	}
	n, err := h.in.Read(p)
	h.gave.add(p[:n])
	h.broke = err != nil && !errors.Is(err, io.EOF)
	if n > 0 && errors.Is(err, io.EOF) {
		return n, nil // the end comes alone, with the next call
	}
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if h.before() != nil {
		h.over = true
		return 0, errCut
	}
	h.ended = true
	return 0, io.EOF
}

// finish says whether the mail's end was given. No read happens after it, also
// by a sender that left a goroutine behind.
func (h *handover) finish() (ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	return h.ended
}
