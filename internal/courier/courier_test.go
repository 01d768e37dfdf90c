package courier

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// service is a push service on loopback.
type service struct {
	*httptest.Server
	mu     sync.Mutex // guards the rest
	got    []*http.Request
	bodies []string
	answer func(http.ResponseWriter)
}

func newService(t *testing.T) *service {
	s := &service{answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got, s.bodies = append(s.got, r), append(s.bodies, string(body))
		answer := s.answer
		s.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *service) at() netip.AddrPort { return netip.MustParseAddrPort(s.Listener.Addr().String()) }

// config is what reaches these services.
func config(t *testing.T, services ...*service) Config {
	t.Helper()
	key, err := seal.NewVAPIDKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := key.Reveal()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{VAPIDKey: raw, Contact: "https://mail.example.org", Host: "mail.example.org", HostRate: 1000}
	for _, s := range services {
		c.Private = append(c.Private, s.at())
		c.Roots = append(c.Roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})...)
	}
	return c
}

// covered is a keeper that covers every capability, and takes it for the person.
func covered(_ context.Context, r ipc.CoversRequest) (ipc.Covered, error) {
	if len(r.Capability) == 0 || r.Cell != "cell/0" {
		return ipc.Covered{}, ipc.Errorf(ipc.CodeForbidden, "no")
	}
	return ipc.Covered{Person: r.Capability}, nil
}

