package spool

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cofferdam/internal/user"
)

// Errors that callers decide by.
var (
	// ErrNotFound says that there is no such upload (any more).
	ErrNotFound = errors.New("no such upload")
	// ErrFull says that there is no room, and that nothing of the person's own
	// could be removed for it.
	ErrFull = errors.New("no room for uploads")
)

// SessionHash is SHA-256 of a session's name.
type SessionHash [32]byte

// Name says whose upload it is, in which session it was made, and which it is.
type Name struct {
	UID     user.ID
	Session SessionHash
	ID      [16]byte
}

const part = ".part"

func (n Name) file() string {
	return hex.EncodeToString(n.UID[:]) + "." + hex.EncodeToString(n.Session[:]) + "." + hex.EncodeToString(n.ID[:])
}

func parseName(file string) (n Name, ok bool) {
	fields := strings.Split(file, ".")
	if len(fields) != 3 {
		return n, false
	}
	for i, into := range [][]byte{n.UID[:], n.Session[:], n.ID[:]} {
		if len(fields[i]) != 2*len(into) {
			return n, false
		}
		if _, err := hex.Decode(into, []byte(fields[i])); err != nil {
			return n, false
		}
	}
	return n, n.file() == file
}

// Spool is the folder.
type Spool struct {
	root   *os.Root
	limits Limits

	mu     sync.Mutex // guards the rest, and the entries
	people map[user.ID]*person
	cells  map[string]int64 // bytes
	total  int64
}

// person is what one person has here.
type person struct {
	uploads map[[16]byte]*entry
	bytes   int64
}

// entry is one upload.
type entry struct {
	name    Name
	cell    string // by which it came; "" of an earlier process's
	size    int64
	made    time.Time
	used    time.Time // made, or opened since
	writing bool
	gone    bool
}

// Open opens the folder at path, which is made if it is not there. Whole uploads
// that an earlier process left count as used now.
func Open(path string, limits Limits) (*Spool, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of uploads: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of uploads: %w", err)
	}
	s := &Spool{root: root, limits: limits, people: map[user.ID]*person{}, cells: map[string]int64{}}
	if err := s.scan(); err != nil {
		root.Close()
		return nil, fmt.Errorf("reading the folder of uploads: %w", err)
	}
	return s, nil
}

// Close closes the folder; its files stay.
func (s *Spool) Close() error { return s.root.Close() }

// scan enters what is there and removes what is not whole.
func (s *Spool) scan() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	list, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, f := range list {
		n, ok := parseName(f.Name())
		info, err := f.Info()
		if !ok || err != nil || !info.Mode().IsRegular() {
			if err := s.root.RemoveAll(f.Name()); err != nil {
				return err
			}
			continue
		}
		e := &entry{name: n, made: info.ModTime(), used: now}
		s.enter(e)
		s.grow(e, info.Size())
	}
	return nil
}

// enter puts an entry in. It needs mu.
func (s *Spool) enter(e *entry) {
	p := s.people[e.name.UID]
	if p == nil {
		p = &person{uploads: map[[16]byte]*entry{}}
		s.people[e.name.UID] = p
	}
	p.uploads[e.name.ID] = e
}

// grow counts n bytes of an entry. It needs mu.
func (s *Spool) grow(e *entry, n int64) {
	e.size += n
	s.people[e.name.UID].bytes += n
	s.cells[e.cell] += n
	s.total += n
}

// remove takes an entry out, with its file. It needs mu.
func (s *Spool) remove(e *entry) error {
	if e.gone {
		return nil
	}
	s.grow(e, -e.size)
	e.gone = true
	p := s.people[e.name.UID]
	if delete(p.uploads, e.name.ID); len(p.uploads) == 0 {
		delete(s.people, e.name.UID)
	}
	if s.cells[e.cell] == 0 {
		delete(s.cells, e.cell)
	}
	file := e.name.file()
	if e.writing {
		file += part
	}
	if err := s.root.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing an upload: %w", err)
	}
	return nil
}

// Open opens a whole upload of a person at an offset, and counts it as used.
// ErrNotFound: there is none, or the offset is behind its end.
func (s *Spool) Open(uid user.ID, id [16]byte, offset int64) (*Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[uid]
	if p == nil || p.uploads[id] == nil || p.uploads[id].writing {
		return nil, ErrNotFound
	}
	e := p.uploads[id]
	if offset < 0 || offset > e.size {
		return nil, ErrNotFound
	}
	f, err := s.root.Open(e.name.file())
	if err == nil {
		if _, err = f.Seek(offset, io.SeekStart); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening an upload: %w", err)
	}
	e.used = time.Now()
	return &Reader{f, e.name.Session, e.size}, nil
}

// Reader reads one upload.
type Reader struct {
	*os.File
	Session SessionHash
	Size    int64 // of all of it
}

// End removes what sessions uploaded.
func (s *Spool) End(sessions ...SessionHash) error {
	ended := map[SessionHash]bool{}
	for _, h := range sessions {
		ended[h] = true
	}
	return s.removeIf(func(e *entry) bool { return ended[e.name.Session] })
}

// Expire removes what was neither made nor used for Life.
func (s *Spool) Expire(now time.Time) error {
	return s.removeIf(func(e *entry) bool { return !e.writing && now.Sub(e.used) > Life })
}

func (s *Spool) removeIf(which func(*entry) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, p := range s.people {
		for _, e := range p.uploads {
			if which(e) {
				errs = append(errs, s.remove(e))
			}
		}
	}
	return errors.Join(errs...)
}

// Sessions are those that have uploads here.
func (s *Spool) Sessions() []SessionHash {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[SessionHash]bool{}
	var out []SessionHash
	for _, p := range s.people {
		for _, e := range p.uploads {
			if !seen[e.name.Session] {
				seen[e.name.Session] = true
				out = append(out, e.name.Session)
			}
		}
	}
	return out
}

// Used is how many uploads there are, and their bytes.
func (s *Spool) Used() (files int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		files += len(p.uploads)
	}
	return files, s.total
}

// roomOnDisk says whether the file system has room for others beside us.
func (s *Spool) roomOnDisk() bool {
	dir, err := s.root.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil {
		return false
	}
	return int64(st.Bavail)*st.Bsize >= s.limits.Free
}
