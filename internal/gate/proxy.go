package gate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"cofferdam/internal/ipc"
)

// errStale says that the cell did not know the capability and did nothing.
var errStale = errors.New("capability not known to the cell")

func (g *Gate) wellKnown(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = "/jmap/session" // RFC 8620 section 2.2
	g.jmap(w, r)
}

// jmap passes a person's request on to the cell.
func (g *Gate) jmap(w http.ResponseWriter, r *http.Request) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	upload := strings.HasPrefix(r.URL.Path, "/jmap/upload/")
	body, ok := readBody(w, r, upload)
	if !ok {
		return
	}
	var stale []byte
	for range 2 {
		grant, session, err := g.sessions.get(r.Context(), k, g.network(r), stale)
		if err != nil {
			g.failSession(w, k, err)
			return
		}
		err = g.pass(w, r, grant, session, body)
		if !errors.Is(err, errStale) {
			return
		}
		stale = grant.Capability
	}
	problem(w, http.StatusServiceUnavailable, "unavailable", "Your mail is being moved to another process. Please try again.", 1)
}

// readBody takes the whole body, so that the request can be repeated. Both
// limits are told in the JMAP session (RFC 8620 section 2).
func readBody(w http.ResponseWriter, r *http.Request, upload bool) ([]byte, bool) {
	if r.Method != http.MethodPost {
		return nil, true
	}
	limit := int64(maxAPIBody)
	if upload {
		limit = maxUploadBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		jmapLimit(w, upload)
	case err != nil:
		problem(w, http.StatusBadRequest, "invalid", "The request broke off.", 0)
	}
	return body, err == nil
}

// jmapLimit is the request-level error of RFC 8620 section 3.6.1.
func jmapLimit(w http.ResponseWriter, upload bool) {
	name := "maxSizeRequest"
	if upload {
		name = "maxSizeUpload"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusRequestEntityTooLarge)
	_, _ = io.WriteString(w, `{"type":"urn:ietf:params:jmap:error:limit","status":413,"limit":"`+name+`","detail":"This is larger than `+name+`."}`)
}

// pass proxies one request to the grant's cell. errStale means that nothing has
// been done and nothing answered.
func (g *Gate) pass(w http.ResponseWriter, r *http.Request, grant ipc.Grant, session context.Context, body []byte) error {
	cell := g.cell(grant.Cell)
	if cell == nil {
		return errStale // that cell is gone; keeper knows where the person is now
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if session != nil {
		stop := context.AfterFunc(session, cancel)
		defer stop()
	}
	if !strings.HasPrefix(r.URL.Path, "/jmap/eventsource") {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, apiTime)
		defer done()
	}
	var failure error
	p := &httputil.ReverseProxy{
		Rewrite:       func(pr *httputil.ProxyRequest) { g.rewrite(pr, grant, body) },
		Transport:     cell.Transport(),
		FlushInterval: -1,
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusMisdirectedRequest {
				return errStale
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			failure = err
			if !errors.Is(err, errStale) {
				g.counts.cellErrors.Inc()
				g.failProxy(w, r, err)
			}
		},
	}
	cw := newCompressor(w, r)
	defer cw.Close()
	p.ServeHTTP(cw, r.WithContext(ctx))
	return failure
}

func (g *Gate) rewrite(pr *httputil.ProxyRequest, grant ipc.Grant, body []byte) {
	out := pr.Out
	out.URL = &url.URL{Scheme: "http", Host: "line", Path: pr.In.URL.Path, RawPath: pr.In.URL.RawPath, RawQuery: pr.In.URL.RawQuery}
	out.Host = "line"
	for _, h := range []string{"Cookie", "Authorization", "Accept-Encoding", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		out.Header.Del(h)
	}
	out.Header.Set(ipc.HeaderCapability, b64.EncodeToString(grant.Capability))
	out.Header.Set(ipc.HeaderOrigin, g.cfg.Origin)
	if body != nil {
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.ContentLength = int64(len(body))
	}
}

// failProxy answers when a cell broke off: the request may or may not have been
// carried out, so the client asks for the state and repeats what is missing.
func (g *Gate) failProxy(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && !errors.Is(err, context.DeadlineExceeded) {
		return // the client is gone, or the session is over
	}
	g.log.Warn("cell broke off", "path", pathClass(r.URL.Path), "err", err)
	problem(w, http.StatusServiceUnavailable, "unavailable", "Your mail is back in a moment. Nothing is lost.", 1)
}

// body answers GET /b/TICKET/: a mail's body, or an image of it.
func (g *Gate) body(w http.ResponseWriter, r *http.Request) {
	if mode := r.Header.Get("Sec-Fetch-Dest"); mode == "script" || mode == "worker" || mode == "object" || mode == "embed" {
		problem(w, http.StatusForbidden, "forbidden", "Mail bodies are shown in frames alone.", 0)
		return
	}
	session, email, ok := g.tickets.open(r.PathValue("ticket"), time.Now())
	if !ok {
		g.bodyError(w, "This view has expired. Open the mail again.")
		return
	}
	for range 2 {
		grant, ok := g.sessions.byTicket(r.Context(), session)
		if !ok {
			g.bodyError(w, "Your session is over. Sign in again to read this mail.")
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path = ipc.CellBody + email + "/" + r.PathValue("rest")
		inner.URL.RawPath = ""
		if err := g.pass(w, inner, grant, nil, nil); !errors.Is(err, errStale) {
			return
		}
		g.sessions.stale(grant)
	}
	g.bodyError(w, "Your mail is back in a moment. Open it again.")
}

// bodyError is shown inside of the frame: plain text, as there is nothing to
// decide for a program.
func (g *Gate) bodyError(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, text+"\n")
}
