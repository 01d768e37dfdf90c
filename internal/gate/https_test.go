package gate

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// secure serves the stage's gate over TLS on a real port.
func (s *stage) secure() string {
	s.t.Helper()
	g := s.gate
	g.cfg.TLS = "files"
	cfg := g.cfg
	cfg.Certificate, cfg.Key = certificate(s.t, "mail.test")
	l, err := newLive(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	g.live.Store(l)
	config, err := g.tlsConfig(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := g.server(g.Handler())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(g.wrap(port, config)) }()
	s.t.Cleanup(func() { server.Close(); <-done })
	return port.Addr().String()
}

// RFC 8620, sections 1.7 and 8.1: nothing is served without TLS, nor under TLS
// below 1.2; 1.2 and 1.3 are taken, by both versions of HTTP.
func TestOnlyHTTPS(t *testing.T) {
	s := newStage(t)
	reached := make(chan struct{}, 100)
	s.cellFunc = func(w http.ResponseWriter, _ *http.Request) { reached <- struct{}{}; io.WriteString(w, "{}") }
	addr := s.secure()
	get := func(url string, config *tls.Config, h2 bool) (*http.Response, error) {
		r, _ := http.NewRequestWithContext(soon(), "GET", url+addr+"/jmap/session", nil)
		r.Host = "mail.test"
		cookie(s.key)(r)
		tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: h2}
		defer tr.CloseIdleConnections()
		return tr.RoundTrip(r)
	}
	for _, c := range []struct {
		name    string
		version uint16
		h2, ok  bool
	}{
		{"TLS 1.0", tls.VersionTLS10, false, false},
		{"TLS 1.1", tls.VersionTLS11, false, false},
		{"TLS 1.2", tls.VersionTLS12, false, true},
		{"TLS 1.2, HTTP/2", tls.VersionTLS12, true, true},
		{"TLS 1.3", tls.VersionTLS13, false, true},
		{"TLS 1.3, HTTP/2", tls.VersionTLS13, true, true},
	} {
		resp, err := get("https://", &tls.Config{MinVersion: c.version, MaxVersion: c.version, InsecureSkipVerify: true}, c.h2) // it looks at the version alone
		if ok := err == nil && resp.StatusCode == 200; ok != c.ok {
			t.Errorf("%s: %v %v", c.name, resp, err)
		}
		if c.ok && err == nil && (resp.TLS.Version != c.version || resp.ProtoMajor == 2 != c.h2 || resp.Header.Get("Strict-Transport-Security") == "") {
			t.Errorf("%s: version %x, %s, %q", c.name, resp.TLS.Version, resp.Proto, resp.Header.Get("Strict-Transport-Security"))
		}
	}
	for len(reached) > 0 {
		<-reached
	}
	resp, err := get("http://", nil, false)
	if err == nil && resp.StatusCode != http.StatusBadRequest || len(reached) > 0 {
		t.Errorf("without TLS: %v %v, %d requests reached the cell", resp, err, len(reached))
	}
}

// RFC 8620, section 8.3: the path of autodiscovery leads to the Session object, for
// who is signed in, and asks anybody else to sign in.
func TestWellKnown(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"asked":"`+r.Method+" "+r.URL.Path+`"}`)
	}
	resp, body := s.do("GET", "/.well-known/jmap", "", header("Authorization", "Bearer "+token(s.key)))
	if resp.StatusCode != 200 || body != `{"asked":"GET /jmap/session"}` || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	if resp, _ := s.do("GET", "/.well-known/jmap", ""); resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("signed out: %d %q", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
	}
}

// RFC 8620, section 8.2: Basic is not recommended. Unless the operator has switched
// it on it is neither offered nor taken: a password never reaches keeper by it.
func TestBasicIsOff(t *testing.T) {
	s := newStage(t)
	password := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada@x.test:secret"))
	for _, edits := range [][]edit{nil, {header("Authorization", password)}} {
		resp, _ := s.do("GET", "/jmap/session", "", edits...)
		if offered := strings.Join(resp.Header.Values("WWW-Authenticate"), ", "); resp.StatusCode != 401 || !strings.HasPrefix(offered, "Bearer") || strings.Contains(offered, "Basic") {
			t.Errorf("got %d, offered %q", resp.StatusCode, offered)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opens > 0 {
		t.Errorf("keeper was asked %d times", s.opens)
	}
}

// RFC 8620, section 3.8: what a person may read says its language, and a cell's
// word for it goes out.
func TestContentLanguage(t *testing.T) {
	s := newStage(t)
	s.cellFunc = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Language", "en")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	}
	for _, edits := range [][]edit{{cookie(s.key)}, nil} { // the cell's words, and gate's own
		for _, wish := range []string{"", "en", "fr-CH, fr;q=0.9, de;q=0.8, en;q=0.7, *;q=0.5", "de"} {
			resp, _ := s.do("GET", "/jmap/session", "", append(edits, header("Accept-Language", wish))...)
			if got := resp.Header.Get("Content-Language"); got != "en" {
				t.Errorf("%q asked for, status %d: Content-Language %q", wish, resp.StatusCode, got)
			}
		}
	}
}
