package jmapserver

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// findAccount finds an account of the person.
func findAccount(p *Person, id string) (Account, bool) {
	for _, a := range p.Accounts {
		if a.Info().ID == jmap.AccountID(id) {
			return a, true
		}
	}
	return nil, false
}

// errTooLong is the error of an upload that is larger than announced.
var errTooLong = errors.New("upload too large")

// serveUpload stores an upload (RFC 8620, section 6.1).
func (h *Handler) serveUpload(w http.ResponseWriter, r *http.Request, p *Person) {
	id := r.PathValue("accountId")
	a, ok := findAccount(p, id)
	if !ok {
		(&problem{status: http.StatusNotFound, detail: "no such account"}).write(w)
		return
	}
	tooLong := overLimit(http.StatusRequestEntityTooLarge, "maxSizeUpload", "the upload is larger than the server is willing to store")
	if r.ContentLength > h.limits.MaxSizeUpload {
		tooLong.write(w)
		return
	}
	blob, err := a.BlobPut(r.Context(), &bounded{r: r.Body, left: h.limits.MaxSizeUpload})
	var refused *jmap.SetError
	switch {
	case errors.Is(err, errTooLong):
		tooLong.write(w)
	case errors.As(err, &refused):
		refusedUpload(refused).write(w)
	case err != nil:
		h.log.Warn("upload not stored", "cause", cause(err))
		(&problem{status: http.StatusServiceUnavailable, detail: "the upload could not be stored"}).write(w)
	default:
		writeUploaded(w, id, blob, uploadType(r))
	}
}

// refusedUpload is the answer to an upload that the account did not take: too many
// at the moment are another thing than too large.
func refusedUpload(why *jmap.SetError) *problem {
	p := &problem{status: http.StatusRequestEntityTooLarge, detail: string(why.Type)}
	if why.Type == jmap.SetRateLimit {
		p.status, p.retryAfter = http.StatusTooManyRequests, why.RetryAfter
	}
	return p
}

// uploadType is the media type that is echoed; what says nothing that can be
// understood is a stream of octets.
func uploadType(r *http.Request) string {
	t := r.Header.Get("Content-Type")
	if _, _, err := mime.ParseMediaType(t); err != nil {
		return "application/octet-stream"
	}
	return t
}

// writeUploaded answers 200: RFC 8620, section 6.1 names no status, and there are
// clients that take no other.
func writeUploaded(w http.ResponseWriter, account string, blob jmap.BlobInfo, kind string) {
	o := ijson.Open(nil)
	o.Str("accountId", account)
	o.Str("blobId", string(blob.ID))
	o.Str("type", kind)
	o.Uint("size", uint64(blob.Size))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(o.Close())
}

// bounded reads at most left octets and then fails instead of ending.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// serveDownload answers with a blob (RFC 8620, section 6.2). Whatever it is, it
// is handed over to be saved: the sandbox and the disposition keep a browser
// from running it in our origin.
func (h *Handler) serveDownload(w http.ResponseWriter, r *http.Request, p *Person) {
	a, ok := findAccount(p, r.PathValue("accountId"))
	if !ok || !jmap.ValidID(r.PathValue("blobId")) {
		(&problem{status: http.StatusNotFound, detail: "no such account or blob"}).write(w)
		return
	}
	kind, ok := downloadType(r)
	if !ok {
		(&problem{status: http.StatusBadRequest, detail: "type is not a media type"}).write(w)
		return
	}
	want, ranged := parseRange(r.Header.Get("Range"))
	b, err := a.BlobOpen(r.Context(), jmap.BlobID(r.PathValue("blobId")), want)
	switch {
	case errors.Is(err, jmap.ErrNotFound):
		(&problem{status: http.StatusNotFound, detail: "no such blob"}).write(w)
		return
	case errors.Is(err, jmap.ErrRange):
		(&problem{status: http.StatusRequestedRangeNotSatisfiable}).write(w)
		return
	case err != nil:
		h.log.Warn("blob not opened", "cause", cause(err))
		(&problem{status: http.StatusServiceUnavailable, detail: "the blob cannot be read now"}).write(w)
		return
	}
	defer b.Body.Close()
	head := w.Header()
	head.Set("Content-Type", kind)
	head.Set("Content-Disposition", disposition(r.PathValue("name")))
	head.Set("Cache-Control", "private, immutable, max-age=31536000")
	head.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.copyBlob(w, b, ranged, r.Method == http.MethodHead)
}

// copyBlob writes the status, the length and the bytes.
func (h *Handler) copyBlob(w http.ResponseWriter, b *jmap.Blob, ranged, headOnly bool) {
	status := http.StatusOK
	partial := ranged && b.Size >= 0 && b.Length >= 0 && b.Length < b.Size
	if partial {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", b.Offset, b.Offset+b.Length-1, b.Size))
	}
	w.Header().Set("Accept-Ranges", "bytes")
	if b.Length >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(b.Length, 10))
	}
	w.WriteHeader(status)
	if headOnly {
		return
	}
	if _, err := io.Copy(w, b.Body); err != nil {
		// The status is out. Cutting the connection is the only way left to say
		// that the bytes are not all there.
		panic(http.ErrAbortHandler)
	}
}

// downloadType reads the variable "type" of the template.
func downloadType(r *http.Request) (string, bool) {
	t := r.URL.Query().Get("type")
	if t == "" {
		return "application/octet-stream", true
	}
	major, params, err := mime.ParseMediaType(t)
	if err != nil || !validMediaType(major) {
		return "", false
	}
	t = mime.FormatMediaType(major, params)
	return t, t != ""
}

// disposition names the file (RFC 6266): plain ASCII for old programs, and the
// name itself.
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f || r == '"' || r == '\\' || r == '%' || r == '/' {
			return '_'
		}
		return r
	}, name)
	d := `attachment; filename="` + plain + `"`
	if plain != name {
		d += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return d
}

// parseRange reads a Range header with one range (RFC 9110, section 14.2). All
// else is ignored, as a server may.
func parseRange(s string) (r jmap.ByteRange, ok bool) {
	spec, ok := strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(to, "-") {
		return jmap.ByteRange{}, false
	}
	if from == "" {
		n, err := strconv.ParseInt(to, 10, 63)
		return jmap.ByteRange{Offset: -n}, err == nil && n > 0
	}
	first, err := strconv.ParseInt(from, 10, 63)
	if err != nil || first < 0 {
		return jmap.ByteRange{}, false
	}
	if to == "" {
		return jmap.ByteRange{Offset: first}, true
	}
	last, err := strconv.ParseInt(to, 10, 63)
	if err != nil || last < first {
		return jmap.ByteRange{}, false
	}
	return jmap.ByteRange{Offset: first, Length: last - first + 1}, true
}
