package gate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
)

// A hostile cell's answer keeps our policy and loses whatever a browser would
// obey at our origin: cookies, redirects, workers, scripts, pages.
func TestHostileAnswers(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Link", "</evil.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		for name, v := range map[string]string{
			"Set-Cookie": "__Host-session=attackers; Path=/; Secure", "Location": "https://evil.test/", "Clear-Site-Data": `"*"`,
			"Service-Worker-Allowed": "/", "Content-Security-Policy": "script-src *", "Refresh": "0;url=https://evil.test/",
			"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=99999", "Www-Authenticate": `Basic realm="type it here"`,
			"Content-Type": r.URL.Query().Get("type"), "Trailer": "Set-Cookie",
		} {
			h.Set(name, v)
		}
		io.WriteString(w, "alert(1)")
	}
	for _, c := range []struct{ path, said, want string }{
		{"/jmap/session", "text/html", anyBytes},
		{"/jmap/session", "application/json", "application/json"},
		{"/jmap/download/a/b/x.js", "text/javascript", anyBytes},
		{"/jmap/download/a/b/x", "application/xhtml+xml", anyBytes},
		{"/jmap/download/a/b/x", "image/svg+xml", anyBytes},
		{"/jmap/download/a/b/x", "application/pdf", "application/pdf"},
		{"/jmap/download/a/b/x", "text/plain; charset=utf-8", "text/plain; charset=utf-8"},
		{"/jmap/other", "text/css", anyBytes},
	} {
		resp, _ := s.do("GET", c.path+"?type="+strings.NewReplacer("+", "%2B", ";", "%3B", " ", "%20").Replace(c.said), "", cookie(s.key))
		h := resp.Header
		for _, name := range []string{"Set-Cookie", "Location", "Clear-Site-Data", "Service-Worker-Allowed", "Refresh", "Access-Control-Allow-Origin", "Www-Authenticate", "Link", "Trailer"} {
			if h.Get(name) != "" {
				t.Errorf("%s: the cell's %s came out: %s", c.path, name, h.Get(name))
			}
		}
		if got := h.Get("Content-Type"); got != c.want {
			t.Errorf("%s as %s came out as %q, want %q", c.path, c.said, got, c.want)
		}
		csp := h.Values("Content-Security-Policy")
		if len(csp) != 1 || !strings.HasPrefix(csp[0], "sandbox; default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: policy %q, headers %v", c.path, csp, h)
		}
		if strings.HasPrefix(c.path, "/jmap/download/") && h.Get("Content-Disposition") != "attachment" {
			t.Errorf("%s is not a download", c.path)
		}
		if len(resp.Trailer) > 0 {
			t.Errorf("%s: trailers %v", c.path, resp.Trailer)
		}
	}
	for _, dest := range []string{"script", "style", "serviceworker", "worker", "iframe", "embed"} {
		if resp, _ := s.do("GET", "/jmap/session", "", cookie(s.key), header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Dest", dest)); resp.StatusCode != 403 {
			t.Errorf("the API was served as a %s: %d", dest, resp.StatusCode)
		}
	}
}

func TestCellCannotRedirectOrTunnel(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.Header.Get("User-Agent") != "" || r.Header.Get("X-Secret") != "" {
			t.Errorf("the cell was told %v", r.Header)
		}
		if r.URL.Path == "/jmap/session" {
			w.Header().Set("Location", "https://evil.test/")
			w.WriteHeader(http.StatusFound)
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
	}
	if resp, _ := s.do("GET", "/jmap/session", "", cookie(s.key)); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("redirect came out as %d", resp.StatusCode)
	}
	resp, body := s.do("GET", "/jmap/x", "", cookie(s.key), header("Connection", "Upgrade"), header("Upgrade", "x"), header("X-Secret", "1"))
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "evil") {
		t.Errorf("tunnel: %d %q", resp.StatusCode, body)
	}
}

