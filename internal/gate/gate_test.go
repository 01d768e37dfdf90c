package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/zstd"

	"cofferdam/internal/ipc"
)

// stage is a gate with a keeper and a cell that the test plays.
type stage struct {
	t    *testing.T
	gate *Gate
	web  *httptest.Server
	key  ipc.SessionKey

	mu       sync.Mutex // guards the rest
	opens    int
	grant    ipc.Grant
	openErr  error
	cellFunc http.HandlerFunc
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, key: ipc.SessionKey{SID: bytes.Repeat([]byte{1}, 16), SKey: bytes.Repeat([]byte{2}, 32)}}
	s.grant = ipc.Grant{Session: bytes.Repeat([]byte{3}, 32), Capability: bytes.Repeat([]byte{4}, 32), Cell: "cell/0", Login: "ada@x.test", Expires: time.Now().Add(time.Hour).Unix()}
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	ipc.Handle(m, ipc.KeeperOpen, 1<<16, time.Second, func(_ context.Context, r ipc.OpenRequest) (ipc.Grant, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opens++
		if r.Stale != nil && string(r.Stale) == string(s.grant.Capability) {
			s.grant.Capability = bytes.Repeat([]byte{5}, 32)
		}
		return s.grant, s.openErr
	})
	ipc.Handle(m, ipc.KeeperSignIn, 1<<16, time.Second, func(_ context.Context, r ipc.SignInRequest) (ipc.SignedIn, error) {
		if string(r.Box.CT) != "box" {
			return ipc.SignedIn{}, &ipc.Error{Code: ipc.CodeThrottled, RetryAfter: 90 * time.Second}
		}
		return ipc.SignedIn{Key: s.key, Grant: s.grant, Device: []byte("device")}, nil
	})
	ipc.Handle(m, ipc.KeeperSignOut, 1<<16, time.Second, func(context.Context, ipc.SessionKey) (ipc.None, error) { return ipc.None{}, nil })
	keeper := s.line("keeper", m)
	assets := fstest.MapFS{
		"index.html":     {Data: []byte("<!doctype html><title>client</title>" + strings.Repeat(" ", 2000))},
		"assets/a-1x.js": {Data: []byte("export {}")},
	}
	g, err := New(Config{Name: "Test", Origin: "https://mail.test", TLS: "off", OperatorKey: []byte("{}"), TicketKey: make([]byte, 32),
		Proxies: []string{"127.0.0.0/8"}}, ipc.NewClient(keeper), assets, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.gate = g
	g.AddCell(s.line("cell/0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		f, want := s.cellFunc, b64.EncodeToString(s.grant.Capability)
		s.mu.Unlock()
		if r.Header.Get(ipc.HeaderCapability) != want {
			ipc.WriteError(w, ipc.Errorf(ipc.CodeUnknown, "capability"))
			return
		}
		f(w, r)
	})))
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "cell "+r.URL.EscapedPath()) }
	s.web = httptest.NewServer(g.Handler())
	t.Cleanup(s.web.Close)
	return s
}

// line makes a line whose other end answers with h.
func (s *stage) line(name string, h http.Handler) *ipc.Line {
	s.t.Helper()
	fa, fb, err := ipc.NewPair()
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := ipc.NewLine(name, fa)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := ipc.NewLine("gate", fb)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = ipc.Serve(ctx, b.Listener(), h, time.Second) }()
	s.t.Cleanup(func() { cancel(); <-done; fa.Close(); fb.Close() })
	return a
}

type edit func(*http.Request)

func cookie(k ipc.SessionKey) edit {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token(k)}) }
}

func header(name, value string) edit { return func(r *http.Request) { r.Header.Set(name, value) } }

func (s *stage) do(method, path, body string, edits ...edit) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.web.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = "mail.test"
	for _, e := range edits {
		e(r)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(data)
}

