package gate

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"cofferdam/internal/ipc"
)

// A cell is hostile, and its HTTP answers are an outlet that gate guards: they
// come from our origin, where a cookie, a script or a worker of its making would
// be obeyed. So an answer carries the few headers named here, a type that suits
// its path, and our own policy.

// outwardHeaders are what a client gets of a cell's headers, besides the type.
var outwardHeaders = []string{"Accept-Ranges", "Allow", "Content-Disposition", "Content-Language", "Content-Range", "Etag", "Last-Modified", "Retry-After"}

// answerTypes are the types that a class of paths may have. Anything else goes
// out as bytes that no browser runs or shows.
var answerTypes = map[string][]string{
	"/jmap/api":         {"application/json", "application/problem+json"},
	"/jmap/session":     {"application/json", "application/problem+json"},
	"/jmap/upload":      {"application/json", "application/problem+json"},
	"/jmap/eventsource": {"text/event-stream", "application/problem+json"},
	"/body":             {"text/html", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"},
}

const anyBytes = "application/octet-stream"

// answerType is the Content-Type that leaves for what a cell said.
func answerType(path, said string) string {
	base, params, err := mime.ParseMediaType(said)
	if err != nil {
		return anyBytes
	}
	if strings.HasPrefix(path, "/jmap/download/") {
		if active(base) {
			return anyBytes
		}
	} else {
		class := pathClass(path)
		if strings.HasPrefix(path, ipc.CellBody) {
			class = "/body"
		}
		if !slices.Contains(answerTypes[class], base) {
			return anyBytes
		}
	}
	if text := mime.FormatMediaType(base, params); text != "" {
		return text
	}
	return anyBytes
}

// active says whether a browser may obey a type: scripts, styles, markup, code.
func active(base string) bool {
	for _, word := range []string{"script", "css", "html", "xml", "svg", "wasm", "multipart", "event-stream"} {
		if strings.Contains(base, word) {
			return true
		}
	}
	return false
}

// outward sets the headers of an answer. Our own are there already.
func outward(h http.Header, p passing, resp *http.Response) {
	for _, name := range outwardHeaders {
		if v := resp.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("Content-Type", answerType(p.path, resp.Header.Get("Content-Type")))
	if resp.ContentLength >= 0 {
		h.Set("Content-Length", resp.Header.Get("Content-Length"))
	}
	cache, download := resp.Header.Get("Cache-Control"), strings.HasPrefix(p.path, "/jmap/download/")
	if strings.HasPrefix(p.path, ipc.CellBody) && cache == "" {
		return // the frame's own
	}
	// What a browser keeps of the API's answers would outlive a hostile cell; a
	// blob's bytes are what its id says.
	if !strings.HasPrefix(cache, "private") || !download && !strings.HasPrefix(p.path, ipc.CellBody) {
		cache = "no-store"
	}
	h.Set("Cache-Control", cache)
	if download && !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		h.Set("Content-Disposition", "attachment")
	}
}

// answer passes a cell's answer on. moved is called whenever a part went out.
func (g *Gate) answer(w http.ResponseWriter, r *http.Request, p passing, resp *http.Response, moved func()) error {
	if resp.StatusCode < 200 || resp.StatusCode > 599 {
		err := errors.New("a cell answered a status that is none")
		g.failPass(w, r, p, err)
		return err
	}
	outward(w.Header(), p, resp)
	if resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified {
		w.WriteHeader(http.StatusBadGateway) // a cell sends nobody elsewhere
		return nil
	}
	if p.stream() {
		return g.answerStream(w, resp)
	}
	if n := resp.ContentLength; r.Method != http.MethodHead && n >= 0 && n <= maxWhole { // HEAD has a length and no body
		return g.answerWhole(w, r, p, resp, moved)
	}
	cw := newCompressor(w, r, &g.encoders)
	cw.WriteHeader(resp.StatusCode)
	if err := copyPaced(cw, http.NewResponseController(w), resp.Body, moved); err != nil {
		// What went out must not look whole.
		panic(http.ErrAbortHandler)
	}
	return cw.Close()
}

// answerWhole passes a small answer on in one piece, which is most of them: read,
// compressed and written once, with its length in the header.
func (g *Gate) answerWhole(w http.ResponseWriter, r *http.Request, p passing, resp *http.Response, moved func()) error {
	buf := g.encoders.room.get()
	defer g.encoders.room.put(buf)
	body := buf.in[:resp.ContentLength]
	if _, err := io.ReadFull(resp.Body, body); err != nil {
		clear(w.Header())
		g.failPass(w, r, p, err)
		return err
	}
	moved()
	cw := newCompressor(w, r, &g.encoders)
	body, err := cw.whole(resp.StatusCode, body, buf)
	if err != nil {
		return err
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(writePause)) // as in copyPaced
	_, err = w.Write(body)
	if r.ProtoMajor < 2 {
		_ = c.SetWriteDeadline(time.Time{}) // the connection's; over HTTP/2 it was the stream's, which is at its end
	}
	return err
}

// answerStream passes events on as they come, until either side ends it.
func (g *Gate) answerStream(w http.ResponseWriter, resp *http.Response) error {
	w.WriteHeader(resp.StatusCode)
	c := http.NewResponseController(w)
	_ = c.Flush() // a client that is gone is found by the first event
	return copyPaced(flushing{w, c}, c, resp.Body, func() {})
}

// flushing sends each write on at once.
type flushing struct {
	w io.Writer
	c *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err != nil {
		return n, err
	}
	return n, f.c.Flush()
}

// copyPaced copies an answer of which the client must take something every
// writePause: one that stalls holds its cell's connection for no longer. Between
// two writes there is no deadline: over HTTP/2 one would end a stream of events
// that is merely silent.
func copyPaced(w io.Writer, c *http.ResponseController, r io.Reader, moved func()) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			_ = c.SetWriteDeadline(time.Now().Add(writePause)) // a test's recorder has none
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			_ = c.SetWriteDeadline(time.Time{})
			moved()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
