package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/user"
)

var (
	ada   = user.ID{1}
	ben   = user.ID{2}
	small = Limits{Person: 100, PersonFiles: 3, Cell: 250, Total: 300}
)

func open(t *testing.T, dir string, l Limits) *Spool {
	t.Helper()
	s, err := Open(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *Spool, n Name, size int) error {
	t.Helper()
	w, err := s.Create(n, "cell/0")
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(strings.Repeat("x", size))); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

func name(uid user.ID, session, id byte) Name {
	return Name{UID: uid, Session: SessionHash{session}, ID: [16]byte{id}}
}

// has says which of ids a person has.
func has(s *Spool, uid user.ID, ids ...byte) (out []byte) {
	for _, id := range ids {
		if r, err := s.Open(uid, [16]byte{id}, 0); err == nil {
			r.Close()
			out = append(out, id)
		}
	}
	return out
}

func files(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestUploadIsReadBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	w, err := s.Create(name(ada, 1, 1), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{"one ", "two"} {
		if _, err := io.WriteString(w, b); err != nil {
			t.Fatal(err)
		}
	}
	if got := has(s, ada, 1); got != nil {
		t.Error("an upload that is not whole can be opened")
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ada, [16]byte{1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "two" || r.Size != 7 || r.Session != (SessionHash{1}) {
		t.Errorf("read %q of %d, session %x, %v", b, r.Size, r.Session[:1], err)
	}
	if _, err := s.Open(ben, [16]byte{1}, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("opened by another person: %v", err)
	}
	for _, offset := range []int64{-1, 8} {
		if _, err := s.Open(ada, [16]byte{1}, offset); !errors.Is(err, ErrNotFound) {
			t.Errorf("opened at %d: %v", offset, err)
		}
	}
	if err := put(t, s, name(ada, 2, 1), 1); !errors.Is(err, os.ErrExist) {
		t.Errorf("an id is taken twice: %v", err)
	}
}

// RFC 8620, section 6: over quota the oldest go first, until there is room.
func TestOldestGoFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	for id := byte(1); id <= 3; id++ {
		if err := put(t, s, name(ada, 1, id), 30); err != nil {
			t.Fatal(err)
		}
	}
	has(s, ada, 1) // that it is used makes it no younger
	if err := put(t, s, name(ada, 1, 4), 10); err != nil {
		t.Fatal(err)
	}
	if got := has(s, ada, 1, 2, 3, 4); !slices.Equal(got, []byte{2, 3, 4}) {
		t.Errorf("after a fourth file there are %v", got)
	}
	if err := put(t, s, name(ada, 1, 5), 90); err != nil {
		t.Fatal(err)
	}
	if got := has(s, ada, 2, 3, 4, 5); !slices.Equal(got, []byte{4, 5}) {
		t.Errorf("after one of 90 bytes there are %v", got)
	}
	if n := files(t, dir); n != 2 {
		t.Errorf("%d files lie there", n)
	}
}

func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	if err := put(t, s, name(ada, 1, 1), 101); !errors.Is(err, ErrFull) {
		t.Errorf("more than a person may have: %v", err)
	}
	// What is being written is not taken away for another.
	w, err := s.Create(name(ada, 1, 2), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, name(ada, 1, 3), 60); !errors.Is(err, ErrFull) {
		t.Errorf("beside one that is being written: %v", err)
	}
	if err := put(t, s, name(ben, 1, 1), 100); err != nil {
		t.Errorf("another person: %v", err)
	}
	if err := put(t, s, name(user.ID{3}, 1, 1), 100); !errors.Is(err, ErrFull) {
		t.Errorf("more than a cell may have: %v", err)
	}
	w.Abort()
	if n, bytes := s.Used(); n != 1 || bytes != 100 || files(t, dir) != 1 {
		t.Errorf("%d uploads, %d bytes, %d files are left", n, bytes, files(t, dir))
	}
	full := open(t, t.TempDir(), Limits{Person: 1, PersonFiles: 1, Cell: 1, Total: 1, Free: 1 << 62})
	if err := put(t, full, name(ada, 1, 1), 1); !errors.Is(err, ErrFull) {
		t.Errorf("the file system has less than it must keep: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	for id := byte(1); id <= 2; id++ {
		if err := put(t, s, name(ada, id, id), 10); err != nil {
			t.Fatal(err)
		}
	}
	w, err := s.Create(name(ada, 1, 3), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Sessions()); got != 2 {
		t.Errorf("%d sessions have uploads", got)
	}
	if err := s.End(SessionHash{1}, SessionHash{9}); err != nil {
		t.Fatal(err)
	}
	if got := has(s, ada, 1, 2, 3); !slices.Equal(got, []byte{2}) || files(t, dir) != 1 {
		t.Errorf("after the end of session 1 there are %v, %d files", got, files(t, dir))
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, ErrNotFound) {
		t.Errorf("written after the end of the session: %v", err)
	}
	if err := w.Commit(); !errors.Is(err, ErrNotFound) || files(t, dir) != 1 {
		t.Errorf("kept after the end of the session: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	s := open(t, t.TempDir(), small)
	for id := byte(1); id <= 2; id++ {
		if err := put(t, s, name(ada, 1, id), 10); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	if err := s.Expire(now.Add(time.Hour)); err != nil || len(has(s, ada, 1, 2)) != 2 {
		t.Fatalf("within the hour: %v", err)
	}
	s.people[ada].uploads[[16]byte{1}].used = now.Add(-Life)
	if err := s.Expire(now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := has(s, ada, 1, 2); !slices.Equal(got, []byte{2}) {
		t.Errorf("there are %v", got)
	}
}

// What a process left that was killed: whole uploads are found again.
func TestOpenAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	if err := put(t, s, name(ada, 1, 1), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(name(ada, 1, 2), "cell/0"); err != nil {
		t.Fatal(err)
	}
	for _, stray := range []string{"x", strings.ToUpper(name(ben, 1, 0xab).file()), name(ben, 1, 1).file() + ".x"} {
		if err := os.WriteFile(filepath.Join(dir, stray), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, dir, small)
	if got := has(again, ada, 1, 2); !slices.Equal(got, []byte{1}) || files(t, dir) != 1 {
		t.Errorf("there are %v, %d files", got, files(t, dir))
	}
	if n, bytes := again.Used(); n != 1 || bytes != 10 {
		t.Errorf("%d uploads of %d bytes are counted", n, bytes)
	}
}