func TestRequestReachesCellWithoutCredentials(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		for _, h := range []string{"Cookie", "Authorization", "X-Forwarded-For"} {
			if r.Header.Get(h) != "" {
				t.Errorf("the cell saw %s", h)
			}
		}
		if r.Header.Get(ipc.HeaderOrigin) != "https://mail.test" {
			t.Errorf("origin %q", r.Header.Get(ipc.HeaderOrigin))
		}
		io.WriteString(w, "ok "+r.URL.EscapedPath()+" "+r.Header.Get("Last-Event-ID"))
	}
	for range 3 {
		resp, body := s.do("GET", "/jmap/download/a/b/x%2Fy.txt", "", cookie(s.key), header("Last-Event-ID", "7"), header(ipc.HeaderOrigin, "https://evil"))
		if resp.StatusCode != 200 || body != "ok /jmap/download/a/b/x%2Fy.txt 7" {
			t.Fatalf("%d %q", resp.StatusCode, body)
		}
	}
	if s.opens != 1 {
		t.Errorf("keeper was asked %d times for three requests, want 1", s.opens)
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token(s.key)) }
	if resp, _ := s.do("GET", "/jmap/session", "", bearer); resp.StatusCode != 200 {
		t.Errorf("bearer token: %d", resp.StatusCode)
	}
}

// A cell that was restarted knows no capability: the person must not notice.
func TestStaleCapabilityIsRenewedOnce(t *testing.T) {
	s := newStage(t)
	if resp, _ := s.do("GET", "/jmap/session", "", cookie(s.key)); resp.StatusCode != 200 {
		t.Fatal("control failed")
	}
	s.mu.Lock()
	old := s.grant.Capability
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
	s.mu.Unlock()
	// The cell now knows only what keeper will grant after being told of old.
	s.gate.cells["cell/0"].Close()
	s.gate.AddCell(s.line("cell/0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(ipc.HeaderCapability) == b64.EncodeToString(old) {
			ipc.WriteError(w, ipc.Errorf(ipc.CodeUnknown, "capability"))
			return
		}
		io.Copy(w, r.Body)
	})))
	resp, body := s.do("POST", "/jmap/api", `{"calls":1}`, cookie(s.key))
	if resp.StatusCode != 200 || body != `{"calls":1}` {
		t.Fatalf("%d %q: the request was not repeated whole", resp.StatusCode, body)
	}
	if s.opens != 2 {
		t.Errorf("keeper was asked %d times, want 2", s.opens)
	}
}

func TestSignedOut(t *testing.T) {
	s := newStage(t)
	s.openErr = ipc.Errorf(ipc.CodeUnknown, "no session")
	resp, body := s.do("POST", "/jmap/api", "{}", cookie(s.key))
	if resp.StatusCode != 401 || !strings.Contains(body, "signedOut") || !strings.Contains(resp.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header["Set-Cookie"])
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", 63), strings.Repeat("A", 64) + "="} {
		resp, _ := s.do("GET", "/jmap/session", "", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: bad}) })
		if resp.StatusCode != 401 {
			t.Errorf("cookie %q: %d", bad, resp.StatusCode)
		}
	}
}

func TestChallengeIsForProgramsAlone(t *testing.T) {
	s := newStage(t)
	s.gate.live.Store(&live{basic: true})
	if resp, _ := s.do("GET", "/jmap/session", ""); resp.StatusCode != 401 || len(resp.Header.Values("WWW-Authenticate")) != 2 {
		t.Errorf("a program is told %d %v", resp.StatusCode, resp.Header.Values("WWW-Authenticate"))
	}
	if resp, _ := s.do("GET", "/jmap/session", "", header("Sec-Fetch-Site", "same-origin")); resp.Header.Get("WWW-Authenticate") != "" {
		t.Error("a browser would show its own password dialog")
	}
	if resp, body := s.do("GET", "/api/session", ""); resp.StatusCode != 200 || !strings.Contains(body, `"login":null`) {
		t.Errorf("who am I, signed out: %d %s", resp.StatusCode, body)
	}
}

func TestEndedSessionEndsStreams(t *testing.T) {
	s := newStage(t)
	began := make(chan struct{})
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		close(began)
		<-r.Context().Done()
	}
	over := make(chan struct{})
	go func() {
		r, _ := http.NewRequest("GET", s.web.URL+"/jmap/eventsource", nil)
		r.Host = "mail.test"
		cookie(s.key)(r)
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		close(over)
	}()
	<-began
	if _, err := s.gate.Ended(context.Background(), ipc.Ended{Sessions: [][]byte{s.grant.Session}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	case <-time.After(time.Second):
		t.Fatal("the stream lived on for a second")
	}
}