// RFC 9110, sections 9.3.2 and 15.5.6: HEAD is answered as GET is, without the body,
// and who asks by a wrong method is told the right ones.
func TestHead(t *testing.T) {
	const text = "a blob of some size"
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/jmap/api") {
			w.Header().Set("Allow", "POST")
			http.Error(w, "", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		io.WriteString(w, text)
	}
	resp, body := s.do("HEAD", "/jmap/download/a1/b1/x", "", cookie(s.key))
	if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(text)) || body != "" || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("HEAD of a blob: %d, %d bytes, %q, %v", resp.StatusCode, resp.ContentLength, body, resp.Header)
	}
	for _, method := range []string{"HEAD", "GET"} {
		if resp, _ := s.do(method, "/jmap/api", "", cookie(s.key)); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
			t.Errorf("%s of the API: %d, %v", method, resp.StatusCode, resp.Header)
		}
	}
}

// An answer that the cell broke off must not look whole.
func TestBrokenAnswerIsNotWhole(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.Repeat(" ", 100_000))
		panic(http.ErrAbortHandler)
	}
	for _, encoding := range []string{"", "gzip"} {
		r, _ := http.NewRequest("GET", s.web.URL+"/jmap/session", nil)
		r.Host = "mail.test"
		r.Header.Set("Accept-Encoding", encoding)
		cookie(s.key)(r)
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("encoding %q: half an answer arrived as a whole one", encoding)
		}
	}
}

// forever is a body that never ends and counts what was taken of it.
type forever struct{ n atomic.Int64 }

func (f *forever) Read(p []byte) (int, error) { f.n.Add(int64(len(p))); return len(p), nil }

func TestUploadsPassThrough(t *testing.T) {
	s := newStage(t)
	got := make(chan int64, 1)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got <- n
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
	}
	send := func(body io.Reader, length int64, edits ...edit) (*http.Response, error) {
		r, _ := http.NewRequest("POST", s.web.URL+"/jmap/upload/a", io.NopCloser(body))
		r.Host, r.ContentLength = "mail.test", length
		for _, e := range edits {
			e(r)
		}
		return (&http.Client{Transport: &http.Transport{}}).Do(r)
	}
	for _, length := range []int64{3 << 20, -1} {
		resp, err := send(bytes.NewReader(make([]byte, 3<<20)), length, cookie(s.key))
		if err != nil || resp.StatusCode != http.StatusCreated {
			t.Fatalf("%v, %v", resp, err)
		}
		if n := <-got; n != 3<<20 {
			t.Errorf("%d bytes reached the cell", n)
		}
	}
	// A cell that lost the capability says so before anything is sent.
	s.gate.sessions.mu.Lock()
	for _, e := range s.gate.sessions.byKey {
		e.grant.Capability = bytes.Repeat([]byte{9}, 32)
	}
	s.gate.sessions.mu.Unlock()
	if resp, err := send(bytes.NewReader(make([]byte, 3<<20)), 3<<20, cookie(s.key)); err != nil || resp.StatusCode != http.StatusCreated || <-got != 3<<20 {
		t.Errorf("upload with a stale capability: %v, %v", resp, err)
	}
	// Of nobody's upload nothing is read; of a too large one no more than the limit.
	s.openErr = ipc.Errorf(ipc.CodeUnknown, "")
	stranger := &forever{}
	other := ipc.SessionKey{SID: make([]byte, 16), SKey: make([]byte, 32)}
	if resp, err := send(stranger, -1, cookie(other)); err == nil && resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger's upload: %d", resp.StatusCode)
	}
	if stranger.n.Load() > 8<<20 {
		t.Errorf("%d bytes of a stranger's upload were taken", stranger.n.Load())
	}
	if resp, err := send(&forever{}, maxUploadBody+1, cookie(s.key)); err == nil && resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", resp.StatusCode)
	}
}

