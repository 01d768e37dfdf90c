package gate

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestLimitsFromBothSides: what is as large as it may be is passed on, and one more
// is refused in words that a client understands.
func TestLimitsFromBothSides(t *testing.T) {
	ids := func(n int) string {
		return `{"purpose":"body","ids":[` + strings.TrimSuffix(strings.Repeat(`"M1",`, n), ",") + `]}`
	}
	for limit, c := range map[string]struct {
		most   int
		path   string
		body   func(n int) string
		status int
	}{
		"maxAPIBody":    {maxAPIBody, "/jmap/api", func(n int) string { return strings.Repeat("x", n) }, http.StatusBadRequest},
		"maxUploadBody": {maxUploadBody, "/jmap/upload/a", func(n int) string { return strings.Repeat("x", n) }, http.StatusRequestEntityTooLarge},
		"maxTickets":    {maxTickets, "/api/tickets", ids, http.StatusBadRequest},
		"maxSignInBody": {maxSignInBody, "/api/tickets", func(n int) string { s := ids(1); return s + strings.Repeat(" ", n-len(s)) }, http.StatusBadRequest},
	} {
		s := newStage(t)
		s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "{}")
		}
		if resp, body := s.do("POST", c.path, c.body(c.most), cookie(s.key)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %.200s", limit, resp.StatusCode, body)
		}
		if resp, body := s.do("POST", c.path, c.body(c.most+1), cookie(s.key)); resp.StatusCode != c.status {
			t.Errorf("%s and one more: %d %.200s", limit, resp.StatusCode, body)
		}
	}
	for n, want := range map[int]string{maxAgent: strings.Repeat("a", maxAgent), maxAgent + 1: strings.Repeat("a", maxAgent)} {
		if got := clip(strings.Repeat("a", n), maxAgent); got != want {
			t.Errorf("agent of %d bytes: %d are kept", n, len(got))
		}
	}
}

// TestWebSocketMessageLimit: a message of maxMessage has an answer, and a longer one
// ends the connection.
func TestWebSocketMessageLimit(t *testing.T) {
	s := newStage(t)
	release := make(chan struct{})
	defer close(release)
	s.cellFunc = messages(release, nil)
	c := s.mustDial()
	if err := c.Write(soon(), websocket.MessageText, make([]byte, maxMessage)); err != nil {
		t.Fatal(err)
	}
	receive(t, c)
	_ = c.Write(soon(), websocket.MessageText, make([]byte, maxMessage+1))
	if got := closed(c); got != websocket.StatusMessageTooBig {
		t.Errorf("closed with %v", got)
	}
}
