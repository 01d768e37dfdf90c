package system

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"cofferdam/e2e/platform"
)

// Variable names a binary that is built already.
const Variable = "COFFERDAM_BIN"

// BreakInTag is the build tag of the binary that lets an intruder in.
const BreakInTag = "cofferdam_breakin"

// builds are the binaries of this test process, by build tag.
var builds struct {
	mu   sync.Mutex // guards the rest
	dir  string
	made map[string]func() (string, error)
}

// Main runs a package's tests and removes what was built for them.
func Main(m *testing.M) int {
	defer func() {
		builds.mu.Lock()
		defer builds.mu.Unlock()
		if builds.dir != "" {
			os.RemoveAll(builds.dir)
		}
	}()
	return m.Run()
}

// Binary is the product as it is shipped: static, client included. COFFERDAM_BIN
// names one that is there; else it is built once. Without a built client the
// test is skipped or fails as platform.Require does.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(Variable); path != "" {
		return path
	}
	return build(t, "./cmd/cofferdam", "")
}

// BreakInBinary is the product with an intruder inside (internal/breakin).
func BreakInBinary(t testing.TB) string {
	t.Helper()
	return build(t, "./cmd/cofferdam", BreakInTag)
}

func build(t testing.TB, pkg, tag string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root(), "web", "dist", "index.html")); err != nil {
		platform.Unmet(t, "the web client is not built: make web")
	}
	key := pkg + " " + tag
	builds.mu.Lock()
	if builds.made == nil {
		builds.made = map[string]func() (string, error){}
	}
	if builds.made[key] == nil {
		builds.made[key] = sync.OnceValues(func() (string, error) { return buildOnce(pkg, tag) })
	}
	once := builds.made[key]
	builds.mu.Unlock()
	path, err := once()
	if err != nil {
		t.Fatalf("building %s: %v", key, err)
	}
	return path
}

func buildOnce(pkg, tag string) (string, error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, strings.Join([]string{filepath.Base(pkg), tag}, "-"))
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tag, "-o", path, pkg)
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

// buildDir can be entered by everybody: servers run as other users.
func buildDir() (string, error) {
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if builds.dir != "" {
		return builds.dir, nil
	}
	dir, err := os.MkdirTemp("", "cfb")
	if err != nil {
		return "", err
	}
	builds.dir = dir
	return dir, errors.Join(os.Chmod(dir, 0o755))
}

// root is the repository.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
