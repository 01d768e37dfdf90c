package gate

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// static serves the client: a fixed set of files that are the same for
// everybody, so that what is served can be checked from outside.
type static struct {
	files map[string]*file
}

type file struct {
	data, contentType, tag string
	hashed                 bool // the name carries a hash of the content: cache for ever

	packed atomic.Pointer[packed] // nil until prepare came to it
}

// packed is a file compressed as far as it goes.
type packed struct{ br, gz string }

// prepare compresses the files. It takes a second or two: until a file's turn
// came, it is served as it is.
func (s *static) prepare() {
	for _, f := range s.files {
		if compressible(f.contentType) {
			f.packed.Store(compress(f.data))
		}
	}
	debug.FreeOSMemory() // 70 MiB of the compressor's tables, which nobody needs again
}

// newStatic reads all files of the client once. The operator key is one more
// file beside them.
func newStatic(assets fs.FS, operatorKey []byte) (*static, error) {
	s := &static{files: map[string]*file{}}
	err := fs.WalkDir(assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		s.add("/"+name, data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the client's files: %w", err)
	}
	s.add("/operator.json", operatorKey)
	if s.files["/index.html"] == nil {
		s.add("/index.html", []byte("<!doctype html><title>Cofferdam</title><p>The client is not built into this binary. Run: make web\n"))
	}
	return s, nil
}

func (s *static) add(name string, data []byte) {
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // not what the host's mime table says
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".css":
		kind = "text/css; charset=utf-8"
	case ".html":
		kind = "text/html; charset=utf-8"
	case ".json", ".map":
		kind = "application/json"
	case ".webmanifest":
		kind = "application/manifest+json"
	case ".svg":
		kind = "image/svg+xml"
	case "":
		kind = "text/plain; charset=utf-8"
	}
	s.files[name] = &file{
		data: string(data), contentType: kind,
		tag:    fmt.Sprintf(`W/"%x"`, sha256.Sum256(data))[:28] + `"`, // weak: the encodings share it
		hashed: strings.HasPrefix(name, "/assets/"),
	}
}

// serve answers a file, or the client's page for every address of the client.
func (s *static) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "invalid", "This address is only for reading.", 0)
		return
	}
	f := s.files[r.URL.Path]
	if f == nil {
		if path.Ext(r.URL.Path) != "" && strings.HasPrefix(r.URL.Path, "/assets/") || strings.HasPrefix(r.URL.Path, "/b/") {
			notFound(w, r)
			return
		}
		f = s.files["/index.html"]
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if f.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", f.tag)
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag[2:]) { // a list, and weakly: RFC 9110 section 13.1.2
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.data
	if compressible(f.contentType) {
		var encoding string
		body, encoding = f.encoded(r.Header.Get("Accept-Encoding"))
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_ = copyPaced(w, http.NewResponseController(w), strings.NewReader(body), func() {}) // the client may be gone; nothing to add
}

func (f *file) encoded(header string) (body, encoding string) {
	p := f.packed.Load()
	if p == nil {
		return f.data, ""
	}
	switch accepted(header, "br", "gzip") {
	case "br":
		return p.br, "br"
	case "gzip":
		return p.gz, "gzip"
	}
	return f.data, ""
}

func compress(data string) *packed {
	var p packed
	var b bytes.Buffer
	bw := brotli.NewWriterLevel(&b, brotli.BestCompression)
	_, _ = bw.Write([]byte(data)) // a bytes.Buffer does not fail
	_ = bw.Close()
	p.br = b.String()
	b.Reset()
	gw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant of ours
	}
	_, _ = gw.Write([]byte(data))
	_ = gw.Close()
	p.gz = b.String()
	return &p
}
