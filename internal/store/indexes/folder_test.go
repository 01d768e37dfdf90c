package indexes

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/user"
)

var ada, ben, cleo = user.ID{1}, user.ID{2}, user.ID{3}

func open(t *testing.T, dir string, l Limits) *Folder {
	t.Helper()
	f, err := Open(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func put(f *Folder, uid user.ID, text string) error {
	w, err := f.Create(uid)
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

func get(t *testing.T, f *Folder, uid user.ID) string {
	t.Helper()
	r, size, err := f.Get(uid)
	if errors.Is(err, ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("%d bytes of %d, %v", len(b), size, err)
	}
	return string(b)
}

func want(t *testing.T, f *Folder, texts map[user.ID]string) {
	t.Helper()
	for uid, text := range texts {
		if got := get(t, f, uid); got != text {
			t.Errorf("%x has %q, want %q", uid[:1], got, text)
		}
	}
}

func TestIndexIsReplacedAtOnce(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, Limits{Total: 100})
	if err := errors.Join(put(f, ada, "one"), put(f, ben, "other")); err != nil {
		t.Fatal(err)
	}
	w, err := f.Create(ada)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("tw")); err != nil {
		t.Fatal(err)
	}
	want(t, f, map[user.ID]string{ada: "one"})
	if _, err := f.Create(ada); !errors.Is(err, ErrFull) {
		t.Errorf("two at once: %v", err)
	}
	if _, err := w.Write([]byte("o")); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	w, err = f.Create(ben)
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	want(t, f, map[user.ID]string{ada: "two", ben: "other", cleo: ""})
	if n, size := f.Used(); n != 2 || size != 8 {
		t.Errorf("%d files, %d bytes", n, size)
	}
	if err := f.Remove(ada); err != nil {
		t.Fatal(err)
	}
	want(t, f, map[user.ID]string{ada: "", ben: "other"})
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files lie there", len(list))
	}
}

func TestFolderIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, Limits{Total: 100})
	if err := put(f, ada, "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(ben); err != nil { // and then the process dies
		t.Fatal(err)
	}
	for _, name := range []string{"something", strings.Repeat("AB", 16), "core"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, dir, Limits{Total: 100})
	want(t, again, map[user.ID]string{ada: "one", ben: ""})
	if n, size := again.Used(); n != 1 || size != 3 {
		t.Errorf("%d files, %d bytes", n, size)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files lie there", len(list))
	}
	if err := put(again, ben, "x"); err != nil {
		t.Errorf("after a write that broke off: %v", err)
	}
}

func TestLimits(t *testing.T) {
	f := open(t, t.TempDir(), Limits{Total: 10})
	for _, uid := range []user.ID{ada, ben} {
		if err := put(f, uid, "1234"); err != nil {
			t.Fatal(err)
		}
	}
	get(t, f, ada) // now ben's is the older one
	if err := put(f, cleo, "12345"); err != nil {
		t.Fatal(err)
	}
	want(t, f, map[user.ID]string{ada: "1234", ben: "", cleo: "12345"})
	if err := put(f, cleo, "12345678901"); !errors.Is(err, ErrFull) {
		t.Errorf("more than the whole folder: %v", err)
	}
	want(t, f, map[user.ID]string{cleo: "12345"})
	full := open(t, t.TempDir(), Limits{Total: 10, Free: 1 << 62})
	if err := put(full, ada, "1"); !errors.Is(err, ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
}

func TestExpire(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, Limits{Total: 10})
	if err := errors.Join(put(f, ada, "1"), put(f, ben, "2")); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-Life - time.Hour)
	if err := os.Chtimes(filepath.Join(dir, fileOf(ada)), old, old); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir, Limits{Total: 10})
	if err := f.Expire(time.Now()); err != nil {
		t.Fatal(err)
	}
	want(t, f, map[user.ID]string{ada: "", ben: "2"})
}
