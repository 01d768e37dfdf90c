package gate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/pires/go-proxyproto"
)

// tlsConfig makes gate's TLS, nil when TLS is off.
func (g *Gate) tlsConfig(ctx context.Context) (*tls.Config, error) {
	switch g.cfg.TLS {
	case "off":
		return nil, nil
	case "files":
		return baseTLS(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return g.live.Load().certificate, nil // the newest
		}}), nil
	case "acme":
		return g.acme(ctx)
	}
	return nil, fmt.Errorf("tls %q is not known", g.cfg.TLS)
}

func baseTLS(c *tls.Config) *tls.Config {
	c.MinVersion = tls.VersionTLS12
	// Short records at the start of a connection let a slow client decrypt the first
	// bytes sooner; they cost a system call each, and an answer is of use only whole.
	c.DynamicRecordSizingDisabled = true
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c
}

// acme gets and renews certificates by the TLS-ALPN challenge, which needs no
// second port.
func (g *Gate) acme(ctx context.Context) (*tls.Config, error) {
	var cache *certmagic.Cache
	store := &certmagic.FileStorage{Path: g.cfg.ACME.Folder}
	cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) {
			return certmagic.New(cache, certmagic.Config{Storage: store}), nil
		},
	})
	magic := certmagic.New(cache, certmagic.Config{Storage: store})
	issuer := certmagic.ACMEIssuer{Email: g.cfg.ACME.Email, Agreed: true, CA: g.cfg.ACME.Directory, DisableHTTPChallenge: true}
	if issuer.CA == "" {
		issuer.CA = certmagic.LetsEncryptProductionCA
	}
	if len(g.cfg.ACME.Roots) > 0 {
		issuer.TrustedRoots = x509.NewCertPool()
		if !issuer.TrustedRoots.AppendCertsFromPEM(g.cfg.ACME.Roots) {
			return nil, errors.New("web.acme_roots holds no certificate")
		}
	}
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, issuer)}
	if err := magic.ManageAsync(ctx, []string{g.origin.Hostname()}); err != nil {
		return nil, fmt.Errorf("asking for a certificate: %w", err)
	}
	return baseTLS(magic.TLSConfig()), nil
}

// wrap puts the PROXY protocol and TLS around a listener.
func (g *Gate) wrap(l net.Listener, t *tls.Config) net.Listener {
	if g.cfg.ProxyProtocol {
		l = &proxyproto.Listener{Listener: l, ReadHeaderTimeout: readHeaderTime, ConnPolicy: g.proxyPolicy}
	}
	if t != nil {
		l = tls.NewListener(l, t)
	}
	return l
}

// proxyPolicy believes a PROXY header from a listed network and requires it
// there; elsewhere a header is refused.
func (g *Gate) proxyPolicy(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
	addr, ok := o.Upstream.(*net.TCPAddr)
	if ok && g.isProxy(addr.AddrPort().Addr().Unmap()) {
		return proxyproto.REQUIRE, nil
	}
	return proxyproto.REJECT, nil
}

// server is the HTTP server with its limits.
func (g *Gate) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// timed measures requests by class of path.
func (g *Gate) timed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(sw, r)
		g.counts.requests.WithLabelValues(routeClass(r.URL.Path), fmt.Sprintf("%dxx", sw.status/100)).Observe(time.Since(start).Seconds())
	})
}

// routeClass is a small closed set of labels: no path of a person's ever becomes
// a time series.
func routeClass(path string) string {
	switch c := pathClass(path); c {
	case "/jmap/api", "/jmap/session", "/jmap/upload", "/jmap/download", "/jmap/eventsource", "/jmap/ws", "/api/signin", "/api/tickets":
		return c
	}
	if len(path) > 3 && path[:3] == "/b/" {
		return "/b"
	}
	return "other"
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach Flush and deadlines.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush passes streams on.
func (w *statusWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
