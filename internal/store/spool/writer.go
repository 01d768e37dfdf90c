package spool

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Writer takes one upload in.
type Writer struct {
	s         *Spool
	e         *entry
	f         *os.File
	unchecked int64 // bytes since the file system was asked
}

// Create begins an upload that comes by a cell. It cannot be opened before Commit;
// one of Commit and Abort must follow. ErrFull: there is no room. An id that the
// person has already is refused.
func (s *Spool) Create(n Name, cell string) (*Writer, error) {
	if !s.roomOnDisk() {
		return nil, fmt.Errorf("file system is almost full: %w", ErrFull)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[n.UID]; p != nil {
		if p.uploads[n.ID] != nil {
			return nil, fmt.Errorf("making an upload: %w", os.ErrExist)
		}
		for len(p.uploads) >= s.limits.PersonFiles {
			if err := s.evict(p); err != nil {
				return nil, err
			}
		}
	}
	f, err := s.root.OpenFile(n.file()+part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making an upload: %w", err)
	}
	now := time.Now()
	e := &entry{name: n, cell: cell, made: now, used: now, writing: true}
	s.enter(e)
	return &Writer{s: s, e: e, f: f, unchecked: 0}, nil
}

// evict removes the oldest whole upload of a person. It needs mu.
func (s *Spool) evict(p *person) error {
	var oldest *entry
	for _, e := range p.uploads {
		if !e.writing && (oldest == nil || e.made.Before(oldest.made)) {
			oldest = e
		}
	}
	if oldest == nil {
		return fmt.Errorf("one person's uploads: %w", ErrFull)
	}
	return s.remove(oldest)
}

// take makes room for n bytes more of e.
func (s *Spool) take(e *entry, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.gone {
		return ErrNotFound
	}
	p := s.people[e.name.UID]
	for p.bytes+n > s.limits.Person {
		if err := s.evict(p); err != nil {
			return err
		}
	}
	if s.cells[e.cell]+n > s.limits.Cell || s.total+n > s.limits.Total {
		return fmt.Errorf("uploads of a cell or of the node: %w", ErrFull)
	}
	s.grow(e, n)
	return nil
}

// Write implements io.Writer. ErrFull: no room; ErrNotFound: the session ended.
func (w *Writer) Write(b []byte) (int, error) {
	if w.unchecked += int64(len(b)); w.unchecked > recheck {
		w.unchecked = 0
		if !w.s.roomOnDisk() {
			return 0, fmt.Errorf("file system is almost full: %w", ErrFull)
		}
	}
	if err := w.s.take(w.e, int64(len(b))); err != nil {
		return 0, err
	}
	return w.f.Write(b)
}

// Commit makes the upload one that can be opened. ErrNotFound: its session ended
// meanwhile.
func (w *Writer) Commit() error {
	err := w.f.Close()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.e.gone {
		return ErrNotFound
	}
	if err == nil {
		name := w.e.name.file()
		err = w.s.root.Rename(name+part, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping an upload: %w", err), w.s.remove(w.e))
	}
	w.e.writing = false
	w.e.used = time.Now()
	return nil
}

// Abort removes what was written.
func (w *Writer) Abort() {
	_ = w.f.Close() // it is removed
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	_ = w.s.remove(w.e) // else the next start removes it
}
