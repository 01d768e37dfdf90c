package gate

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/ipc"
)

// timed is an answer whose deadlines can be looked at.
type timed struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func newTimed() *timed { return &timed{ResponseRecorder: httptest.NewRecorder()} }

func (t *timed) SetReadDeadline(at time.Time) error  { t.read = at; return nil }
func (t *timed) SetWriteDeadline(at time.Time) error { t.write = at; return nil }
func (t *timed) FlushError() error                   { return nil }

// probe is a body or an answer that looks at the deadlines while it is read.
type probe struct {
	io.Reader
	look func()
}

func (p probe) Read(b []byte) (int, error) { p.look(); return p.Reader.Read(b) }

// bounded says whether a deadline is set and near.
func bounded(at time.Time) bool { return !at.IsZero() && time.Until(at) <= max(bodyPause, writePause) }

// Who is not signed in may not hold a connection by half a body.
func TestSmallBodiesHaveATime(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"/api/signin", "/api/tokens", "/api/tickets"} {
		w, looked := newTimed(), 0
		r := httptest.NewRequest("POST", "https://mail.test"+path, probe{strings.NewReader("{}"), func() {
			if looked++; !bounded(w.read) {
				t.Errorf("%s is read without a deadline", path)
			}
		}})
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token(s.key)})
		s.gate.Handler().ServeHTTP(w, r)
		if looked == 0 {
			t.Errorf("%s was not read: %d", path, w.Code)
		}
	}
}

// What the server does after a handler, with what is left of body and answer, has
// its time too: also for a body that nobody wanted.
func TestWhatIsLeftHasATime(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"/jmap/api", "/api/signout", "/assets/a-1x.js", "/nothing", "/jmap/session"} {
		w := newTimed()
		s.gate.Handler().ServeHTTP(w, httptest.NewRequest("POST", "https://mail.test"+path, strings.NewReader("{}")))
		if !bounded(w.read) || !bounded(w.write) {
			t.Errorf("%s: read until %v, write until %v", path, w.read, w.write)
		}
	}
	w := newTimed()
	r := httptest.NewRequest("POST", "https://elsewhere.test/api/signin", strings.NewReader("{}"))
	if s.gate.Handler().ServeHTTP(w, r); !bounded(w.read) {
		t.Error("a request to a foreign name holds its connection")
	}
}

// A client that takes nothing of a file is not waited for.
func TestFilesArePaced(t *testing.T) {
	s := newStage(t)
	w := newTimed()
	s.gate.static.serve(slow{w, func() {
		if !bounded(w.write) {
			t.Error("a file is sent without a deadline")
		}
	}}, httptest.NewRequest("GET", "https://mail.test/", nil))
	if !strings.Contains(w.Body.String(), "client") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// slow looks before it writes.
type slow struct {
	*timed
	look func()
}

func (s slow) Write(b []byte) (int, error) { s.look(); return s.timed.Write(b) }

// A stream of events may be silent for as long as it likes: over HTTP/2 a deadline
// that passes between two events would end it.
func TestSilentStreamsLive(t *testing.T) {
	w, reads := newTimed(), 0
	body := probe{io.MultiReader(strings.NewReader("event: a\n\n"), strings.NewReader("event: b\n\n")), func() {
		if reads++; !w.write.IsZero() {
			t.Errorf("before event %d the stream has a deadline: %s", reads, time.Until(w.write))
		}
	}}
	g := &Gate{}
	err := g.answerStream(w, &http.Response{StatusCode: 200, Body: io.NopCloser(body)})
	if err != nil || reads < 2 || !strings.Contains(w.Body.String(), "event: b") {
		t.Errorf("%d reads, %v: %s", reads, err, w.Body)
	}
}

// What a hostile cell says of the API is kept by no browser; a blob may be.
func TestAPIAnswersAreNotKept(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	for path, want := range map[string]string{"/jmap/session": "no-store", "/.well-known/jmap": "no-store",
		"/jmap/download/a/b/x": "private, max-age=31536000, immutable"} {
		resp, _ := s.do("GET", path, "", cookie(s.key))
		if got := resp.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	resp, _ := s.do("GET", "/.well-known/jmap", "", cookie(s.key))
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox") {
		t.Errorf("a cell's words under the client's policy: %s", csp)
	}
}

// A sign-out that did not reach keeper leaves the browser its cookie: the session
// lives, and nothing else can end it.
func TestFailedSignOutCanBeRepeated(t *testing.T) {
	s := newStage(t)
	away := ipc.NewMux(slog.New(slog.DiscardHandler))
	ipc.Handle(away, ipc.KeeperSignOut, 1<<16, time.Second, func(context.Context, ipc.SessionKey) (ipc.None, error) {
		return ipc.None{}, ipc.Errorf(ipc.CodeUnavailable, "away")
	})
	well := s.gate.keeper
	s.gate.keeper = ipc.NewClient(s.line("keeper", away))
	resp, body := s.do("POST", "/api/signout", "", cookie(s.key))
	if resp.StatusCode != http.StatusServiceUnavailable || len(resp.Cookies()) > 0 || resp.Header.Get("Clear-Site-Data") != "" {
		t.Errorf("%d %s: %v", resp.StatusCode, body, resp.Header)
	}
	s.gate.keeper = well
	resp, _ = s.do("POST", "/api/signout", "", cookie(s.key))
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 || resp.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d: %v", resp.StatusCode, resp.Header)
	}
}

// A program whose password was refused is told how it may sign in (RFC 9110
// section 15.5.2).
func TestRefusedBasicIsChallenged(t *testing.T) {
	s := newStage(t)
	on := *s.gate.live.Load()
	on.basic = true
	s.gate.live.Store(&on)
	r := func(r *http.Request) { r.SetBasicAuth("ada@x.test", "") }
	resp, _ := s.do("GET", "/jmap/session", "", r)
	if resp.StatusCode != 401 || !strings.Contains(strings.Join(resp.Header.Values("Www-Authenticate"), ","), "Basic") {
		t.Errorf("%d: %v", resp.StatusCode, resp.Header)
	}
}

// One person cannot take all connections to their cell.
func TestRequestsAtOnceAreBounded(t *testing.T) {
	s := newStage(t)
	held := make(chan struct{})
	entered := make(chan struct{}, maxAtOnce)
	s.cellFunc = func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-held }
	ended := make(chan struct{}, maxAtOnce)
	for range maxAtOnce {
		go func() {
			r := httptest.NewRequest("GET", "https://mail.test/jmap/download/a/b/c", nil)
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token(s.key)})
			s.gate.Handler().ServeHTTP(httptest.NewRecorder(), r)
			ended <- struct{}{}
		}()
	}
	for range maxAtOnce {
		<-entered
	}
	if resp, body := s.do("GET", "/jmap/session", "", cookie(s.key)); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more request: %d %s", resp.StatusCode, body)
	}
	if _, ok := s.gate.busy.enter("bob@x.test"); !ok {
		t.Error("another person is kept out")
	}
	close(held)
	for range maxAtOnce {
		<-ended
	}
	if n := len(s.gate.busy.by); n != 1 { // bob's
		t.Errorf("%d people are busy", n)
	}
}