func newCourier(t *testing.T, cfg Config) *Courier {
	t.Helper()
	c, err := New(cfg, covered, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sealed is a body of the length that every encrypted one has.
var sealed = strings.Repeat("s", seal.PushSize)

func request(url string) ipc.CourierPushRequest {
	return ipc.CourierPushRequest{Auth: ipc.Auth{Capability: []byte("ada")}, URL: url, Body: []byte(sealed), Encoding: ipc.AES128GCM, TTL: 60, Urgency: "low"}
}

// TestRequest: the POST is as RFC 8620, section 7.2, RFC 8030 and RFC 8292 say.
func TestRequest(t *testing.T) {
	s := newService(t)
	cfg := config(t, s)
	c := newCourier(t, cfg)
	out, err := c.push("cell/0")(t.Context(), request(s.URL+"/p/a?b=c"))
	if err != nil || out.Status != http.StatusCreated {
		t.Fatalf("%+v, %v", out, err)
	}
	clearly := request(s.URL + "/p/a?b=c")
	clearly.Body, clearly.Encoding, clearly.Urgency, clearly.TTL = []byte("{}"), "", "", 0
	if _, err := c.push("cell/0")(t.Context(), clearly); err != nil {
		t.Fatal(err)
	}
	r := s.requests()[0]
	got := []string{r.Method, r.URL.String(), r.Header.Get("Content-Type"), r.Header.Get("TTL"), r.Header.Get("Urgency"), r.Header.Get("Content-Encoding"), s.bodies[0]}
	want := []string{"POST", "/p/a?b=c", "application/json", "60", "low", "aes128gcm", sealed}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(claims{"https://" + r.Host, "https://mail.example.org"}, verify(t, cfg, r.Header.Get("Authorization"))); diff != "" {
		t.Error(diff)
	}
	r = s.requests()[1]
	if _, there := r.Header["Content-Encoding"]; there || r.Header.Get("TTL") != "0" || len(r.Header["Urgency"]) != 0 {
		t.Errorf("a push in clear has %v", r.Header)
	}
}

type claims struct{ Aud, Sub string }

// verify reads a VAPID token by the standard library alone.
func verify(t *testing.T, cfg Config, header string) claims {
	t.Helper()
	token, rest, _ := strings.Cut(strings.TrimPrefix(header, "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	point, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || len(parts) != 3 {
		t.Fatalf("header %q: %v", header, err)
	}
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), cfg.VAPIDKey)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := priv.PublicKey.Bytes(); err != nil || !bytes.Equal(own, point) {
		t.Error("the token names another key")
	}
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if len(sig) != 64 || !ecdsa.Verify(&priv.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Error("the signature is wrong")
	}
	var out struct {
		claims
		Exp int64
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(time.Unix(out.Exp, 0)); left < time.Hour || left > 24*time.Hour {
		t.Errorf("the token is good for %s", left)
	}
	return out.claims
}

// silent is the code of an error, CodeUnavailable for a push service that does not
// answer.
func silent(out ipc.CourierPushed, err error) ipc.Code {
	if err == nil && out.Status == http.StatusGatewayTimeout {
		return ipc.CodeUnavailable
	}
	return ipc.CodeOf(err)
}

// TestRefused: no call with such a URL or header reaches a push service.
func TestRefused(t *testing.T) {
	s := newService(t)
	port := fmt.Sprint(s.at().Port())
	cfg := config(t, s)
	closed := cfg
	closed.Private = nil
	only := func(names ...string) Config {
		cfg := cfg
		cfg.Only = names
		return cfg
	}
	type edit = func(*ipc.CourierPushRequest)
	to := func(u string) edit { return func(r *ipc.CourierPushRequest) { r.URL = u } }
	for name, c := range map[string]struct {
		cfg  Config
		edit edit
		want ipc.Code
	}{
		"loopback":             {closed, to(s.URL), ipc.CodeForbidden},
		"name of loopback":     {closed, to("https://localhost/"), ipc.CodeUnavailable},
		"its name with a port": {closed, to("https://localhost:" + port), ipc.CodeForbidden},
		"number for loopback":  {closed, to("https://2130706433/"), ipc.CodeUnavailable},
		"hex for loopback":     {closed, to("https://0x7f000001/"), ipc.CodeUnavailable},
		"mapped":               {closed, to("https://[::ffff:127.0.0.1]:" + port), ipc.CodeForbidden},
		"our own host":         {cfg, to("https://mail.example.org/"), ipc.CodeForbidden},
		"our own host, dotted": {cfg, to("https://MAIL.example.org./"), ipc.CodeForbidden},
		"http":                 {cfg, to(strings.Replace(s.URL, "https", "http", 1)), ipc.CodeInvalid},
		"user":                 {cfg, to(strings.Replace(s.URL, "https://", "https://a:b@", 1)), ipc.CodeInvalid},
		"no host":              {cfg, to("https:///x"), ipc.CodeInvalid},
		"opaque":               {cfg, to("https:x"), ipc.CodeInvalid},
		"fragment":             {cfg, to(s.URL + "/#x"), ipc.CodeInvalid},
		"line break":           {cfg, to(s.URL + "/\r\nX: y"), ipc.CodeInvalid},
		"too long":             {cfg, to(s.URL + "/" + strings.Repeat("x", maxURL)), ipc.CodeInvalid},
		"port":                 {cfg, to("https://push.example.net:8080/"), ipc.CodeForbidden},
		"no port":              {cfg, to("https://push.example.net:99999/"), ipc.CodeInvalid},
		"not a service named":  {only("push.example.net", "*.push.example.org"), to("https://elsewhere.example.net/"), ipc.CodeForbidden},
		"below a name":         {only("push.example.net"), to("https://a.push.example.net/"), ipc.CodeForbidden},
		"ends like one":        {only("*.example.net"), to("https://anexample.net/"), ipc.CodeForbidden},
		"address, with names":  {only("*.example.net"), to("https://192.0.32.8/"), ipc.CodeForbidden},
		"long, encrypted":      {cfg, func(r *ipc.CourierPushRequest) { r.Body = make([]byte, seal.PushSize+1) }, ipc.CodeInvalid},
		"short, encrypted":     {cfg, func(r *ipc.CourierPushRequest) { r.Body = r.Body[:len(r.Body)-1] }, ipc.CodeInvalid},
		"body":                 {cfg, func(r *ipc.CourierPushRequest) { r.Body, r.Encoding = make([]byte, maxBody+1), "" }, ipc.CodeInvalid},
		"coding":               {cfg, func(r *ipc.CourierPushRequest) { r.Encoding = "gzip" }, ipc.CodeInvalid},
		"TTL":                  {cfg, func(r *ipc.CourierPushRequest) { r.TTL = -1 }, ipc.CodeInvalid},
		"long TTL":             {cfg, func(r *ipc.CourierPushRequest) { r.TTL = maxTTL + 1 }, ipc.CodeInvalid},
		"urgency":              {cfg, func(r *ipc.CourierPushRequest) { r.Urgency = "high\r\nX: y" }, ipc.CodeInvalid},
		"not covered":          {cfg, func(r *ipc.CourierPushRequest) { r.Capability = nil }, ipc.CodeForbidden},
	} {
		r := request(s.URL)
		c.edit(&r)
		if out, err := newCourier(t, c.cfg).push("cell/0")(t.Context(), r); silent(out, err) != c.want {
			t.Errorf("%s: %+v, %v, want %s", name, out, err, c.want)
		}
	}
	if _, err := newCourier(t, cfg).push("cell/1")(t.Context(), request(s.URL)); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("another cell's capability: %v", err)
	}
	if n := len(s.requests()); n > 0 {
		t.Errorf("%d requests came through", n)
	}
}

// TestRedirectIsNotFollowed: nor is a proxy used, nor a body read.
func TestRedirectIsNotFollowed(t *testing.T) {
	s, inside := newService(t), newService(t)
	t.Setenv("HTTPS_PROXY", inside.URL)
	s.answer = func(w http.ResponseWriter) {
		w.Header().Set("Location", inside.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
		for range 100 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}
	began := time.Now()
	out, err := newCourier(t, config(t, s, inside)).push("cell/0")(t.Context(), request(s.URL))
	if err != nil || out.Status != http.StatusTemporaryRedirect || len(inside.requests()) > 0 {
		t.Errorf("%+v, %v; %d requests inside", out, err, len(inside.requests()))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestUntrustedService: a certificate that nobody signed is not spoken to.
func TestUntrustedService(t *testing.T) {
	s := newService(t)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	cfg := config(t, s)
	cfg.Roots = nil
	if out, err := newCourier(t, cfg).push("cell/0")(t.Context(), request(s.URL)); silent(out, err) != ipc.CodeUnavailable || len(s.requests()) > 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestPauses: a service that asks for a pause is not asked again before.
func TestPauses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		want   int64
		pause  time.Duration
	}{
		"429 with seconds": {http.StatusTooManyRequests, "120", 120, 2 * time.Minute},
		"429 alone":        {http.StatusTooManyRequests, "", 0, firstPause},
		"503 with seconds": {http.StatusServiceUnavailable, "30", 30, 30 * time.Second},
		"for a year":       {http.StatusTooManyRequests, "31536000", int64(longestPause / time.Second), longestPause},
		"nonsense":         {http.StatusTooManyRequests, "soon", 0, firstPause},
	} {
		s := newService(t)
		s.answer = func(w http.ResponseWriter) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
		}
		co := newCourier(t, config(t, s))
		out, err := co.push("cell/0")(t.Context(), request(s.URL))
		if err != nil || out.Status != c.status || out.RetryAfter != c.want {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		_, err = co.push("cell/0")(t.Context(), request(s.URL))
		var e *ipc.Error
		if e, _ = err.(*ipc.Error); e == nil || e.Code != ipc.CodeThrottled || e.RetryAfter > c.pause || e.RetryAfter < c.pause-10*time.Second {
			t.Errorf("%s: the next push: %v", name, err)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		if _, err := co.push("cell/0")(t.Context(), request(s.URL+"/other")); err != nil {
			t.Errorf("%s: another subscription: %v", name, err)
		}
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := retryAfter("Thu, 01 Jan 2026 00:01:30 GMT", now); got != 90*time.Second {
		t.Errorf("a date: %s", got)
	}
	if got := retryAfter("Wed, 31 Dec 2025 00:01:30 GMT", now); got != 0 {
		t.Errorf("a date that is over: %s", got)
	}
}

func aTarget(t *testing.T, text string) target {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return target{url: u, host: u.Host, sum: sha256.Sum256([]byte(text))}
}

// TestRates: each limit holds by itself, and ends.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passed := func(c *Courier, n int, f func(i int) (person, cell, url string)) (passed int) {
			for i := range n {
				person, cell, url := f(i)
				if c.limited(person, cell, aTarget(t, url), 300) == 0 {
					passed++
				}
			}
			return passed
		}
		c := newCourier(t, config(t))
		if n := passed(c, 2*personRate, func(i int) (string, string, string) { return "ada", "cell/0", fmt.Sprint("https://h", i%10, "/") }); n != personRate {
			t.Errorf("%d pushes of one person, want %d", n, personRate)
		}
		if n := passed(c, 10, func(int) (string, string, string) { return "grace", "cell/0", "https://h/" }); n != 10 {
			t.Errorf("another person got %d of 10 through", n)
		}
		time.Sleep(2 * time.Hour)
		if n := passed(c, 10, func(int) (string, string, string) { return "ada", "cell/0", "https://h1/" }); n != 10 {
			t.Errorf("after the hour %d of 10", n)
		}
		c = newCourier(t, config(t))
		if n := passed(c, 10*newTargets, func(i int) (string, string, string) { return "ada", "cell/0", fmt.Sprint("https://h", i, "/") }); n != newTargets {
			t.Errorf("%d new URLs of one person, want %d", n, newTargets)
		}
		if n := passed(c, 10, func(int) (string, string, string) { return "ada", "cell/0", "https://h1/" }); n != 10 {
			t.Errorf("a known URL: %d of 10", n)
		}
		c = newCourier(t, config(t))
		if n := passed(c, 2*cellTargets, func(i int) (string, string, string) { return fmt.Sprint(i), "cell/0", fmt.Sprint("https://h", i, "/") }); n != cellTargets {
			t.Errorf("%d new URLs of one cell, want %d", n, cellTargets)
		}
		c = newCourier(t, config(t))
		if n := passed(c, 600, func(i int) (string, string, string) {
			return fmt.Sprint(i % 200), fmt.Sprint("cell/", i%10), "https://h/"
		}); n != 300 {
			t.Errorf("%d pushes to one host, want 300", n)
		}
	})
}

// TestAtOnce: a person has room for a few pushes, everybody together for more.
func TestAtOnce(t *testing.T) {
	b := &busy{of: map[string]int{}}
	var leave []func()
	n := 0
	for i := range 2 * maxAtOnce {
		if end, ok := b.enter(fmt.Sprint(i % 100)); ok {
			leave = append(leave, end)
			n++
		}
	}
	if n != maxAtOnce {
		t.Errorf("%d at once, want %d", n, maxAtOnce)
	}
	for _, end := range leave {
		end()
	}
	for i := range maxPerson + 1 {
		if _, ok := b.enter("ada"); ok != (i < maxPerson) {
			t.Errorf("push %d of one person: %v", i, ok)
		}
	}
}

// TestTimesAreBounded: a flood of URLs makes it forget the older ones.
func TestTimesAreBounded(t *testing.T) {
	x := newTimes(100)
	now := time.Now()
	for i := range 1000 {
		x.set(sha256.Sum256(fmt.Append(nil, i)), now.Add(time.Duration(i)))
	}
	if len(x.at) > 100 || x.get(sha256.Sum256([]byte("999"))).IsZero() {
		t.Errorf("%d kept", len(x.at))
	}
}

// FuzzCheck: no URL that passes leads elsewhere than to https on 443 or a named port.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"https://push.example.net/x", "https://127.0.0.1/", "https://a@b/", "https://[::1]:443/", "https://h:8443", "HTTPS://h", "https://h:0443/", "//x", "https://h%2e/"} {
		f.Add(s)
	}
	o := &outlet{reach: newReach(Config{Host: "mail.example.org", Private: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:8443")}})}
	f.Fuzz(func(t *testing.T, text string) {
		to, err := o.check(&ipc.CourierPushRequest{URL: text})
		if err != nil {
			return
		}
		p := to.url.Port()
		if to.url.Scheme != "https" || to.url.User != nil || plainHost(to.url.Hostname()) == "mail.example.org" ||
			p != "" && strings.TrimLeft(p, "0") != "443" && strings.TrimLeft(p, "0") != "8443" {
			t.Errorf("%q passed", text)
		}
		if a, err := netip.ParseAddr(to.url.Hostname()); err == nil && !o.reach.public(a) && a.String() != "10.0.0.1" {
			t.Errorf("%q passed", text)
		}
	})
}
