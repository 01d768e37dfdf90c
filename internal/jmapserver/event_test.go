package jmapserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// events is a client of the event source.
type events struct {
	mu   sync.Mutex // guards text, last
	text string
	code int
	head http.Header
	stop func()
	last time.Time // deadline of the last write
	done chan struct{}
}

func (e *events) Header() http.Header  { return e.head }
func (e *events) WriteHeader(code int) { e.code = code }
func (e *events) FlushError() error    { return nil }
func (e *events) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text += string(b)
	return len(b), nil
}

func (e *events) SetWriteDeadline(t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = t
	return nil
}

func (e *events) deadline() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// take returns what has come since the last take.
func (e *events) take() string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.text
	e.text = ""
	return s
}

// said returns all that has come, outside of a synctest bubble.
func (e *events) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text
}

func (e *events) ended() bool {
	synctest.Wait()
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

func (w *world) listen(query, lastID string) *events {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, "GET", "/jmap/eventsource?"+query, nil)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	e := &events{head: http.Header{}, done: make(chan struct{})}
	e.stop = func() { cancel(); <-e.done }
	go func() {
		defer close(e.done)
		w.h.ServeHTTP(e, r)
	}()
	return e
}

const seedID = "id: a1:Email=s10,EmailDelivery=s10,EmailSubmission=s10,Identity=s10,Mailbox=s10,Thread=s10\n"

// RFC 8620, section 7.3: a state event for a change, with an id that holds all
// states; and for a new client an id alone, so that it can come back.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.listen("types=*&closeafter=no&ping=0", "")
		if got := e.take(); got != seedID+"\n" || e.code != 200 || e.head.Get("Content-Type") != "text/event-stream" {
			t.Errorf("at first: %d %q", e.code, got)
		}
		time.Sleep(time.Hour)
		if got := e.take(); got != "" {
			t.Errorf("ping=0, nothing happened, got %q", got)
		}
		w.a.Touch("e1", "$flagged")
		want := "event: state\ndata: {\"@type\":\"StateChange\",\"changed\":{\"a1\":{\"Email\":\"s11\"}}}\n" + strings.Replace(seedID, "Email=s10", "Email=s11", 1) + "\n"
		if got := e.take(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		// A burst becomes one event.
		for range 10 {
			w.a.Touch("e1", "$flagged")
		}
		if got := e.take(); got != "" {
			t.Errorf("too soon: %q", got)
		}
		time.Sleep(time.Second)
		if got := e.take(); strings.Count(got, "event:") != 1 || !strings.Contains(got, `"Email":"s21"`) {
			t.Errorf("after a burst: %q", got)
		}
		e.stop()
	})
}

// RFC 8620, section 7.3: only the types in the list; RFC 8621, section 1.5:
// EmailDelivery changes when mail comes, and not when it is read.
func TestEventTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.listen("types=EmailDelivery,CalendarEvent&closeafter=no&ping=0", "")
		e.take()
		w.a.Touch("e1", "$seen")
		time.Sleep(time.Second)
		if got := e.take(); got != "" {
			t.Errorf("Email is not in types, got %q", got)
		}
		w.a.Deliver(&jmap.Email{ID: "e6", ThreadID: "t6", MailboxIDs: []jmap.MailboxID{"Mi"}})
		time.Sleep(time.Second)
		if got := e.take(); !strings.Contains(got, `"changed":{"a1":{"EmailDelivery":"s13"}}`) {
			t.Errorf("mail came, got %q", got)
		}
		e.stop()
	})
}

// RFC 8620, section 7.3: closeafter=state MUST end the response after a state
// event.
func TestEventCloseAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.listen("types=*&closeafter=state&ping=10", "")
		time.Sleep(time.Minute)
		if e.ended() {
			t.Error("ended without a state event")
		}
		w.a.Touch("e1", "$seen")
		if !e.ended() || !strings.Contains(e.take(), "event: state") {
			t.Error("did not end after the state event")
		}
	})
}

// RFC 8620, section 7.3: a ping when the time has passed since the previous
// event, without an id; bounds of at most 30 and at least 300 seconds.
func TestEventPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.listen("types=*&closeafter=no&ping=30", "")
		e.take()
		time.Sleep(20 * time.Second)
		w.a.Touch("e1", "$seen")
		e.take()
		time.Sleep(29 * time.Second)
		if got := e.take(); got != "" {
			t.Errorf("29 s after the state event: %q", got)
		}
		time.Sleep(2 * time.Second)
		if got, want := e.take(), "event: ping\ndata: {\"interval\":30}\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		e.stop()
		for asked, want := range map[string]string{"1": `{"interval":5}`, "300": `{"interval":300}`, "99999": `{"interval":900}`} {
			e := w.listen("types=*&closeafter=no&ping="+asked, "")
			e.take()
			time.Sleep(901 * time.Second)
			if got := e.take(); !strings.Contains(got, want) {
				t.Errorf("ping=%s: got %q", asked, got)
			}
			e.stop()
		}
	})
}

// RFC 8620, section 7.3: changes that were missed are sent at once to a client
// that comes back.
func TestEventResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		w.a.Touch("e1", "$seen")
		id := strings.TrimSuffix(strings.TrimPrefix(seedID, "id: "), "\n")
		e := w.listen("types=*&closeafter=no&ping=0", id)
		if got := e.take(); !strings.Contains(got, `"changed":{"a1":{"Email":"s11"}}`) {
			t.Errorf("got %q", got)
		}
		e.stop()
		for _, nonsense := range []string{"x", ";;:=,", "a1:Email", strings.Repeat("a1:Email=s1,", 9999)} {
			e := w.listen("types=*&closeafter=no&ping=0", nonsense)
			if got := e.take(); !strings.Contains(got, "id: a1:") {
				t.Errorf("%.20q: got %q", nonsense, got)
			}
			e.stop()
		}
	})
}

// A stream of an account that fails ends, so that the client comes back.
func TestEventAccountFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		w.a.Fail(jmap.ServerUnavailable)
		e := w.listen("types=*&closeafter=no&ping=0", "")
		if !e.ended() {
			t.Error("still open")
		}
	})
}

// A client that does not read is given up: each event has a deadline of its own.
func TestEventWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.listen("types=*&closeafter=no&ping=60", "")
		for range 3 {
			e.take()
			if left := time.Until(e.deadline()); left != 30*time.Second {
				t.Errorf("the deadline is %v away", left)
			}
			time.Sleep(time.Minute)
		}
		e.stop()
	})
}

func TestEventVariables(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	for _, q := range []string{"", "types=*&closeafter=no", "types=*&ping=0", "closeafter=no&ping=0", "types=&closeafter=no&ping=0",
		"types=Email,&closeafter=no&ping=0", "types=Email,*&closeafter=no&ping=0", "types=*&closeafter=yes&ping=0", "types=*&closeafter=no&ping=-1", "types=*&closeafter=no&ping=x"} {
		wantProblem(t, w.do("GET", "/jmap/eventsource?"+q, ""), 400, "about:blank", "")
	}
}

func TestEventStreamsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		var open []*events
		for range 16 {
			open = append(open, w.listen("types=*&closeafter=no&ping=0", ""))
		}
		synctest.Wait()
		wantProblem(t, w.do("GET", "/jmap/eventsource?types=*&closeafter=no&ping=0", ""), 429, problemOf+"limit", "maxConcurrentStreams")
		for _, e := range open {
			e.stop()
		}
	})
}
