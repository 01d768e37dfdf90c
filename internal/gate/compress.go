package gate

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encodings in order of our preference: zstd is the cheapest for what it saves.
var encodings = []string{"zstd", "br", "gzip"}

// accepted picks the first of the encodings we have that an Accept-Encoding header
// takes, "" for none.
func accepted(header string, have ...string) string {
	weight := map[string]bool{}
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := strings.TrimSpace(params)
		if value, ok := strings.CutPrefix(q, "q="); ok {
			if f, err := strconv.ParseFloat(value, 32); err != nil || f == 0 {
				continue
			}
		}
		weight[strings.ToLower(strings.TrimSpace(name))] = true
	}
	for _, e := range have {
		if weight[e] {
			return e
		}
	}
	return ""
}

// compressible says whether a type is worth it; images and archives are not.
func compressible(contentType string) bool {
	base, _, _ := strings.Cut(contentType, ";")
	switch base = strings.TrimSpace(base); base {
	case "application/json", "application/problem+json", "application/javascript", "image/svg+xml", "application/manifest+json":
		return true
	case "text/event-stream":
		return false // each event must leave at once, and is small
	}
	return strings.HasPrefix(base, "text/")
}

// encoder compresses a stream. After Reset it knows nothing of the one before.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// newEncoder makes an encoder at a speed that suits answers made on the fly.
func newEncoder(encoding string) encoder {
	switch encoding {
	case "zstd":
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err == nil {
			return z
		}
	case "br":
		return brotli.NewWriterLevel(nil, 4)
	}
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed+2)
	if err != nil {
		panic(err) // the level is a constant of ours
	}
	return z
}

// encoders keeps encoders for the next answer: to make one costs more than to
// compress with it.
type encoders struct {
	zstd, br, gzip sync.Pool
	room           buffers
}

func (e *encoders) pool(encoding string) *sync.Pool {
	switch encoding {
	case "zstd":
		return &e.zstd
	case "br":
		return &e.br
	}
	return &e.gzip
}

func (e *encoders) take(encoding string, w io.Writer) encoder {
	z, ok := e.pool(encoding).Get().(encoder)
	if !ok {
		z = newEncoder(encoding)
	}
	z.Reset(w)
	return z
}

// give takes back an encoder whose stream has ended.
func (e *encoders) give(encoding string, z encoder) {
	z.Reset(io.Discard) // lets go of the answer
	e.pool(encoding).Put(z)
}

// compressor compresses one answer when its type, its length and the client
// permit.
type compressor struct {
	http.ResponseWriter
	encoders *encoders
	encoding string
	enc      encoder
	decided  bool
}

func newCompressor(w http.ResponseWriter, r *http.Request, e *encoders) *compressor {
	c := &compressor{ResponseWriter: w, encoders: e}
	if r.Method != http.MethodHead {
		c.encoding = accepted(r.Header.Get("Accept-Encoding"), encodings...)
	}
	return c
}

func (c *compressor) WriteHeader(status int) {
	if !c.decided && status >= 200 {
		c.decide(status)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *compressor) decide(status int) {
	c.decided = true
	h := c.Header()
	if !compressible(h.Get("Content-Type")) || h.Get("Content-Encoding") != "" {
		return
	}
	h.Add("Vary", "Accept-Encoding")
	n, err := strconv.Atoi(h.Get("Content-Length"))
	small := err == nil && n < minCompress
	if c.encoding == "" || small || status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusPartialContent {
		return
	}
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("Etag", "W/"+tag) // RFC 9110 section 8.8.1: a strong tag names these very bytes
	}
	h.Set("Content-Encoding", c.encoding)
	c.enc = c.encoders.take(c.encoding, c.ResponseWriter)
}

// buffer is room for one answer that is passed on in one piece, and for what it
// becomes.
type buffer struct {
	in  []byte
	out bytes.Buffer
}

// buffers keeps them for the next answer.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *buffer {
	if buf, ok := b.pool.Get().(*buffer); ok {
		return buf
	}
	return &buffer{in: make([]byte, maxWhole)}
}

// put takes a buffer back, without the answer in it: gate holds what is in flight
// and no more.
func (b *buffers) put(buf *buffer) {
	clear(buf.in)
	clear(buf.out.Bytes())
	b.pool.Put(buf)
}

// whole writes the header of an answer and returns what is to be written of it,
// which may lie in buf.
func (c *compressor) whole(status int, body []byte, buf *buffer) ([]byte, error) {
	c.decide(status)
	if c.enc == nil {
		c.ResponseWriter.WriteHeader(status)
		return body, nil
	}
	buf.out.Reset()
	c.enc.Reset(&buf.out)
	_, err := c.enc.Write(body)
	if other := c.Close(); err == nil {
		err = other
	}
	if err != nil {
		return nil, err
	}
	c.Header().Set("Content-Length", strconv.Itoa(buf.out.Len()))
	c.ResponseWriter.WriteHeader(status)
	return buf.out.Bytes(), nil
}

func (c *compressor) Write(b []byte) (int, error) {
	if !c.decided {
		c.WriteHeader(http.StatusOK)
	}
	if c.enc == nil {
		return c.ResponseWriter.Write(b)
	}
	return c.enc.Write(b)
}

// Close ends the compressed stream.
func (c *compressor) Close() error {
	if c.enc == nil {
		return nil
	}
	err := c.enc.Close()
	if err == nil {
		c.encoders.give(c.encoding, c.enc)
	}
	c.enc = nil
	return err
}
