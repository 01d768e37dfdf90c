package render

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sanitize"
)

// Renderer answers ipc.RenderHTML, ipc.RenderText and ipc.RenderSnippet.
type Renderer struct {
	log     *slog.Logger
	mux     *ipc.Mux
	turn    chan struct{} // one token: the document in work
	retired chan struct{} // closed when the process should end

	documents *prometheus.CounterVec
	seconds   prometheus.Histogram

	mu   sync.Mutex // guards done and over
	done int        // documents so far
	over bool       // retired is closed

	// sanitize is sanitize.HTML, except in tests of what happens when it hangs or
	// panics.
	sanitize func(context.Context, string, sanitize.Options) sanitize.Result
}

// New makes a Renderer.
func New(log *slog.Logger) *Renderer {
	r := &Renderer{
		log: log, mux: ipc.NewMux(log), turn: make(chan struct{}, 1), retired: make(chan struct{}), sanitize: sanitize.HTML,
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cofferdam_render_documents_total", Help: "Documents rendered, by kind and by what became of them.",
		}, []string{"kind", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cofferdam_render_seconds", Help: "Time to render one document.",
			Buckets: []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2},
		}),
	}
	r.mux.Raw("POST "+ipc.RenderHTML, r.handler("html", r.html))
	r.mux.Raw("POST "+ipc.RenderText, r.handler("text", r.text))
	r.mux.Raw("POST "+ipc.RenderSnippet, r.handler("snippet", r.snippet))
	return r
}

// Handler is a Renderer as an http.Handler alone, for callers that need no
// retirement.
func Handler(log *slog.Logger) http.Handler { return New(log) }

// ServeHTTP answers one call.
func (r *Renderer) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// Retired is closed when this process should take no more documents.
func (r *Renderer) Retired() <-chan struct{} { return r.retired }

// Collectors are the figures of a Renderer.
func (r *Renderer) Collectors() []prometheus.Collector {
	return []prometheus.Collector{r.documents, r.seconds}
}

// handler reads a request, waits for its turn, renders, and answers.
func (r *Renderer) handler(kind string, f func(context.Context, ipc.RenderRequest) sanitize.Result) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		in, err := readRequest(w, req)
		if err != nil {
			ipc.WriteError(w, err)
			return
		}
		select {
		case r.turn <- struct{}{}:
			defer func() { <-r.turn }()
		case <-req.Context().Done():
			ipc.WriteError(w, ipc.Errorf(ipc.CodeUnavailable, "gave up waiting"))
			return
		}
		began := time.Now()
		res := f(req.Context(), in)
		answer := encode(res)
		for cut := len(in.Body) / 2; len(answer) > maxAnswer && cut > 0; cut /= 2 {
			answer = encode(r.shorter(kind, in, res, cut))
		}
		r.seconds.Observe(time.Since(began).Seconds())
		r.documents.WithLabelValues(kind, outcome(res)).Inc()
		if last := r.count(res); last {
			w.Header().Set("Connection", "close") // a call that came on it now would be lost with this process
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // the cell may have given up
	})
}

func readRequest(w http.ResponseWriter, req *http.Request) (in ipc.RenderRequest, err error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest))
	if err == nil {
		err = ipc.Decode(data, &in)
	}
	switch {
	case err != nil:
		return in, ipc.Errorf(ipc.CodeInvalid, "call %s: %s", req.URL.Path, err)
	case len(in.CIDs) > maxCIDs:
		return in, ipc.Errorf(ipc.CodeInvalid, "more than %d pictures", maxCIDs)
	case in.Theme != "" && in.Theme != "light" && in.Theme != "dark":
		return in, ipc.Errorf(ipc.CodeInvalid, "no such theme")
	}
	return in, nil
}

func outcome(res sanitize.Result) string {
	switch {
	case res.LimitHit:
		return "limit"
	case res.IsText:
		return "fallback"
	}
	return "shown"
}

