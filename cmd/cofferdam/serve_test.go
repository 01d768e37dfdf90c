package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofferdam/internal/demo"
)

// logBuffer is what a running program wrote so far.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// waitFor waits until the log says something.
func (b *logBuffer) waitFor(t *testing.T, words string) string {
	t.Helper()
	for end := time.Now().Add(readyBound); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(b.String()) {
			if strings.Contains(line, words) {
				return line
			}
		}
	}
	t.Fatalf("the log does not say %q:\n%s", words, b)
	return ""
}

// TestServe runs an installation through its day: start, a look by doctor, a bad
// and a good reload, the end.
func TestServe(t *testing.T) {
	platform, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	dir := t.TempDir()
	if err := openWay(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "mail.toml")
	web, admin := freeAddress(t), freeAddress(t)
	_, port, err := net.SplitHostPort(web)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`data = %q
[web]
origin = "http://localhost:%s"
listen = [%q]
tls = "off"
[admin]
listen = %q
[unsafe]
online_operator_key = "only a test of serve"
[[platform]]
name = "main"
domains = ["cofferdam.test"]
imap = { address = %q, tls = "none" }
submission = { address = %q, tls = "none" }
`, filepath.Join(dir, "data"), port, web, admin, platform.IMAP, platform.SMTP)
	save := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(text)

	var log logBuffer
	cmd := exec.Command(program(t), "serve", "--config", file)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill() // when the test failed on the way; else it is gone
	log.waitFor(t, `"msg":"ready"`)
	if code, body := get(t, "http://"+admin+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("admin /healthz: %d %q", code, body)
	}
	if code, body := get(t, "http://"+admin+"/metrics"); code != 200 || !strings.Contains(body, `role="gate"`) {
		t.Errorf("admin /metrics: %d %q", code, body)
	}
	out, err := exec.Command(program(t), "doctor", "--config", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "in use, and the Cofferdam of this configuration answers") {
		t.Errorf("doctor beside it: %v\n%s", err, out)
	}

	hangUp := func() {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	save(strings.Replace(text, "tls = \"off\"", "tsl = \"off\"", 1))
	hangUp()
	var fault struct {
		File, Err    string
		Line, Column int
	}
	line := log.waitFor(t, "new configuration refused, the old one stays")
	if err := json.Unmarshal([]byte(line), &fault); err != nil || fault.File != file || fault.Line != 5 || fault.Column != 1 || fault.Err != "unknown key web.tsl" {
		t.Errorf("the fault is told as %+v, %v: %s", fault, err, line)
	}
	save(strings.Replace(text, "[web]\n", "[web]\nname = \"Another name\"\n", 1))
	hangUp()
	log.waitFor(t, "new configuration taken")
	if _, body := get(t, "http://localhost:"+port+"/api/signin"); !strings.Contains(body, "Another name") {
		t.Errorf("gate did not take the new name: %s", body)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("serve ended with %v\n%s", err, &log)
		}
	case <-time.After(readyBound):
		t.Errorf("serve does not end\n%s", &log)
	}
}
