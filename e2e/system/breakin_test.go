package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/sandbox/sandboxtest"
)

// A defence is a set of sandbox layers that the roles are started with.
type defence struct {
	name    string
	without string // for COFFERDAM_BREAKIN_WITHOUT
	// mustHold says whether it has to hold against the attempt.
	mustHold func(sandboxtest.Attempt) bool
}

func defences() []defence {
	everything := func(sandboxtest.Attempt) bool { return true }
	return []defence{
		{"all layers", "", everything},
		{"none", "all", nil},
		{"network namespace alone", "all,!network-namespace", func(a sandboxtest.Attempt) bool {
			return a.Class == sandboxtest.Network || a.Name == "unix socket by abstract name"
		}},
		{"seccomp alone", "all,!seccomp", everything},
	}
}

const (
	// breakInCells share the deadly attempts: a role that dies often is started
	// again with a growing pause.
	breakInCells = 6
	// attemptTime is above what a role may take to be back before it hears of the
	// attempt: 15 s until it is ready, 5 s of pause, and that again.
	attemptTime = 60 * time.Second
)

// TestBreakIn makes every attempt of the list from inside of a running cell and a
// running render, as root and unprivileged (issue: "must show" 4). It prints the
// tables.
func TestBreakIn(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2})
	for name, uid := range starters(t) {
		t.Run(name, func(t *testing.T) {
			table := map[string]map[string]map[string]sandboxtest.Outcome{"cell": {}, "render": {}}
			var columns []string
			for _, d := range defences() {
				columns = append(columns, d.name)
				b := startBreakIn(t, p, d, uid)
				for kind := range table {
					table[kind][d.name] = b.all(t, kind)
				}
				b.stop(t)
			}
			for kind, outcomes := range table {
				t.Logf("break-in from a running %s, started as %s\n%s", kind, name, sandboxtest.Table(columns, outcomes))
			}
		})
	}
}

// breakIn is one server with an intruder in its roles.
type breakIn struct {
	defence defence
	uid     int
	server  *Server
	targets map[string]sandboxtest.Targets // by kind of role: each has a victim of its own
	closers []func()
	missing map[string]string // layers that the machine refused, by kind
}

func startBreakIn(t *testing.T, p *platform.Platform, d defence, uid int) *breakIn {
	t.Helper()
	b := &breakIn{defence: d, uid: uid, targets: map[string]sandboxtest.Targets{}, missing: map[string]string{}}
	targets := b.openTargets(t)
	for _, kind := range []string{"cell", "render"} {
		b.targets[kind] = b.withVictim(t, targets)
	}
	b.server = Start(t, p, Options{Binary: BreakInBinary(t), UID: uid, Cells: breakInCells, Renders: 1,
		Env: []string{"COFFERDAM_BREAKIN_WITHOUT=" + d.without}})
	for _, r := range b.server.Log.Records(0) {
		if r.Text("msg") == "sandbox layer missing" {
			kind, _, _ := strings.Cut(r.Text("role"), "/")
			b.missing[kind] = r.Text("layer") + ": " + r.Text("kernel")
		}
	}
	return b
}

func (b *breakIn) stop(t *testing.T) {
	t.Helper()
	if err := b.server.Stop(); err != nil {
		t.Errorf("stopping under %s: %v", b.defence.name, err)
	}
	for _, c := range b.closers {
		c()
	}
}

// openTargets makes what the intruder aims at, as things of the server's user.
func (b *breakIn) openTargets(t *testing.T) sandboxtest.Targets {
	t.Helper()
	dir, err := os.MkdirTemp("", "cft")
	if err != nil {
		t.Fatal(err)
	}
	b.closers = append(b.closers, func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	targets, done, err := sandboxtest.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	b.closers = append(b.closers, done)
	if b.uid != 0 {
		if err := os.Chown(targets.Config, b.uid, b.uid); err != nil {
			t.Fatal(err)
		}
	}
	return targets
}

// withVictim starts a process of the server's user for the intruder to reach
// into.
func (b *breakIn) withVictim(t *testing.T, targets sandboxtest.Targets) sandboxtest.Targets {
	t.Helper()
	cmd := exec.Command(build(t, "./internal/sandbox/sandboxtest/prisoner", BreakInTag), "victim")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if b.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(b.uid), Gid: uint32(b.uid)}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.closers = append(b.closers, func() { in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() }) // a traced one does not end by itself
	targets.Victim = cmd.Process.Pid
	if _, err := fmt.Fscan(out, &targets.VictimAddr); err != nil {
		t.Fatalf("starting the victim: %v", err)
	}
	return targets
}