// html renders HTML. Should the sanitiser panic, or not come back in time, the
// text is shown and the process retires.
func (r *Renderer) html(ctx context.Context, in ipc.RenderRequest) sanitize.Result {
	res, why := r.watched(ctx, func(ctx context.Context) sanitize.Result {
		return r.sanitize(ctx, in.Body, sanitize.Options{CID: lookup(in.CIDs), Theme: sanitize.Theme(in.Theme)})
	})
	if why != "" {
		return asText(in, why)
	}
	return res
}

// snippet makes a piece of HTML. Of one that cannot be made there is no text.
func (r *Renderer) snippet(ctx context.Context, in ipc.RenderRequest) sanitize.Result {
	res, why := r.watched(ctx, func(ctx context.Context) sanitize.Result {
		piece, err := sanitize.Snippet(ctx, in.Body)
		return sanitize.Result{Document: piece, IsText: err != nil}
	})
	if why != "" {
		return sanitize.Result{IsText: true, LimitHit: true}
	}
	return res
}

// watched runs the sanitiser on one document; why says that it panicked or did
// not come back.
func (r *Renderer) watched(ctx context.Context, f func(context.Context) sanitize.Result) (res sanitize.Result, why string) {
	ctx, cancel := context.WithTimeout(ctx, documentTime)
	defer cancel()
	done := make(chan sanitize.Result, 1)
	go func() {
		defer func() {
			if recover() != nil {
				r.log.Error("rendering panicked") // no stack: it may hold content
				close(done)
			}
		}()
		done <- f(ctx)
	}()
	select {
	case res, ok := <-done:
		if !ok {
			why = "panicked"
		}
		return res, why
	case <-time.After(stuckTime):
		r.log.Error("rendering is stuck")
		return res, "took too long"
	}
}

func asText(in ipc.RenderRequest, why string) sanitize.Result {
	res := sanitize.Text(sanitize.PlainText(in.Body), sanitize.TextOptions{Theme: sanitize.Theme(in.Theme)})
	res.IsText, res.LimitHit, res.Findings.Fallback = true, true, why
	return res
}

func (r *Renderer) text(_ context.Context, in ipc.RenderRequest) sanitize.Result {
	return sanitize.Text(in.Body, sanitize.TextOptions{Flowed: in.Flowed, DelSp: in.DelSp, Theme: sanitize.Theme(in.Theme)})
}

// shorter renders the first n bytes as text, for a document whose answer would
// be too long for a call. What was found stays as it was found in all of it.
func (r *Renderer) shorter(kind string, in ipc.RenderRequest, was sanitize.Result, n int) sanitize.Result {
	in.Body = strings.ToValidUTF8(in.Body[:n], "")
	if kind == "html" {
		was.Document, was.IsText = asText(in, "too large").Document, true
	} else {
		was.Document = r.text(context.Background(), in).Document
	}
	was.Findings.Truncated = true
	return was
}

// lookup finds the path of a Content-ID.
func lookup(cids map[string]string) func(string) (string, bool) {
	return func(cid string) (string, bool) {
		path, ok := cids[strings.Trim(cid, "<>")]
		return path, ok
	}
}

// encode writes an answer without the escapes that JSON in HTML would need:
// they triple a document.
func encode(res sanitize.Result) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	f := res.Findings
	removed := f.Removed
	if f.Truncated {
		removed = append(removed[:len(removed):len(removed)], "end of text")
	}
	// Encoding strings and numbers to memory does not fail.
	_ = e.Encode(ipc.Rendered{Document: res.Document, IsText: res.IsText, Findings: ipc.Findings{
		Remote: f.Remote, RemoteHosts: f.RemoteHosts, Links: f.Links, Forms: f.Forms, Removed: removed,
	}})
	return b.Bytes()
}

// count notes a document and retires when it was the last.
func (r *Renderer) count(res sanitize.Result) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if !r.over && (r.done >= MaxDocuments || res.LimitHit) {
		r.over = true
		r.log.Debug("render retires", "documents", r.done, "limit", res.LimitHit)
		close(r.retired)
	}
	return r.over
}
