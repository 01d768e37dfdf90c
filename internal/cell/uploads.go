package cell

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/seal"
)

// uploads are one person's, with keeper: a cell has no disk, and holds a chunk of
// each at a time. What is uploaded in a session is sealed under that session's key
// and gone with it.
type uploads struct {
	c *Cell
	p *person
}

// errNoUploads is of a session that keeper gave no key for uploads.
var errNoUploads = errors.New("the session has no key for uploads")

// session is what uploads need of one.
type session struct {
	capability []byte
	key        seal.UploadKey
}

// asking is the session that a request came in, the newest one for work that no
// request waits for.
func (ps *people) asking(ctx context.Context, p *person) (session, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	g, _ := ctx.Value(grantKey{}).(*grant)
	if g == nil || p.grants[sha256.Sum256(g.capability)] != g {
		g = p.grants[sha256.Sum256(p.newest)]
	}
	if g == nil {
		return session{}, ipc.Errorf(ipc.CodeUnknown, "session is over")
	}
	key, err := g.uploadKey()
	return session{g.capability, key}, err
}

// uploadKey is a copy of the grant's key, which the caller wipes: the grant may end
// while it is used. It needs people.mu.
func (g *grant) uploadKey() (seal.UploadKey, error) {
	if g.uploads.IsZero() {
		return seal.UploadKey{}, errNoUploads
	}
	return seal.ParseUploadKey(g.person.uid, g.uploads.Reveal())
}

// uploadKey is a copy of the key of a session that lives here.
func (ps *people) uploadKey(p *person, hash string) (seal.UploadKey, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, g := range p.grants {
		if g.session == hash {
			key, err := g.uploadKey()
			return key, err == nil
		}
	}
	return seal.UploadKey{}, false
}

// Put implements account.Uploads.
func (u uploads) Put(ctx context.Context, r io.Reader) (account.UploadID, int64, error) {
	return u.put(ctx, u.c.lane.through(ctx, coming, r))
}

// Open implements account.Uploads. Uploads of a session that is over cannot be
// opened, whatever lies there still.
func (u uploads) Open(ctx context.Context, id account.UploadID) (io.ReadCloser, int64, error) {
	o, size, err := u.open(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	return struct {
		io.Reader
		io.Closer
	}{u.c.lane.through(ctx, filing, o), o}, size, nil
}

func (u uploads) put(ctx context.Context, r io.Reader) (account.UploadID, int64, error) {
	var id account.UploadID
	s, err := u.c.people.asking(ctx, u.p)
	if err != nil {
		return id, 0, err
	}
	rand.Read(id[:]) // never fails (crypto/rand)
	body := &sealing{key: s.key, id: seal.UploadID(id), in: r}
	defer body.end()
	var stored ipc.UploadStored
	resp, err := u.call(ctx, s.capability, ipc.KeeperUploadPut, seal.UploadID(id), body)
	if err == nil {
		defer resp.Body.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(resp.Body, ipc.MaxError)); err == nil {
			err = ipc.Decode(data, &stored)
		}
	}
	size, failed := body.result()
	switch {
	case failed != nil:
		return id, 0, fmt.Errorf("reading an upload: %w", failed)
	case err != nil:
		return id, 0, uploadError(err)
	case stored.Size != seal.SealedUpload(size):
		return id, 0, fmt.Errorf("keeper has %d sealed bytes of an upload of %d", stored.Size, size)
	}
	return id, size, nil
}

// uploadError puts keeper's no into JMAP's words.
func uploadError(err error) error {
	var e *ipc.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == ipc.CodeNotFound:
		return jmap.ErrNotFound
	case e.Code == ipc.CodeThrottled && e.RetryAfter > 0:
		return &jmap.SetError{Type: jmap.SetRateLimit, RetryAfter: e.RetryAfter}
	case e.Code == ipc.CodeThrottled:
		return &jmap.SetError{Type: jmap.SetOverQuota}
	case e.Code == ipc.CodeInvalid:
		return &jmap.SetError{Type: jmap.SetTooLarge}
	}
	return err
}

// call asks keeper. An answer that is not 200 is an error.
func (u uploads) call(ctx context.Context, capability []byte, path string, id seal.UploadID, body io.Reader) (*http.Response, error) {
	if body != nil {
		body = struct{ io.Reader }{body} // nothing that net/http could send again
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.ContentLength = -1
	}
	r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	r.Header.Set(ipc.HeaderUpload, seal.EncodeBase64(id[:]))
	resp, err := u.c.keeper.RoundTrip(r)
	if err != nil {
		return nil, ipc.Errorf(ipc.CodeUnavailable, "keeper broke off")
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		err := ipc.ReadError(resp)
		u.c.noteRefusal(u.p, capability, err)
		return nil, err
	}
	return resp, nil
}