// A session whose end keeper could not tell us still ends within a minute, and so
// does every stream when keeper is away for long.
func TestLostNoticeEndsStreams(t *testing.T) {
	for name, alive := range map[string]func(context.Context, [][]byte) ([][]byte, error){
		"over": func(_ context.Context, ids [][]byte) ([][]byte, error) { return ids, nil },
		"away": func(context.Context, [][]byte) ([][]byte, error) { return nil, ipc.Errorf(ipc.CodeUnavailable, "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := ipc.SessionKey{SID: []byte("s"), SKey: []byte("k")}
				s := newSessions(func(context.Context, ipc.SessionKey, string, []byte) (ipc.Grant, error) {
					return ipc.Grant{Session: []byte("id")}, nil
				})
				_, session, err := s.get(t.Context(), key, "", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer s.hold([]byte("id"))()
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); s.watch(ctx, alive) }()
				start := time.Now()
				<-session.Done()
				if took := time.Since(start); took > time.Minute {
					t.Errorf("the stream ended after %s", took)
				}
				if _, _, ok := s.byTicket(t.Context(), []byte("id")); ok {
					t.Error("a ticket of it is still good")
				}
				stop()
				<-ended
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // the control: confirmed, it lives on
		s := newSessions(func(context.Context, ipc.SessionKey, string, []byte) (ipc.Grant, error) {
			return ipc.Grant{Session: []byte("id")}, nil
		})
		_, session, _ := s.get(t.Context(), ipc.SessionKey{SID: []byte("s")}, "", nil)
		defer s.hold([]byte("id"))()
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		s.watch(ctx, func(context.Context, [][]byte) ([][]byte, error) { return nil, nil })
		if _, _, ok := s.byTicket(t.Context(), []byte("id")); !ok || session.Err() != nil {
			t.Error("a session that keeper confirms ended")
		}
	})
}

// The notice of an end may overtake keeper's own earlier answer.
func TestEndOvertakesAnswer(t *testing.T) {
	var s *sessions
	s = newSessions(func(context.Context, ipc.SessionKey, string, []byte) (ipc.Grant, error) {
		s.end([]byte("id"))
		return ipc.Grant{Session: []byte("id")}, nil
	})
	if _, _, err := s.get(t.Context(), ipc.SessionKey{SID: []byte("s")}, "", nil); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("the session lives on: %v", err)
	}
	if len(s.byKey)+len(s.byID) > 0 {
		t.Error("it is remembered")
	}
}

func TestSessionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(nil)
		for i := range 100 {
			s.put(ipc.SessionKey{SID: fmt.Append(nil, i)}, ipc.Grant{Session: fmt.Append(nil, i)})
		}
		time.Sleep(ticketLife + time.Second)
		if s.tidy(); len(s.byKey)+len(s.byID) > 0 {
			t.Errorf("%d sessions are remembered for nothing", len(s.byKey))
		}
	})
}

func TestIdleBasicIsSignedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBasics()
		_, s := b.find("ada", "secret")
		s.key = ipc.SessionKey{SID: []byte("s")}
		s.ready.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan ipc.SessionKey, 1)
		go b.watch(ctx, func(_ context.Context, k ipc.SessionKey) { ended <- k })
		start := time.Now()
		if k := <-ended; string(k.SID) != "s" || time.Since(start) > basicLife+2*basicSweep {
			t.Errorf("%s ended after %s", k.SID, time.Since(start))
		}
	})
}

func certificate(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// A renewed certificate is taken by a reload, and a broken one changes nothing.
func TestRenewedCertificate(t *testing.T) {
	s := newStage(t)
	g := s.gate
	g.cfg.TLS = "files"
	load := func(cert, key []byte) {
		cfg := g.cfg
		cfg.Certificate, cfg.Key = cert, key
		data, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		g.reload(data)
	}
	load(certificate(t, "first"))
	config, err := g.tlsConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := func() string {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		go func() { _ = tls.Server(b, config).Handshake() }()
		c := tls.Client(a, &tls.Config{InsecureSkipVerify: true}) // it looks at the name alone
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := seen(); got != "first" {
		t.Fatalf("served %q", got)
	}
	load(certificate(t, "second"))
	if got := seen(); got != "second" {
		t.Errorf("after the reload: %q", got)
	}
	load([]byte("broken"), []byte("broken"))
	if got := seen(); got != "second" {
		t.Errorf("after a broken reload: %q", got)
	}
}

func TestStaticEncodings(t *testing.T) {
	s := newStage(t)
	s.gate.static.prepare()
	for accept, want := range map[string]string{"gzip, br": "br", "br;q=0, gzip": "gzip", "identity": ""} {
		resp, _ := s.do("GET", "/", "", header("Accept-Encoding", accept))
		if got := resp.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
		tag := resp.Header.Get("Etag")
		if again, _ := s.do("GET", "/", "", header("If-None-Match", `"x", `+tag)); again.StatusCode != http.StatusNotModified || !strings.HasPrefix(tag, "W/") {
			t.Errorf("%s in a list: %d", tag, again.StatusCode)
		}
	}
}