// Each row is refused; the same request without the one header is taken.
func TestCrossSiteIsRefused(t *testing.T) {
	s := newStage(t)
	if resp, _ := s.do("POST", "/jmap/api", "{}", cookie(s.key), header("Sec-Fetch-Site", "same-origin"), header("Origin", "https://mail.test")); resp.StatusCode != 200 {
		t.Fatalf("control: %d", resp.StatusCode)
	}
	for name, edits := range map[string][]edit{
		"post from another site": {header("Sec-Fetch-Site", "cross-site")},
		"post from a sibling":    {header("Sec-Fetch-Site", "same-site")},
		"old browser":            {header("Origin", "https://evil.test")},
	} {
		if resp, _ := s.do("POST", "/jmap/api", "{}", append(edits, cookie(s.key))...); resp.StatusCode != 403 {
			t.Errorf("%s: %d, want 403", name, resp.StatusCode)
		}
	}
	if resp, _ := s.do("GET", "/jmap/session", "", cookie(s.key), header("Sec-Fetch-Site", "cross-site")); resp.StatusCode != 403 {
		t.Errorf("reading from another site: %d, want 403", resp.StatusCode)
	}
	if resp, _ := s.do("GET", "/", "", func(r *http.Request) { r.Host = "evil.test" }); resp.StatusCode != 421 {
		t.Errorf("foreign host name: %d, want 421", resp.StatusCode)
	}
}

func TestHeaders(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"/", "/mail/x/y", "/assets/a-1x.js", "/api/nothing"} {
		resp, _ := s.do("GET", path, "")
		csp := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "frame-src https://mail.test/b/", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy lacks %s", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy has an unsafe source: %s", path, csp)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
	}
	if resp, _ := s.do("GET", "/assets/a-1x.js", ""); !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Error("a file with a hash in its name is not cached for ever")
	}
	if resp, body := s.do("GET", "/assets/missing-2y.js", ""); resp.StatusCode != 404 {
		t.Errorf("missing asset: %d %q", resp.StatusCode, body)
	}
}

func TestSignIn(t *testing.T) {
	s := newStage(t)
	body := func(ct string) string {
		out, _ := json.Marshal(map[string]any{"v": 1, "kid": "", "enc": "", "ct": b64.EncodeToString([]byte(ct)), "challenge": "", "shared": false})
		return string(out)
	}
	resp, text := s.do("POST", "/api/signin", body("box"))
	cookies := strings.Join(resp.Header.Values("Set-Cookie"), "\n")
	if resp.StatusCode != 200 || !strings.Contains(text, `"login":"ada@x.test"`) {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, want := range []string{"__Host-session=", "__Host-device=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookies, want) {
			t.Errorf("cookies lack %s: %s", want, cookies)
		}
	}
	resp, text = s.do("POST", "/api/signin", body("wrong"))
	if resp.StatusCode != 429 || !strings.Contains(text, `"retryAfter":91`) {
		t.Errorf("throttled: %d %s", resp.StatusCode, text)
	}
	for _, bad := range []string{"", "{}", `{"v":2}`, `{"v":1,"extra":1}`, `{"v":1,"kid":"!"}`} {
		if resp, _ := s.do("POST", "/api/signin", bad); resp.StatusCode != 400 {
			t.Errorf("%q: %d, want 400", bad, resp.StatusCode)
		}
	}
}