// all makes every attempt in roles of one kind: the harmless ones in the first,
// the deadly ones spread over the others, a role at a time.
func (b *breakIn) all(t *testing.T, kind string) map[string]sandboxtest.Outcome {
	t.Helper()
	queues := make([][]sandboxtest.Attempt, breakInCells)
	deadly := 0
	for _, a := range sandboxtest.Attempts() {
		q := 0
		if a.Deadly {
			q = 1 + deadly%(breakInCells-1)
			deadly++
		}
		queues[q] = append(queues[q], a)
	}
	out := map[string]sandboxtest.Outcome{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, q := range queues {
		name := fmt.Sprintf("%s/%d", kind, i)
		if kind == "render" {
			name += ".0"
		}
		wg.Go(func() {
			for _, a := range q {
				o, err := b.try(t.Context(), name, a)
				if err != nil {
					t.Errorf("%s in %s under %s: %v", a.Name, name, b.defence.name, err)
					continue
				}
				mu.Lock()
				out[a.Name] = b.judge(t, kind, a, o)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// try makes one attempt in a running role. A role that dies of it shows in the
// supervisor's log how: killed by the kernel, or gone because another program ran
// in its place.
func (b *breakIn) try(ctx context.Context, role string, a sandboxtest.Attempt) (sandboxtest.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	kind, _, _ := strings.Cut(role, "/")
	from := b.server.Log.Len()
	status, text, err := b.server.order(ctx, role, "attempt", map[string]any{"name": a.Name, "targets": b.targets[kind]})
	var o sandboxtest.Outcome
	if err == nil && status == http.StatusOK && json.Unmarshal(text, &o) == nil {
		return o, nil
	}
	if err == nil && status != http.StatusBadGateway && status != http.StatusOK {
		return o, fmt.Errorf("the role answered %d: %s", status, text)
	}
	// One that was killed because it did not get ready in time had not heard of the
	// attempt: its successor has, or will.
	end, ok := b.server.Log.Wait(ctx, from, func(r Record) bool {
		return r.Text("msg") == "role ended" && r.Text("role") == role && !strings.Contains(r.Text("err"), "signal: killed")
	})
	if !ok {
		return o, fmt.Errorf("no answer (%d %q, %v), and the role did not end:\n%s", status, text, err, strings.Join(b.server.Log.From(from), "\n"))
	}
	switch how := end.Text("err"); {
	case strings.Contains(how, "bad system call"):
		return sandboxtest.Outcome{Name: a.Name, Verdict: sandboxtest.Killed, Words: "bad system call"}, nil
	case how == "" && strings.HasPrefix(a.Name, "exec"):
		return sandboxtest.Outcome{Name: a.Name, Verdict: sandboxtest.BrokeOut}, nil
	default:
		return o, fmt.Errorf("the role ended: %q", how)
	}
}

// judge asserts one outcome and returns what stands in the table.
func (b *breakIn) judge(t *testing.T, kind string, a sandboxtest.Attempt, o sandboxtest.Outcome) sandboxtest.Outcome {
	d := b.defence
	if d.mustHold == nil {
		o = a.Undefended(o, b.uid == 0 && os.Geteuid() == 0)
		if o.Verdict.Held() {
			t.Errorf("%s in a %s with no defence: %s (%s); the attempt proves nothing", a.Name, kind, o.Verdict, o.Words)
		}
		return o
	}
	if !d.mustHold(a) {
		return o
	}
	if missing := b.missing[kind]; missing != "" && d.without != "" {
		t.Logf("this machine refuses a layer that %s is about: %s", d.name, missing)
		return sandboxtest.Outcome{Name: a.Name, Verdict: sandboxtest.NotApplicable, Words: missing}
	}
	if !o.Verdict.Held() {
		t.Errorf("%s in a %s under %s: %s", a.Name, kind, d.name, o.Verdict)
	}
	if a.Deadly && d.name == "seccomp alone" && o.Verdict != sandboxtest.Killed {
		t.Errorf("%s in a %s under %s: %s (%s), want the process killed", a.Name, kind, d.name, o.Verdict, o.Words)
	}
	return o
}

// order tells the intruder in a role what to do.
func (s *Server) order(ctx context.Context, role, what string, in any) (int, []byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Admin+"/breakin/"+what+"?role="+url.QueryEscape(role), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, text, err
}

// TestNormalBuildHasNoBreakIn looks into the binary that is shipped: neither the
// attempts nor the doors of the test build are in it, and it answers none.
func TestNormalBuildHasNoBreakIn(t *testing.T) {
	normal, err := os.ReadFile(Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	test, err := os.ReadFile(BreakInBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"COFFERDAM_BREAKIN_WITHOUT", "/breakin/attempt", "sandboxtest", "another program runs"} {
		if bytes.Contains(normal, []byte(word)) {
			t.Errorf("the shipped binary holds %q", word)
		}
		if !bytes.Contains(test, []byte(word)) {
			t.Errorf("control: the test build does not hold %q", word)
		}
	}
	info, err := exec.Command("go", "version", "-m", Binary(t)).CombinedOutput()
	if err == nil && !slices.Contains(strings.Fields(string(info)), "CGO_ENABLED=0") {
		t.Errorf("%s is not a static build:\n%s", filepath.Base(Binary(t)), info)
	}
}
