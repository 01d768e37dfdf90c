package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

func TestMain(m *testing.M) { os.Exit(system.Main(m)) }

// TestDemo walks the demo: two people, mail between them, sign-in and out, URLs.
func TestDemo(t *testing.T) {
	ready(t)
	playwright(t, startDemo(t), "demo")
}

// TestMail works on real Dovecot and Postfix: thousands of real mails in one
// inbox, 100,000 in another, and everything that a person does with mail.
func TestMail(t *testing.T) {
	ready(t, platform.Dovecot, platform.LMTP, platform.Postfix)
	s := startServer(t)
	for _, project := range []string{"mail", "many", "hostile"} {
		t.Run(project, func(t *testing.T) { playwright(t, s, project) })
	}
}

// TestShots writes pictures of the main screens into shots/: npm run shots.
func TestShots(t *testing.T) {
	if os.Getenv("COFFERDAM_SHOTS") == "" {
		t.Skip("pictures are made on demand: npm run shots")
	}
	ready(t)
	playwright(t, startDemo(t), "shots")
}

// TestHold starts the stack for somebody who writes specs: npm run stack.
func TestHold(t *testing.T) {
	kind := os.Getenv("COFFERDAM_HOLD")
	if kind == "" {
		t.Skip("the stack is held on demand: npm run stack")
	}
	start := startServer
	if kind == "demo" {
		start = startDemo
	}
	text, err := json.Marshal(start(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t.Logf("ready; Ctrl-C ends it\nexport COFFERDAM_STACK='%s'", text)
	<-ctx.Done()
}

// ready skips or fails the test unless all is there that it needs.
func ready(t *testing.T, needs ...platform.Need) {
	t.Helper()
	platform.Require(t, append(needs, platform.Chromium)...)
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			platform.Unmet(t, program+" is missing: apt-get install nodejs npm")
		}
	}
	// What npm ci leaves when it is through; the lock file may be newer.
	if _, err := os.Stat(filepath.Join(here(), "node_modules", ".package-lock.json")); err == nil {
		return
	}
	if out, err := run(t, installTimeout, nil, "npm", "ci", "--no-audit", "--no-fund"); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}

// playwright runs one project and passes its report on.
func playwright(t *testing.T, s stack, project string) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, projectTimeout, []string{"COFFERDAM_STACK=" + string(text)},
		filepath.Join("node_modules", ".bin", "playwright"), "test", "--project="+project)
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Errorf("playwright: %v", err)
	}
}

// run runs a program in this folder, and ends it and all it started after the
// time given.
func run(t *testing.T, limit time.Duration, env []string, name string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = here()
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	out, err := cmd.CombinedOutput()
	return out, errors.Join(err, ctx.Err())
}

// here is the folder of this file.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}
