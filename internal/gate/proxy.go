package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"cofferdam/internal/ipc"
)

// errStale says that the cell did not know the capability and did nothing.
var errStale = errors.New("capability not known to the cell")

// jmap passes a person's request on to the cell. Nothing of a body is read for
// somebody who is not signed in.
func (g *Gate) jmap(w http.ResponseWriter, r *http.Request) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	var (
		stale []byte
		body  *upward
	)
	for range 2 {
		grant, session, err := g.sessions.get(r.Context(), k, g.network(r), stale)
		if err != nil {
			g.failSession(w, k, err)
			return
		}
		if body == nil {
			if body, ok = readBody(w, r); !ok {
				return
			}
		}
		err = g.pass(w, r, passing{path: r.URL.Path, raw: r.URL.RawPath, query: r.URL.RawQuery, grant: grant, session: session, body: body})
		if !errors.Is(err, errStale) || body.begun.Load() {
			return
		}
		stale = grant.Capability
	}
	problem(w, http.StatusServiceUnavailable, "unavailable", "Your mail is being moved to another process. Please try again.", 1)
}

// passing is one request on its way to a cell.
type passing struct {
	path, raw, query string // raw as in url.URL
	grant            ipc.Grant
	session          context.Context // ends with the session
	body             *upward         // nil for none
}

func (p passing) stream() bool { return strings.HasPrefix(p.path, "/jmap/eventsource") }

// patience is how long nothing may move before a request is given up.
func (p passing) patience() time.Duration {
	if strings.HasPrefix(p.path, "/jmap/upload/") {
		return uploadTime
	}
	return apiTime
}

