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
	// Put reads r until io.EOF. A *jmap.SetError says that there is no room; an
	// error of r is returned wrapped and leaves nothing behind.
	Put(ctx context.Context, r io.Reader) (id UploadID, size int64, err error)
	// Open may be called any number of times. jmap.ErrNotFound: no such upload.
	Open(ctx context.Context, id UploadID) (body io.ReadCloser, size int64, err error)
}

// MemoryUploads keeps uploads in memory: MaxUploadsBytes of them, the oldest
// expired ones go first.
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

// take reserves n bytes, or gives them back if n is negative.
func (u *MemoryUploads) take(n int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used+n > MaxUploadsBytes {
		for id, up := range u.byID {
			if time.Since(up.made) > UploadLife {
				u.used -= int64(len(up.data))
				delete(u.byID, id)
			}
		}
	}
	if u.used+n > MaxUploadsBytes {
		return false
	}
	u.used += n
	return true
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
