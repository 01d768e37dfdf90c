package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// process is one role that the supervisor keeps running.
type process struct {
	name      string
	sup       *supervisor
	log       *slog.Logger
	listeners map[string]*os.File
	stop      context.CancelFunc
	done      chan struct{} // closed when the process is gone for good
	err       error         // why it never started; valid after done
	ready     chan struct{} // closed when it was ready for the first time
	starts    int

	// Guarded by sup.mu.
	control *ipc.Line // nil while no process runs
	pid     int
	report  sandbox.Report
}

// keep runs the process until ctx ends, again and again.
func (p *process) keep(ctx context.Context) {
	defer close(p.done)
	backoff := firstBackoff
	for fails := 1; ctx.Err() == nil; fails++ {
		began := time.Now()
		err := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if p.hopeless(fails) {
			p.err = err
			return
		}
		ran := time.Since(began)
		if ran > healthyAfter || err == nil && ran > quickEnd { // a clean end, as of a render that retires
			backoff = firstBackoff
		}
		p.log.Warn("role ended", "role", p.name, "ran", ran.Round(time.Millisecond), "err", err, "again", backoff)
		p.sup.restarts.WithLabelValues(kind(p.name)).Inc()
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return
		}
		backoff = min(max(2*backoff, 100*time.Millisecond), maxBackoff)
	}
}

// hopeless says whether a role that failed so often is given up: while the server
// starts, where somebody looks, and never later.
func (p *process) hopeless(fails int) bool {
	p.sup.mu.Lock()
	defer p.sup.mu.Unlock()
	return fails >= maxFirstFails && p.starts == 0 && !p.sup.up
}

// once starts the process, hands everything over, and waits for its end.
func (p *process) once(ctx context.Context) error {
	config, profile, err := p.sup.settings(p.name)
	if err != nil {
		return err
	}
	mine, theirs, err := ipc.NewPair()
	if err != nil {
		return err
	}
	defer mine.Close()
	control, err := ipc.NewLine(p.name, mine)
	if err != nil {
		return err
	}
	defer control.Close()
	cmd, release, err := p.start(profile, theirs)
	theirs.Close()
	if err != nil {
		return err
	}
	defer release()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	if err := p.handOver(ctx, control, config); err != nil {
		_ = cmd.Process.Kill() // it has nothing yet
		<-exited
		return err
	}
	messages := make(chan struct{})
	err = p.wait(ctx, cmd, control, exited, messages)
	p.sup.mu.Lock()
	p.control, p.pid = nil, 0
	p.sup.mu.Unlock()
	select { // its last words may still be in the line, "ready" among them
	case <-messages:
	case <-time.After(lastWords):
		control.Close()
		<-messages
	}
	return err
}

// start runs the binary again as this role.
func (p *process) start(profile sandbox.Profile, control *os.File) (cmd *exec.Cmd, release func(), err error) {
	cmd = exec.Command("/proc/self/exe", "role", p.name)
	cmd.ExtraFiles = []*os.File{control} // becomes ipc.ControlFD
	cmd.Env = []string{"GOTRACEBACK=single"}
	if n := processors(p.name); n > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(n))
	}
	logs, stderr, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer stderr.Close() // the child has its own
	cmd.Stderr = stderr
	release, err = profile.Prepare(cmd, p.sup.host)
	if err != nil {
		logs.Close()
		return nil, nil, err
	}
	if err := startPatient(cmd); err != nil {
		release()
		logs.Close()
		return nil, nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go p.sup.copyLog(p.name, logs) // to the last word: a crash is told after the exit
	return cmd, release, nil
}

// processors is how many a role uses at the same time; 0 is all of them. Gate and
// renders have nothing that runs for long, so that more would only cost the
// hand-overs between threads. A cell with one would have everybody in it wait for
// whoever's mailbox is being read.
func processors(role string) int {
	switch kind(role) {
	case "gate":
		return max(1, runtime.NumCPU()/2)
	case "render":
		return 1
	}
	return 0
}

// startPatient starts a child whose timers may be late by timerSlack. Go's runtime
// looks after its threads each 20 microseconds while there is work, which takes an
// eighth of a role's processor time; no timer of ours is as short as that.
func startPatient(cmd *exec.Cmd) error {
	runtime.LockOSThread() // the value is the thread's, and the child inherits it
	defer runtime.UnlockOSThread()
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err == nil && unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) }() // as it was
	}
	return cmd.Start()
}

// handOver gives the process its configuration, lines and listeners, and makes
// it known to peers that it is a new one.
func (p *process) handOver(ctx context.Context, control *ipc.Line, config json.RawMessage) error {
	send := func(c ipc.Control, f *os.File) error { return control.SendControl(ctx, c, f) }
	if err := send(ipc.Control{Op: ipc.OpConfig, Name: p.name, Data: config}, nil); err != nil {
		return err
	}
	p.sup.mu.Lock()
	defer p.sup.mu.Unlock()
	for _, l := range p.sup.links {
		if f, peer := l.end(p.name); f != nil {
			if err := send(ipc.Control{Op: ipc.OpLine, Name: peer}, f); err != nil {
				return err
			}
		}
	}
	for name, f := range p.listeners {
		if err := send(ipc.Control{Op: ipc.OpListener, Name: name}, f); err != nil {
			return err
		}
	}
	p.control = control
	return send(ipc.Control{Op: ipc.OpStart}, nil)
}

// wait ends with the process. When ctx ends it asks the process to drain, and
// kills it after a time.
// Its messages are listened to until messages is closed.
func (p *process) wait(ctx context.Context, cmd *exec.Cmd, control *ipc.Line, exited <-chan error, messages chan<- struct{}) error {
	p.sup.mu.Lock()
	p.pid = cmd.Process.Pid
	p.sup.mu.Unlock()
	starting := time.AfterFunc(readyTime, func() {
		p.log.Error("role is not ready in time", "role", p.name)
		_ = cmd.Process.Kill() // Wait reports it
	})
	defer starting.Stop()
	ready := p.sup.expectReady(p.name, func() { starting.Stop() })
	defer ready()
	go func() { defer close(messages); p.listen(control) }() // now, not before: ready must meet its hook
	select {
	case err := <-exited:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := control.SendControl(drain, ipc.Control{Op: ipc.OpDrain}, nil); err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case err := <-exited:
		return err
	case <-time.After(drainTime):
		p.log.Warn("role did not drain in time", "role", p.name)
		_ = cmd.Process.Kill()
		return <-exited
	}
}

// listen takes the role's messages until its end. A role says ready once, and all
// but keeper say nothing else: a hostile one that says more is not listened to any
// longer, as each word costs its peers work and the log a line.
func (p *process) listen(control *ipc.Line) {
	ready := false
	for {
		c, f, err := control.ReceiveControl()
		if err != nil {
			return
		}
		if f != nil {
			f.Close() // a role has nothing to hand to us
		}
		switch {
		case c.Op == ipc.OpReady && !ready:
			ready = true
			p.sup.becameReady(p, c.Data)
		case c.Op == ipc.OpNeed && p.name == "keeper":
			p.sup.need(c.Name)
		case c.Op == ipc.OpRetire && p.name == "keeper":
			p.sup.retire(c.Name)
		default:
			p.log.Error("role said what it may not", "role", p.name)
			return
		}
	}
}
