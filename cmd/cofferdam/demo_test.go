package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readyBound is generous: the machine may be busy with other tests. The time is
// logged, and on an idle machine it is below 3 s.
const readyBound = 30 * time.Second

// runningDemo is a demo that was started as a person would.
type runningDemo struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	tmp    string
	ended  chan error

	URL   string     `json:"url"`
	Users []demoUser `json:"users"`
}

func startDemo(t *testing.T, args ...string) *runningDemo {
	t.Helper()
	d := &runningDemo{tmp: t.TempDir(), ended: make(chan error, 1)}
	if err := openWay(d.tmp); err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(program(t), append([]string{"demo", "--listen", "127.0.0.1:0", "--json"}, args...)...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.tmp)
	d.cmd.Stderr = &d.stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.stop(t) })
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
		d.ended <- d.cmd.Wait()
	}()
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), d); err != nil {
			t.Fatalf("the demo printed %q: %v\n%s", text, err, &d.stderr)
		}
	case <-time.After(readyBound):
		t.Fatalf("the demo is not ready after %s\n%s", readyBound, &d.stderr)
	}
	t.Logf("ready after %d ms", time.Since(began).Milliseconds())
	return d
}

// stop ends the demo with SIGTERM; a second call does nothing.
func (d *runningDemo) stop(t *testing.T) {
	t.Helper()
	if d.ended == nil {
		return
	}
	for range 2 { // as timeout(1) does; the second must not cut the end short
		if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Logf("the demo had ended already: %v", err)
		}
	}
	select {
	case err := <-d.ended:
		if err != nil {
			t.Errorf("the demo ended with %v\n%s", err, &d.stderr)
		}
	case <-time.After(readyBound):
		t.Errorf("the demo does not end\n%s", &d.stderr)
		if err := d.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-d.ended
	}
	d.ended = nil
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestDemoStartsAnswersAndLeavesNothing(t *testing.T) {
	d := startDemo(t)
	if len(d.Users) < 2 || d.Users[0].Address == "" || d.Users[0].Password == "" {
		t.Fatalf("logins: %+v", d.Users)
	}
	if code, body := get(t, d.URL+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	if code, body := get(t, d.URL+"/"); code != http.StatusOK || !strings.Contains(body, "<script") {
		t.Errorf("the page: %d %q", code, body)
	}
	d.stop(t)
	left, err := os.ReadDir(d.tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v, %v", left, err)
	}
}

// TestReadmeCommand runs the command of the README as it stands there, with the
// demo's own address and login in its first line.
func TestReadmeCommand(t *testing.T) {
	d := startDemo(t)
	lines := strings.Split(readmeBlock(t), "\n")
	if !strings.HasPrefix(lines[0], "URL=") {
		t.Fatalf("the first line of the README's command is %q", lines[0])
	}
	lines[0] = "URL=" + d.URL + " LOGIN=" + d.Users[0].Address + " PASSWORD=" + d.Users[0].Password
	ctx, cancel := context.WithTimeout(t.Context(), readyBound)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sh", "-euc", strings.Join(lines, "\n")).Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, &d.stderr)
	}
	var answer struct {
		MethodResponses [][]json.RawMessage `json:"methodResponses"`
	}
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.MethodResponses) != 2 {
		t.Fatalf("%v: %s\n%s", err, out, &d.stderr)
	}
	var found struct{ IDs []string }
	var got struct {
		List []struct{ ID, Subject, ReceivedAt string }
	}
	if err := errors.Join(json.Unmarshal(answer.MethodResponses[0][1], &found), json.Unmarshal(answer.MethodResponses[1][1], &got)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(found.IDs) != 5 || len(got.List) != 5 {
		t.Fatalf("%d ids, %d mails, want 5: %s", len(found.IDs), len(got.List), out)
	}
	for _, m := range got.List { // in any order: RFC 8620, section 5.1
		if !slices.Contains(found.IDs, m.ID) || m.ReceivedAt == "" || m.Subject == "" {
			t.Errorf("not one of the mails that were asked for, whole: %+v", m)
		}
	}
}

func readmeBlock(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "as it stands -->\n```sh\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the README has no marked command")
	}
	return strings.TrimSpace(block)
}

// TestDemoKeepsItsFolder: with --data a second start has the same logins.
func TestDemoKeepsItsFolder(t *testing.T) {
	data := t.TempDir()
	if err := openWay(data); err != nil {
		t.Fatal(err)
	}
	first := startDemo(t, "--data", data)
	first.stop(t)
	second := startDemo(t, "--data", data)
	if first.Users[0] != second.Users[0] {
		t.Errorf("login %+v became %+v", first.Users[0], second.Users[0])
	}
}
