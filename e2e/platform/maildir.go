package platform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// MaildirSpec says which mails to make out of the shared corpus.
type MaildirSpec struct {
	// Count makes so many mails; 0 takes every corpus mail once, unchanged.
	Count int
	// Folders are weights such as "INBOX=60,Archive=40"; "" is INBOX alone.
	Folders string
	// Classes of the corpus, "all" or a list of folders; "" is the tool's default.
	Classes string
	// Seed changes the choice; "" is the tool's default.
	Seed string
	// More are further arguments of make_maildir.py.
	More []string
}

// Maildir returns a directory with the mails of spec, made by the shared corpus'
// make_maildir.py when asked for the first time and kept in the user's cache
// directory. The directory is read-only: give it to a User, who gets a copy.
// Where corpus or Python is missing, the test is skipped or fails as in Require.
func Maildir(t testing.TB, spec MaildirSpec) string {
	t.Helper()
	Require(t, Python)
	tool := filepath.Join(Shared(t), "tools", "make_maildir.py")
	dir, err := cachedMaildir(t.Context(), tool, spec)
	if err != nil {
		t.Fatalf("making a Maildir: %v", err)
	}
	return dir
}

// Shared returns the folder of test material shared by all checkouts: ../shared
// beside the repository, or COFFERDAM_SHARED. The test is skipped (or fails, see
// Require) where it is absent.
func Shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "corpus")); err != nil {
		Unmet(t, "no shared corpus beside the repository (COFFERDAM_SHARED names another place): "+err.Error())
	}
	return dir
}

func (s MaildirSpec) args(out, corpus string) []string {
	args := []string{"--out", out, "--corpus", corpus}
	if s.Count > 0 {
		args = append(args, "--count", strconv.Itoa(s.Count))
	} else {
		args = append(args, "--once")
	}
	for _, a := range []struct{ flag, value string }{
		{"--folders", s.Folders}, {"--classes", s.Classes}, {"--seed", s.Seed},
	} {
		if a.value != "" {
			args = append(args, a.flag, a.value)
		}
	}
	return append(args, s.More...)
}

// key names the result: same tool, same arguments, same mails.
func (s MaildirSpec) key(tool string) (string, error) {
	text, err := os.ReadFile(tool)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", s.args("", ""))
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}

// cachedMaildir makes the mails once, whoever asks first; others wait.
func cachedMaildir(ctx context.Context, tool string, s MaildirSpec) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	key, err := s.key(tool)
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "cofferdam-e2e")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(root, key+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(root, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	making := dir + ".making"
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	corpus := filepath.Join(filepath.Dir(tool), "..", "corpus")
	cmd := exec.CommandContext(ctx, Python.program, append([]string{tool}, s.args(making, corpus)...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	if err := seal(making); err != nil {
		return "", err
	}
	return dir, os.Rename(making, dir)
}

// lockFile waits for an advisory lock; it dies with the process.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// seal makes all mails readable by everybody and writable by nobody.
func seal(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(name, 0o444)
	})
}

// cloneMaildir makes the directories of src again under dst, owned by uid, and
// links the mails; across file systems it copies them.
func cloneMaildir(src, dst string, uid, gid int) error {
	return filepath.WalkDir(src, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		if !d.IsDir() {
			return linkOrCopy(name, to)
		}
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
		return os.Chown(to, uid, gid)
	})
}

func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	// Dovecot takes the time of arrival from the file.
	return errors.Join(out.Close(), os.Chtimes(to, st.ModTime(), st.ModTime()))
}