func TestTickets(t *testing.T) {
	s := newStage(t)
	_, text := s.do("POST", "/api/tickets", `{"purpose":"body","ids":["Mabc","M-x_1"]}`, cookie(s.key))
	var out struct {
		Tickets map[string]string `json:"tickets"`
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out.Tickets) != 2 {
		t.Fatalf("%s: %v", text, err)
	}
	resp, body := s.do("GET", out.Tickets["Mabc"], "", header("Sec-Fetch-Site", "cross-site"))
	if resp.StatusCode != 200 || body != "cell /body/Mabc/" {
		t.Fatalf("%d %q", resp.StatusCode, body)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'") {
		t.Errorf("body's policy: %s", csp)
	}
	for _, bad := range []string{"M/../x", "", "a b", strings.Repeat("x", 256)} {
		if resp, _ := s.do("POST", "/api/tickets", `{"purpose":"body","ids":["`+bad+`"]}`, cookie(s.key)); resp.StatusCode != 400 {
			t.Errorf("a ticket for %q: %d", bad, resp.StatusCode)
		}
	}
	if _, body := s.do("GET", out.Tickets["Mabc"]+"p/Bxyz", ""); body != "cell /body/Mabc/p/Bxyz" {
		t.Errorf("image: %q", body)
	}
	for _, rest := range []string{"..%2f..%2fjmap%2fsession", "p/", "p/a%2fb", "q/Bxyz", "x"} {
		if _, body := s.do("GET", out.Tickets["Mabc"]+rest, ""); strings.Contains(body, "cell ") {
			t.Errorf("a ticket reaches %s: %q", rest, body)
		}
	}
	for name, path := range map[string]string{
		"forged":      strings.Replace(out.Tickets["Mabc"], "A", "B", 1),
		"none":        "/b//",
		"short":       "/b/AAAA/",
		"foreign key": "/b/" + (tickets{bytes.Repeat([]byte{9}, 32)}).make(s.grant.Session, "Mabc", time.Now().Add(time.Hour)) + "/",
		"expired":     "/b/" + s.gate.tickets.make(s.grant.Session, "Mabc", time.Now().Add(-time.Second)) + "/",
	} {
		if resp, body := s.do("GET", path, ""); resp.StatusCode == 200 {
			t.Errorf("%s ticket admitted to %q", name, body)
		}
	}
	if resp, _ := s.do("GET", out.Tickets["Mabc"], "", header("Sec-Fetch-Dest", "script")); resp.StatusCode != 403 {
		t.Error("a body was served as a script")
	}
	s.gate.Ended(context.Background(), ipc.Ended{Sessions: [][]byte{s.grant.Session}})
	if resp, _ := s.do("GET", out.Tickets["Mabc"], ""); resp.StatusCode == 200 {
		t.Error("the ticket outlived its session")
	}
}

func TestNetwork(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.7:1", "", "192.0.2.7"},
		{"192.0.2.7:1", "203.0.113.9", "192.0.2.7"}, // not a listed proxy: its word counts for nothing
		{"127.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:1", "198.51.100.1, 203.0.113.9", "203.0.113.9"}, // the first was made up by the asker
		{"127.0.0.1:1", "203.0.113.9, 127.0.0.2", "203.0.113.9"},
		{"127.0.0.1:1", "rubbish", "127.0.0.1"},
		{"127.0.0.1:1", "203.0.113.9:4711", "203.0.113.9"}, // some proxies name the port
		{"127.0.0.1:1", "[2001:db8::7]:4711", "2001:db8::7"},
		{"127.0.0.1:1", "[2001:db8::7]", "2001:db8::7"},
		{"[::ffff:192.0.2.7]:1", "", "192.0.2.7"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.gate.network(r); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestCompression(t *testing.T) {
	s := newStage(t)
	long := strings.Repeat(`{"subject":"x"}`, 200)
	s.cellFunc = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, long)
	}
	resp, body := s.do("POST", "/jmap/api", "{}", cookie(s.key), header("Accept-Encoding", "gzip, br, zstd"))
	if resp.Header.Get("Content-Encoding") != "zstd" || len(body) > len(long)/4 {
		t.Fatalf("%s, %d bytes", resp.Header.Get("Content-Encoding"), len(body))
	}
	z, err := zstd.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || string(plain) != long {
		t.Errorf("not what the cell said: %v", err)
	}
	for header, want := range map[string]string{"": "", "identity": "", "gzip;q=0, br": "br", "gzip": "gzip", "zstd;q=0.5": "zstd", "*": ""} {
		if got := accepted(header, encodings...); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	s := newStage(t)
	resp, body := s.do("POST", "/jmap/api", strings.Repeat("x", maxAPIBody+1), cookie(s.key))
	if resp.StatusCode != 400 || !strings.Contains(body, `"limit":"maxSizeRequest"`) || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	w := httptest.NewRecorder()
	jmapLimit(w, "/jmap/upload/a")
	if w.Code != 413 || !strings.Contains(w.Body.String(), `"limit":"maxSizeUpload"`) {
		t.Errorf("upload: %d %s", w.Code, w.Body)
	}
}

func FuzzTicket(f *testing.F) {
	k := tickets{make([]byte, 32)}
	f.Add(k.make(make([]byte, 32), "M1", time.Now().Add(time.Hour)))
	f.Fuzz(func(t *testing.T, text string) {
		if _, email, ok := k.open(text, time.Now()); ok && email == "" {
			t.Error("a ticket without a mail")
		}
	})
}
