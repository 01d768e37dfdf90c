package jmapserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
)

// Config is what a Handler needs to know.
type Config struct {
	// Person says who a request is from; false: nobody who is signed in.
	Person func(*http.Request) (*Person, bool)
	// BaseURL returns scheme and host that the client sees, without a path: the
	// URLs of the Session begin with it.
	BaseURL func(*http.Request) string
	// Streams is a context that ends when what merely waits for changes is to end,
	// as when the process drains; nil: never. Their clients connect again.
	Streams func(*http.Request) context.Context
	// VAPIDKey is the public key that all pushes are signed with (RFC 9749, section
	// 3); "": none is announced.
	VAPIDKey string
	// Limits of zero are DefaultLimits.
	Limits Limits
	Log    *slog.Logger
}

// Handler serves the paths below /jmap/. It is safe for concurrent use.
type Handler struct {
	person   func(*http.Request) (*Person, bool)
	base     func(*http.Request) string
	streams  func(*http.Request) context.Context
	limits   Limits
	vapidKey string
	log      *slog.Logger
	methods  map[string]method
	mux      *http.ServeMux

	mu   sync.Mutex // guards busy
	busy map[slot]int
}

// slot is a kind of work of one person that is limited in number. A slot that is
// not in use has no entry.
type slot struct {
	person string
	kind   slotKind
}

type slotKind uint8

const (
	slotRequest slotKind = iota
	slotUpload
	slotStream
)

// New returns a Handler.
func New(cfg Config) (*Handler, error) {
	if cfg.Person == nil || cfg.BaseURL == nil || cfg.Log == nil {
		return nil, errors.New("jmapserver: Person, BaseURL and Log are needed")
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits()
	}
	if cfg.Streams == nil {
		cfg.Streams = func(*http.Request) context.Context { return context.Background() }
	}
	h := &Handler{person: cfg.Person, base: cfg.BaseURL, streams: cfg.Streams, limits: cfg.Limits, vapidKey: cfg.VAPIDKey, log: cfg.Log,
		methods: methods(), mux: http.NewServeMux(), busy: map[slot]int{}}
	h.mux.HandleFunc("GET /jmap/session", h.signedIn(h.serveSession))
	h.mux.HandleFunc("POST /jmap/api", h.signedIn(h.limited(slotRequest, h.serveAPI)))
	h.mux.HandleFunc("POST /jmap/upload/{accountId}", h.signedIn(h.limited(slotUpload, h.serveUpload)))
	h.mux.HandleFunc("GET /jmap/download/{accountId}/{blobId}/{name}", h.signedIn(h.serveDownload))
	h.mux.HandleFunc("GET /jmap/eventsource", h.signedIn(h.limited(slotStream, h.serveEvents)))
	h.mux.HandleFunc("POST /jmap/ws", h.signedIn(h.serveMessage))
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) baseURL(r *http.Request) string { return trimBase(h.base(r)) }

type personHandler func(http.ResponseWriter, *http.Request, *Person)

// signedIn refuses what comes from nobody (RFC 8620, section 1.7: all requests
// MUST be authenticated).
func (h *Handler) signedIn(next personHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, ok := h.person(r)
		if !ok {
			(&problem{status: http.StatusUnauthorized, detail: "not signed in"}).write(w)
			return
		}
		next(w, r, p)
	}
}

// limited refuses what one person has too much of at the same time.
func (h *Handler) limited(kind slotKind, next personHandler) personHandler {
	return func(w http.ResponseWriter, r *http.Request, p *Person) {
		s := slot{p.Key, kind}
		most, name := h.most(kind)
		if !h.enter(s, most) {
			overLimit(http.StatusTooManyRequests, name, "too many at the same time").write(w)
			return
		}
		defer h.leave(s)
		next(w, r, p)
	}
}

func (h *Handler) most(kind slotKind) (n int, name string) {
	switch kind {
	case slotUpload:
		return h.limits.MaxConcurrentUpload, "maxConcurrentUpload"
	case slotStream:
		return h.limits.MaxConcurrentStreams, "maxConcurrentStreams"
	}
	return h.limits.MaxConcurrentRequests, "maxConcurrentRequests"
}

func (h *Handler) enter(s slot, most int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[s] >= most {
		return false
	}
	h.busy[s]++
	return true
}

func (h *Handler) leave(s slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[s]--; h.busy[s] == 0 {
		delete(h.busy, s)
	}
}
