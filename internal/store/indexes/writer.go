package indexes

import (
	"errors"
	"fmt"
	"os"
	"time"

	"cofferdam/internal/user"
)

// Writer takes one index in.
type Writer struct {
	f    *Folder
	uid  user.ID
	out  *os.File
	size int64
}

// Create begins a person's new index; one of Commit and Abort must follow. ErrFull:
// there is no room, or one of this person's is being written.
func (f *Folder) Create(uid user.ID) (*Writer, error) {
	if !f.roomOnDisk() {
		return nil, fmt.Errorf("file system is almost full: %w", ErrFull)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writing[uid] {
		return nil, fmt.Errorf("two at once: %w", ErrFull)
	}
	out, err := f.root.OpenFile(fileOf(uid)+part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making an index: %w", err)
	}
	f.writing[uid] = true
	return &Writer{f: f, uid: uid, out: out}, nil
}

// Write implements io.Writer. ErrFull: no room.
func (w *Writer) Write(b []byte) (int, error) {
	if err := w.f.take(w.uid, int64(len(b))); err != nil {
		return 0, err
	}
	w.size += int64(len(b))
	return w.out.Write(b)
}

// take makes room for n bytes more of a person's new index. Their old one is never
// what goes: it would be the loss of both if the new one broke off.
func (f *Folder) take(uid user.ID, n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.total+n > f.limits.Total {
		var oldest user.ID
		for other, have := range f.files {
			if other != uid && (oldest.IsZero() || have.used.Before(f.files[oldest].used)) {
				oldest = other
			}
		}
		if oldest.IsZero() {
			return ErrFull
		}
		if err := f.remove(oldest); err != nil {
			return err
		}
	}
	f.total += n
	return nil
}

// Commit puts the new index in the old one's place.
func (w *Writer) Commit() error {
	err := w.out.Close()
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if err == nil {
		err = w.f.root.Rename(fileOf(w.uid)+part, fileOf(w.uid))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping an index: %w", err), w.drop())
	}
	if old := w.f.files[w.uid]; old != nil {
		w.f.total -= old.size
	}
	w.f.files[w.uid] = &file{w.size, time.Now()}
	delete(w.f.writing, w.uid)
	return nil
}

// Abort removes what was written.
func (w *Writer) Abort() {
	_ = w.out.Close() // it is removed
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	_ = w.drop() // else the next start removes it
}

// drop needs Folder.mu.
func (w *Writer) drop() error {
	delete(w.f.writing, w.uid)
	w.f.total -= w.size
	return w.f.root.Remove(fileOf(w.uid) + part)
}
