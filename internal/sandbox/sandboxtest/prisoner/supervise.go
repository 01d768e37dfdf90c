package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"cofferdam/internal/sandbox"
	"cofferdam/internal/sandbox/sandboxtest"
)

// Job is what the test asks of a supervisor, read from standard input: start each
// child under its profile.
type Job struct {
	Config   sandbox.HostConfig `json:"config"`
	Dir      string             `json:"dir"` // for targets; empty: none are opened
	Children []Child            `json:"children"`

	// Container plays a container without nested user namespaces; this process must
	// be root of a user namespace of its own. NoAdmin takes the right to make other
	// namespaces as well, as container engines do. As is the user id to go on as.
	Container bool `json:"container,omitempty"`
	NoAdmin   bool `json:"noAdmin,omitempty"`
	As        int  `json:"as,omitempty"`

	// AtOnce bounds the children that run at the same time; 0 is 4.
	AtOnce int `json:"atOnce,omitempty"`
}

// Child is one process to start: a role's profile less some layers, and a task.
type Child struct {
	Profile sandbox.Profile `json:"profile"`
	Without []sandbox.Layer `json:"without,omitempty"`
	Task    string          `json:"task"`
	Args    []string        `json:"args,omitempty"`
}

// Done is what the supervisor saw of a child, in the order of Job.Children.
type Done struct {
	Result
	Refused []sandbox.Entry `json:"refused,omitempty"`
	Exit    int             `json:"exit"`
	Signal  int             `json:"signal"`
	Stderr  string          `json:"stderr,omitempty"`
	Millis  float64         `json:"millis"` // from start to end
}

// stderrShown bounds what is passed on of a crash.
const stderrShown = 2000

func supervise() {
	var job Job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		fail(err)
	}
	if err := job.enterContainer(); err != nil {
		fail(err)
	}
	host, err := sandbox.Detect(job.Config)
	if err != nil {
		fail(err)
	}
	var targets sandboxtest.Targets
	if job.Dir != "" {
		t, closeTargets, err := openTargets(job.Dir)
		if err != nil {
			fail(err)
		}
		defer closeTargets()
		targets = t
	}
	out := make([]Done, len(job.Children))
	var wg sync.WaitGroup
	tokens := make(chan struct{}, cmp.Or(job.AtOnce, 4))
	for i, c := range job.Children {
		tokens <- struct{}{}
		wg.Go(func() {
			out[i] = start(host, c, targets)
			<-tokens
		})
	}
	wg.Wait()
	print(out)
}

// enterContainer: the sysctl is per user namespace, so the machine's stays as it
// is.
func (j *Job) enterContainer() error {
	if !j.Container {
		return nil
	}
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return err
	}
	if j.NoAdmin {
		// Programs that root starts have what the bounding set leaves.
		if _, _, errno := syscall.AllThreadsSyscall(syscall.SYS_PRCTL, unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0); errno != 0 {
			return errno
		}
		return dropAdmin()
	}
	if j.As == 0 {
		return nil
	}
	if err := syscall.Setgid(j.As); err != nil {
		return err
	}
	return syscall.Setuid(j.As)
}

// dropAdmin takes CAP_SYS_ADMIN from this process.
func dropAdmin() error {
	hdr := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := new([2]unix.CapUserData)
	if err := unix.Capget(hdr, &data[0]); err != nil {
		return err
	}
	const admin = 1 << unix.CAP_SYS_ADMIN
	data[0].Effective &^= admin
	data[0].Permitted &^= admin
	_, _, errno := syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(hdr)), uintptr(unsafe.Pointer(data)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// openTargets adds the victim, a process of this supervisor's user.
func openTargets(dir string) (sandboxtest.Targets, func(), error) {
	t, done, err := sandboxtest.Open(dir)
	if err != nil {
		return t, nil, err
	}
	cmd := exec.Command("/proc/self/exe", "victim")
	in, err := cmd.StdinPipe()
	if err != nil {
		return t, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return t, nil, err
	}
	if err := cmd.Start(); err != nil {
		return t, nil, err
	}
	t.Victim = cmd.Process.Pid
	if _, err := fmt.Fscan(out, &t.VictimAddr); err != nil {
		return t, nil, err
	}
	return t, func() { in.Close(); cmd.Wait(); done() }, nil
}

// start runs one child to its end.
func start(host *sandbox.Host, c Child, targets sandboxtest.Targets) (d Done) {
	args := c.Args
	if _, ok := tasks()[c.Task]; !ok {
		b, err := json.Marshal(targets)
		if err != nil {
			fail(err)
		}
		args = []string{string(b)}
	}
	d.Refused = host.Refused()
	cmd := exec.Command("/proc/self/exe", append([]string{"inside", c.Task}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	done, err := c.Profile.Without(c.Without...).Prepare(cmd, host)
	if err != nil {
		d.Error = err.Error()
		return d
	}
	defer done()
	began := time.Now()
	err = cmd.Run()
	d.Millis = float64(time.Since(began).Microseconds()) / 1000
	if cmd.ProcessState == nil {
		d.Error = fmt.Sprintf("starting: %v", err)
		return d
	}
	d.Exit, d.Stderr = cmd.ProcessState.ExitCode(), stderr.String()[:min(stderr.Len(), stderrShown)]
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		d.Signal = int(ws.Signal())
	}
	d.judge(c.Task, stdout.Bytes())
	return d
}

// judge tells an attempt that ended its process from one that could answer.
func (d *Done) judge(task string, stdout []byte) {
	if json.Unmarshal(stdout, &d.Result) == nil {
		return
	}
	d.Outcome = sandboxtest.Outcome{Name: task, Verdict: sandboxtest.Refused, Words: "no answer: " + string(stdout) + d.Stderr}
	switch {
	case d.Signal == int(syscall.SIGSYS):
		d.Outcome.Verdict, d.Outcome.Words = sandboxtest.Killed, "bad system call"
	case bytes.Contains(stdout, []byte(sandboxtest.Announcement)):
		d.Outcome.Verdict, d.Outcome.Words = sandboxtest.BrokeOut, ""
	}
}
