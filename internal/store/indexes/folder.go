package indexes

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cofferdam/internal/user"
)

// Errors that callers decide by.
var (
	// ErrNotFound says that a person has no index here.
	ErrNotFound = errors.New("no index")
	// ErrFull says that there is no room.
	ErrFull = errors.New("no room for indexes")
)

const part = ".part"

func fileOf(uid user.ID) string { return hex.EncodeToString(uid[:]) }

func parseFile(name string) (uid user.ID, ok bool) {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != len(uid) {
		return uid, false
	}
	copy(uid[:], b)
	return uid, fileOf(uid) == name
}

// Folder is the folder.
type Folder struct {
	root   *os.Root
	limits Limits

	mu      sync.Mutex // guards the rest
	files   map[user.ID]*file
	total   int64 // bytes, those being written included
	writing map[user.ID]bool
}

// file is a whole index.
type file struct {
	size int64
	used time.Time // written or read
}

// Open opens the folder at path, which is made if it is not there.
func Open(path string, limits Limits) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of indexes: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of indexes: %w", err)
	}
	f := &Folder{root: root, limits: limits, files: map[user.ID]*file{}, writing: map[user.ID]bool{}}
	if err := f.scan(); err != nil {
		root.Close()
		return nil, fmt.Errorf("reading the folder of indexes: %w", err)
	}
	return f, nil
}

// Close closes the folder; its files stay.
func (f *Folder) Close() error { return f.root.Close() }

// scan enters what is there and removes what is not whole.
func (f *Folder) scan() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	list, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range list {
		uid, ok := parseFile(e.Name())
		info, err := e.Info()
		if !ok || err != nil || !info.Mode().IsRegular() {
			if err := f.root.RemoveAll(e.Name()); err != nil {
				return err
			}
			continue
		}
		f.files[uid] = &file{info.Size(), info.ModTime()}
		f.total += info.Size()
	}
	return nil
}

// Get opens a person's index, and counts it as used.
func (f *Folder) Get(uid user.ID) (r io.ReadCloser, size int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	have := f.files[uid]
	if have == nil {
		return nil, 0, ErrNotFound
	}
	in, err := f.root.Open(fileOf(uid))
	if err != nil {
		return nil, 0, fmt.Errorf("opening an index: %w", err)
	}
	have.used = time.Now()
	_ = f.root.Chtimes(fileOf(uid), have.used, have.used) // else it counts as older at the next start
	return in, have.size, nil
}

// Remove removes a person's index, if there is one.
func (f *Folder) Remove(uid user.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.remove(uid)
}

// remove needs mu.
func (f *Folder) remove(uid user.ID) error {
	have := f.files[uid]
	if have == nil {
		return nil
	}
	if err := f.root.Remove(fileOf(uid)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing an index: %w", err)
	}
	f.total -= have.size
	delete(f.files, uid)
	return nil
}

// Expire removes what nobody used for Life.
func (f *Folder) Expire(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for uid, have := range f.files {
		if now.Sub(have.used) > Life {
			errs = append(errs, f.remove(uid))
		}
	}
	return errors.Join(errs...)
}

// Used is how many indexes there are, and their bytes.
func (f *Folder) Used() (files int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.files), f.total
}

// roomOnDisk says whether the file system has room for others beside us.
func (f *Folder) roomOnDisk() bool {
	dir, err := f.root.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil {
		return false
	}
	return int64(st.Bavail)*st.Bsize >= f.limits.Free
}