// pass hands one request to the grant's cell and its answer to the client. It is
// no general proxy: of the request a cell gets what JMAP needs, of the answer the
// client gets what answer.go lets through. errStale means that nothing has been
// done and nothing answered.
func (g *Gate) pass(w http.ResponseWriter, r *http.Request, p passing) error {
	cell := g.cell(p.grant.Cell)
	if cell == nil {
		return errStale // that cell is gone; keeper knows where the person is now
	}
	leave, ok := g.busy.enter(p.grant.Login)
	if !ok {
		problem(w, http.StatusTooManyRequests, "throttled", "Too many requests at the same time. Please try again in a moment.", time.Second)
		return nil
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(p.session, cancel)
	defer stop()
	idle := time.AfterFunc(p.patience(), cancel)
	defer idle.Stop()
	resp, err := cell.RoundTrip(g.inward(ctx, r, p))
	if err != nil {
		g.failPass(w, r, p, err)
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusMisdirectedRequest {
		if p.body != nil && p.body.begun.Load() {
			problem(w, http.StatusServiceUnavailable, "unavailable", "Your mail is being moved to another process. Please try again.", 1)
		}
		return errStale
	}
	if p.stream() {
		idle.Stop()
		defer g.sessions.hold(p.grant.Session)()
	}
	return g.answer(w, r, p, resp, func() { idle.Reset(apiTime) })
}

// inwardHeaders are what a cell is told of a request: what JMAP and HTTP's
// caching and ranges need, and nothing that says who or where the person is.
var inwardHeaders = []string{"Accept", "Content-Type", "If-Modified-Since", "If-None-Match", "If-Range", "Last-Event-Id", "Range"}

func (g *Gate) inward(ctx context.Context, r *http.Request, p passing) *http.Request {
	out := &http.Request{Method: r.Method, URL: &url.URL{Scheme: "http", Host: "line", Path: p.path, RawPath: p.raw, RawQuery: p.query}, Host: "line",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}
	for _, h := range inwardHeaders {
		if v := r.Header.Values(h); len(v) > 0 {
			out.Header[h] = v
		}
	}
	out.Header.Set("User-Agent", "") // none
	out.Header.Set(ipc.HeaderCapability, b64.EncodeToString(p.grant.Capability))
	out.Header.Set(ipc.HeaderOrigin, g.cfg.Origin)
	if p.body != nil {
		p.body.attach(out)
	}
	return out.WithContext(ctx)
}

// failPass answers when a cell broke off: the request may or may not have been
// carried out, so the client asks for the state and repeats what is missing.
func (g *Gate) failPass(w http.ResponseWriter, r *http.Request, p passing, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		jmapLimit(w, p.path)
	case p.session.Err() != nil:
		problem(w, http.StatusUnauthorized, "signedOut", "Your session is over. Please sign in again.", 0)
	case r.Context().Err() != nil, p.body != nil && p.body.failed.Load():
		problem(w, http.StatusBadRequest, "invalid", "The request broke off.", 0) // the client may be gone
	default:
		g.counts.cellErrors.Inc()
		g.log.Warn("cell broke off", "path", pathClass(p.path), "err", err)
		problem(w, http.StatusServiceUnavailable, "unavailable", "Your mail is back in a moment. Nothing is lost.", 1)
	}
}

// jmapLimit is the request-level error of RFC 8620 section 3.6.1, in jmapserver's
// words: 400 for a request, as the RFC's example has it, and 413 for an upload, for
// which section 6.1 leaves the status to HTTP.
func jmapLimit(w http.ResponseWriter, path string) {
	status, name := http.StatusBadRequest, "maxSizeRequest"
	if strings.HasPrefix(path, "/jmap/upload/") {
		status, name = http.StatusRequestEntityTooLarge, "maxSizeUpload"
	}
	w.Header().Set("Content-Language", "en")
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"urn:ietf:params:jmap:error:limit","status":%d,"limit":"%s","detail":"This is larger than %s."}`, status, name, name)
}

// body answers GET /b/TICKET/: a mail's body, or an image of it.
func (g *Gate) body(w http.ResponseWriter, r *http.Request) {
	if mode := r.Header.Get("Sec-Fetch-Dest"); mode == "script" || mode == "worker" || mode == "object" || mode == "embed" {
		problem(w, http.StatusForbidden, "forbidden", "Mail bodies are shown in frames alone.", 0)
		return
	}
	session, email, ok := g.tickets.open(r.PathValue("ticket"), time.Now())
	if rest := r.PathValue("rest"); rest != "" { // an image of the mail
		blob, image := strings.CutPrefix(rest, "p/")
		if ok = ok && image && isID(blob); !ok {
			notFound(w, r)
			return
		}
	}
	if !ok {
		g.bodyError(w, "This view has expired. Open the mail again.")
		return
	}
	for range 2 {
		grant, over, ok := g.sessions.byTicket(r.Context(), session)
		if !ok {
			g.bodyError(w, "Your session is over. Sign in again to read this mail.")
			return
		}
		p := passing{path: ipc.CellBody + email + "/" + r.PathValue("rest"), query: r.URL.RawQuery, grant: grant, session: over}
		if err := g.pass(w, r, p); !errors.Is(err, errStale) {
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

// upward is a request's body on its way to a cell. A small one is kept whole, so
// that it can be sent twice. A large one is never in our memory: it goes up as it
// comes, once the cell has said that it knows the capability (RFC 9110 section
// 10.1.1). The transport may read on while its answer is looked at.
type upward struct {
	small  []byte
	large  io.Reader
	length int64       // of a large one; -1: not told
	begun  atomic.Bool // some of a large one went up: it cannot be sent again
	failed atomic.Bool // it could not be read to its end
}

// readBody takes the body of a POST. Both limits are told in the JMAP session
// (RFC 8620 section 2).
func readBody(w http.ResponseWriter, r *http.Request) (*upward, bool) {
	if r.Method != http.MethodPost {
		return &upward{}, true
	}
	limit := int64(maxAPIBody)
	if strings.HasPrefix(r.URL.Path, "/jmap/upload/") {
		limit = maxUploadBody
	}
	if r.ContentLength > limit {
		jmapLimit(w, r.URL.Path)
		return nil, false
	}
	c := http.NewResponseController(w)
	in := &paced{r: http.MaxBytesReader(w, r.Body, limit), c: c}
	if r.ContentLength > smallBody {
		return &upward{large: in, length: r.ContentLength}, true
	}
	_ = c.SetReadDeadline(time.Now().Add(bodyPause)) // for all of it; a test's recorder has none
	head, err := io.ReadAll(io.LimitReader(in.r, smallBody+1))
	if err != nil {
		problem(w, http.StatusBadRequest, "invalid", "The request broke off.", 0)
		return nil, false
	}
	if len(head) > smallBody { // longer than it told
		return &upward{large: io.MultiReader(bytes.NewReader(head), in), length: -1}, true
	}
	_ = c.SetReadDeadline(time.Time{})
	return &upward{small: head}, true
}

// attach makes b the body of a request to a cell.
func (b *upward) attach(out *http.Request) {
	switch {
	case b.large != nil:
		out.Body, out.ContentLength = io.NopCloser(b), b.length
		out.Header.Set("Expect", "100-continue")
	case len(b.small) > 0:
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(b.small)), int64(len(b.small))
	}
}

// Read implements io.Reader for a large body.
func (b *upward) Read(p []byte) (int, error) {
	b.begun.Store(true)
	n, err := b.large.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(true)
	}
	return n, err
}

// paced reads a body of which something must come every bodyPause: a client that
// stalls holds a connection and a place in its cell for no longer.
type paced struct {
	r io.Reader
	c *http.ResponseController
}

func (p *paced) Read(b []byte) (int, error) {
	_ = p.c.SetReadDeadline(time.Now().Add(bodyPause)) // a test's recorder has none
	n, err := p.r.Read(b)
	if err == io.EOF {
		_ = p.c.SetReadDeadline(time.Time{})
	}
	return n, err
}
