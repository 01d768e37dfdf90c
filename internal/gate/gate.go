package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/ipc"
)

// Gate serves browsers and JMAP clients.
type Gate struct {
	cfg      Config
	origin   *url.URL
	log      *slog.Logger
	keeper   *ipc.Client
	static   *static
	sessions *sessions
	tickets  tickets
	counts   *counts
	basics   *basics
	busy     *busy
	encoders encoders
	live     atomic.Pointer[live]
	// socketsOf counts each person's WebSockets; sockets are all of them.
	socketsOf *busy
	sockets   sync.WaitGroup

	mu    sync.Mutex // guards cells
	cells map[string]*ipc.Client
}

// live is what a reload may change.
type live struct {
	name        string
	basic       bool
	proxies     []netip.Prefix
	certificate *tls.Certificate // with TLS by files
}

func newLive(cfg Config) (*live, error) {
	l := &live{name: cfg.Name, basic: cfg.HTTPBasic}
	for _, p := range cfg.Proxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, fmt.Errorf("proxies: %w", err)
		}
		l.proxies = append(l.proxies, prefix)
	}
	if cfg.TLS == "files" {
		cert, err := tls.X509KeyPair(cfg.Certificate, cfg.Key)
		if err != nil {
			return nil, fmt.Errorf("web.certificate and web.key: %w", err)
		}
		l.certificate = &cert
	}
	return l, nil
}

// New makes a gate that serves the client in assets.
func New(cfg Config, keeper *ipc.Client, assets fs.FS, log *slog.Logger) (*Gate, error) {
	origin, err := url.Parse(cfg.Origin)
	if err != nil {
		return nil, fmt.Errorf("origin: %w", err)
	}
	g := &Gate{cfg: cfg, origin: origin, log: log, keeper: keeper, cells: map[string]*ipc.Client{}, counts: newCounts(), basics: newBasics(), busy: newBusy(maxAtOnce), socketsOf: newBusy(maxSocketsOf)}
	if len(cfg.TicketKey) != 32 {
		return nil, errors.New("ticket key must have 32 bytes")
	}
	g.tickets = tickets{key: cfg.TicketKey}
	g.static, err = newStatic(assets, cfg.OperatorKey)
	if err != nil {
		return nil, err
	}
	g.sessions = newSessions(g.openSession)
	first, err := newLive(cfg)
	if err != nil {
		return nil, err
	}
	g.live.Store(first)
	return g, nil
}

// AddCell makes a cell's line known.
func (g *Gate) AddCell(l *ipc.Line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cells[l.Name()] = ipc.NewClient(l)
}

// DropCell forgets a cell that is gone for good.
func (g *Gate) DropCell(name string) {
	g.mu.Lock()
	c := g.cells[name]
	delete(g.cells, name)
	g.mu.Unlock()
	if c != nil {
		c.Close()
	}
}

func (g *Gate) cell(name string) *ipc.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cells[name]
}

// https says whether browsers reach us by TLS. Cookies are Secure in any case:
// browsers treat http://localhost, which the demo uses, as a secure context.
func (g *Gate) https() bool { return g.origin.Scheme == "https" }

// Handler is everything that gate serves to the outside.
func (g *Gate) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", g.health)
	m.HandleFunc("GET /api/signin", g.offer)
	m.HandleFunc("POST /api/signin", g.signIn)
	m.HandleFunc("POST /api/signout", g.signOut)
	m.HandleFunc("GET /api/session", g.whoAmI)
	m.HandleFunc("GET /api/sessions", g.listSessions)
	m.HandleFunc("DELETE /api/sessions", g.revokeOthers)
	m.HandleFunc("DELETE /api/sessions/{id}", g.revoke)
	m.HandleFunc("POST /api/tokens", g.makeToken)
	m.HandleFunc("POST /api/tickets", g.makeTickets)
	m.HandleFunc("/api/", notFound)
	m.HandleFunc("/jmap/", g.jmap)
	m.HandleFunc("/jmap/ws", g.websocket)
	m.HandleFunc("GET /b/{ticket}/{rest...}", g.body)
	m.HandleFunc("/", g.static.serve)
	return g.guard(m)
}

// guard wraps every answer: our headers, requests from other sites refused,
// panics of one request kept to that request.
func (g *Gate) guard(next http.Handler) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "forbidden", "This request came from another site.", 0)
	}))
	inner := sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer lastWords(w)
		defer g.recovered(w, r)
		for name := range r.Header {
			if strings.HasPrefix(name, "Cofferdam-") {
				r.Header.Del(name) // ours alone; from outside it is an attack
			}
		}
		if !g.rightHost(r) {
			problem(w, http.StatusMisdirectedRequest, "misdirected", "This host name is not served here.", 0)
			return
		}
		if r.URL.Path == "/.well-known/jmap" { // RFC 8620 section 2.2
			r.URL.Path = "/jmap/session"
		}
		g.headers(w.Header(), r.URL.Path)
		if crossSiteRead(r) {
			problem(w, http.StatusForbidden, "forbidden", "This request came from another site.", 0)
			return
		}
		if wrongUse(r) {
			problem(w, http.StatusForbidden, "forbidden", "This address is for the API alone.", 0)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// lastWords bounds what the server does of a request after its handler: it takes
// what is left of the body, and sends what is left of the answer. Without it a
// client that sends or takes nothing would hold its connection for ever.
func lastWords(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	until := time.Now().Add(writePause)
	_ = c.SetReadDeadline(until) // a test's recorder has none
	_ = c.SetWriteDeadline(until)
}

func (g *Gate) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	g.log.Error("request panicked", "path", pathClass(r.URL.Path), "panic", fmt.Sprint(v))
	problem(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
}

// rightHost refuses foreign Host headers, so that DNS rebinding reaches nothing.
// The health check may be asked under any name.
func (g *Gate) rightHost(r *http.Request) bool {
	return r.Host == g.origin.Host || r.URL.Path == "/healthz"
}

// crossSiteRead refuses reading the API from another site's page. Bodies and
// images are exempt: their frame is opaque, so browsers call it cross-site, and
// their ticket is what admits them.
func crossSiteRead(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/jmap/") {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// wrongUse refuses to serve answers of the API as something that a browser would
// obey: they are a cell's words, and a cell may be hostile.
func wrongUse(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/jmap/") {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "", "empty", "document", "image", "audio", "video":
		return false
	case "websocket":
		return r.URL.Path != ipc.CellMessage
	}
	return true
}

// pathClass is a path without what names a person's things.
func pathClass(p string) string {
	parts := strings.SplitN(strings.TrimPrefix(p, "/"), "/", 3)
	return "/" + strings.Join(parts[:min(2, len(parts))], "/")
}

func (g *Gate) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, "notFound", "There is nothing here.", 0)
}

// Ended is keeper's notice that sessions are over.
func (g *Gate) Ended(_ context.Context, e ipc.Ended) (ipc.None, error) {
	for _, id := range e.Sessions {
		g.sessions.end(id)
	}
	return ipc.None{}, nil
}
