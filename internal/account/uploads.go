package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
)

// UploadID names an upload.
type UploadID [replica.PackedSize]byte

// Uploads keeps what was uploaded until it is used or UploadLife is over.
type Uploads interface {
	// Put reads r until io.EOF. The person's oldest uploads give way to it; a
	// *jmap.SetError says that there is no room all the same. An error of r is
	// returned wrapped and leaves nothing behind. ctx is of the request, whose
	// session the upload belongs to.
	Put(ctx context.Context, r io.Reader) (id UploadID, size int64, err error)
	// Open may be called any number of times. jmap.ErrNotFound: no such upload.
	Open(ctx context.Context, id UploadID) (body io.ReadCloser, size int64, err error)
}

// MemoryUploads keeps uploads in memory, for tests and for whoever needs no more:
// MaxUploadsBytes of them, the oldest go first.
type MemoryUploads struct {
	mu   sync.Mutex // guards what follows
	byID map[UploadID]*upload
	used int64
}

type upload struct {
	data []byte
	made time.Time
}

// NewMemoryUploads returns an empty store.
func NewMemoryUploads() *MemoryUploads { return &MemoryUploads{byID: make(map[UploadID]*upload)} }

// Put implements Uploads. Room is taken while the bytes come in, so that many
// uploads at once cannot take more than there is.
func (u *MemoryUploads) Put(ctx context.Context, r io.Reader) (id UploadID, size int64, err error) {
	var buf bytes.Buffer
	defer func() {
		if err != nil {
			u.take(-int64(buf.Len()))
		}
	}()
	piece := make([]byte, 64<<10)
	for {
		n, err := r.Read(piece)
		if int64(buf.Len()+n) > MaxUploadBytes {
			return id, 0, &jmap.SetError{Type: jmap.SetTooLarge}
		}
		if !u.take(int64(n)) {
			return id, 0, &jmap.SetError{Type: jmap.SetOverQuota}
		}
		buf.Write(piece[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return id, 0, fmt.Errorf("reading an upload: %w", err)
		}
	}
	rand.Read(id[:])
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byID[id] = &upload{data: buf.Bytes(), made: time.Now()}
	return id, int64(buf.Len()), nil
}

// take reserves n bytes, or gives them back if n is negative. What is there gives
// way, the oldest first (RFC 8620, section 6).
func (u *MemoryUploads) take(n int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.used+n > MaxUploadsBytes {
		id, up := u.oldest()
		if up == nil {
			return false
		}
		u.used -= int64(len(up.data))
		delete(u.byID, id)
	}
	u.used += n
	return true
}

// oldest needs mu.
func (u *MemoryUploads) oldest() (id UploadID, oldest *upload) {
	for i, up := range u.byID {
		if oldest == nil || up.made.Before(oldest.made) {
			id, oldest = i, up
		}
	}
	return id, oldest
}

// Open implements Uploads.
func (u *MemoryUploads) Open(ctx context.Context, id UploadID) (io.ReadCloser, int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up := u.byID[id]
	if up == nil || time.Since(up.made) > UploadLife {
		return nil, 0, jmap.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(up.data)), int64(len(up.data)), nil
}