func (u uploads) open(ctx context.Context, id account.UploadID) (*opening, int64, error) {
	capability, err := u.c.people.capability(u.p)
	if err != nil {
		return nil, 0, err
	}
	resp, err := u.call(ctx, capability, ipc.KeeperUploadGet, seal.UploadID(id), nil)
	if err != nil {
		return nil, 0, uploadError(err)
	}
	hash, err := seal.DecodeBase64(resp.Header.Get(ipc.HeaderUploadSession))
	key, live := u.c.people.uploadKey(u.p, string(hash))
	size, whole := seal.UploadSize(resp.ContentLength)
	if err != nil || !live || !whole {
		key.Wipe()
		resp.Body.Close()
		return nil, 0, jmap.ErrNotFound
	}
	return &opening{key: key, id: seal.UploadID(id), in: resp.Body, left: size}, size, nil
}

// sealing reads an upload as it is stored. net/http may read on after it answered.
type sealing struct {
	key seal.UploadKey
	id  seal.UploadID

	mu     sync.Mutex // guards the rest, and reads of in
	in     io.Reader
	n      int64
	size   int64  // plaintext bytes so far
	chunk  []byte // plaintext, and the first byte of the next chunk behind it
	ahead  int    // bytes of chunk that were read already
	out    bytes.Reader
	done   bool
	failed error // of in, but for its end
}

// Read implements io.Reader.
func (s *sealing) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.Len() == 0 {
		if s.done {
			return 0, io.EOF
		}
		if s.failed = s.fill(); s.failed != nil {
			return 0, s.failed
		}
	}
	return s.out.Read(p)
}

// fill seals one chunk. Whether it is the last is known when a byte more was asked
// for.
func (s *sealing) fill() error {
	if s.chunk == nil {
		s.chunk = make([]byte, seal.UploadChunk+1)
	}
	n, err := readFull(s.in, s.chunk[s.ahead:])
	n += s.ahead
	if s.done = err == io.EOF && n <= seal.UploadChunk; err != nil && err != io.EOF {
		return err
	}
	size := min(n, seal.UploadChunk)
	box, err := s.key.SealChunk(s.id, s.n, s.done, s.chunk[:size])
	if err != nil {
		return err
	}
	s.ahead = copy(s.chunk, s.chunk[size:n])
	s.size += int64(size)
	s.n++
	s.out.Reset(box)
	return nil
}

// result is how much was read, and what failed.
func (s *sealing) result() (size int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size, s.failed
}

// end wipes the key; nothing is sealed any more.
func (s *sealing) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key.Wipe()
}

// readFull fills p. Unlike io.ReadFull it tells an end from a source that broke
// off.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// opening reads a stored upload, chunk by chunk.
type opening struct {
	key  seal.UploadKey
	id   seal.UploadID
	in   io.ReadCloser
	left int64 // plaintext bytes that are not opened yet
	n    int64
	last bool // the last chunk was opened
	out  bytes.Reader
	box  []byte
}

// Read implements io.Reader.
func (o *opening) Read(p []byte) (int, error) {
	for o.out.Len() == 0 {
		if o.last {
			return 0, io.EOF
		}
		if err := o.fill(); err != nil {
			return 0, err
		}
	}
	return o.out.Read(p)
}

func (o *opening) fill() error {
	if o.box == nil {
		o.box = make([]byte, seal.UploadChunk+seal.UploadOverhead)
	}
	size := min(o.left, seal.UploadChunk)
	box := o.box[:size+seal.UploadOverhead]
	if _, err := readFull(o.in, box); err != nil && err != io.EOF {
		return fmt.Errorf("reading an upload: %w", err)
	}
	o.left -= size
	o.last = o.left == 0
	chunk, err := o.key.OpenChunk(o.id, o.n, o.last, box)
	if err != nil {
		return fmt.Errorf("opening chunk %d of an upload: %w", o.n, err)
	}
	o.n++
	o.out.Reset(chunk)
	return nil
}

// Close implements io.Closer.
func (o *opening) Close() error {
	o.key.Wipe()
	return o.in.Close()
}
