package system

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// Server is one running installation.
type Server struct {
	Dir    string // configuration and data
	Origin string // https://localhost:PORT
	Admin  string // host:port of health and metrics
	Log    *Log

	web    string // host:port
	roots  *x509.CertPool
	binary string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	err    error         // of its end, valid after exited
}

// Start runs the product for the length of a test and prints its log if the test
// fails.
func Start(t testing.TB, p *platform.Platform, o Options) *Server {
	t.Helper()
	for i := 1; ; i++ {
		s := Prepare(t, p, o)
		err := s.Launch(t.Context(), o)
		if err == nil {
			return s
		}
		if i == startAttempts || !strings.Contains(s.Log.Tail(logShown), "address already in use") {
			t.Fatalf("starting the server: %v\n%s", err, s.Log.Tail(logShown))
		}
	}
}

// Prepare writes the configuration and starts nothing.
func Prepare(t testing.TB, p *platform.Platform, o Options) *Server {
	t.Helper()
	if o.Binary == "" {
		o.Binary = Binary(t)
	}
	if o.UID != 0 && os.Geteuid() != 0 {
		platform.Unmet(t, "starting a server as another user needs root")
	}
	dir, err := os.MkdirTemp("", "cfs")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Dir: dir, Log: newLog(), binary: o.Binary}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
		if t.Failed() {
			t.Logf("server's log:\n%s", s.Log.Tail(logShown))
		}
		os.RemoveAll(dir)
	})
	// Roles under user ids of their own must get through to their folders.
	if err := errors.Join(os.Chmod(dir, 0o711), s.configuration(p, o), s.giveTo(o.UID)); err != nil {
		t.Fatal(err)
	}
	return s
}

// giveTo makes a user own the folder, as an unprivileged operator would.
func (s *Server) giveTo(uid int) error {
	if uid == 0 {
		return nil
	}
	return filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
}

// Launch starts serve and waits until every role answers.
func (s *Server) Launch(ctx context.Context, o Options) error {
	cmd := exec.Command(s.binary, "serve", "--config", s.ConfigFile())
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, o.Env...)
	cmd.Dir = s.Dir
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	// Its own group, so that a Ctrl-C at the test drains it by Cleanup; and it
	// ends with us in any case.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if o.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.UID), Gid: uint32(o.UID)}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	return s.WaitHealthy(ctx)
}

// WaitHealthy waits until the admin listener says that every role runs and the
// web listener answers.
func (s *Server) WaitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	browser := s.Browser("")
	defer browser.Close()
	for {
		err := s.healthy(ctx, browser)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended: %w", errors.Join(s.err, errEnded))
		case <-ctx.Done():
			return fmt.Errorf("waiting for health: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("ended while starting")

func (s *Server) healthy(ctx context.Context, browser *Person) error {
	if text, err := s.AdminGet(ctx, "/healthz"); err != nil || text != "ok\n" {
		return fmt.Errorf("admin says %q: %w", text, err)
	}
	_, err := browser.Get(ctx, "/healthz")
	return err
}

// AdminGet asks the operator's listener.
func (s *Server) AdminGet(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(text), err
}

// Stop drains the server and waits for its end. It may be called twice.
func (s *Server) Stop() error {
	if s.cmd == nil {
		return nil
	}
	select {
	case <-s.exited:
		return nil
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.exited:
		return s.err
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill() // its roles die with it
		<-s.exited
		return fmt.Errorf("it did not drain in %v", stopTimeout)
	}
}

// Exited is closed when the process has ended by itself or was stopped.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Run runs another command of the binary with this server's configuration and
// returns what it printed.
func (s *Server) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Dir = s.Dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
