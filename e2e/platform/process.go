package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// supervise runs a server as long as standard input stays open, then asks it to
// end, and after ten seconds makes it. Its arguments are the server's command
// line. Descriptor 3 is that input, because a shell gives its background jobs an
// empty one.
const supervise = `
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
(
	cat <&3 >/dev/null
	kill -TERM $server
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sleep 1
		kill -0 $server || exit
	done
	kill -KILL $server
) 2>/dev/null &
watcher=$!
wait $server
status=$?
kill $watcher 2>/dev/null
exit $status
`

// process is one server that ends with us.
type process struct {
	cmd  *exec.Cmd
	pipe io.Closer // closing it ends the server
	done chan struct{}
	err  error // valid after done
}

// startProcess starts argv with its output in the file log.
func startProcess(log string, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervise, "sh"}, argv...)...)
	cmd.Stderr = out
	// Its own group, so that a Ctrl-C at the test does not end it before us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	p := &process{cmd: cmd, pipe: pipe, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the server and waits for it. After stopTimeout it kills the group
// that startProcess made: the shell, and a server that stayed in it.
func (p *process) stop() error {
	_ = p.pipe.Close() // it may have ended by itself
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
	}
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
	return errors.Join(fmt.Errorf("%s did not stop in %v", p.cmd.Args[4], stopTimeout), err)
}

// await waits until addr answers with a first byte, or the process ends.
func (p *process) await(ctx context.Context, network, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := greets(ctx, network, addr)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("server ended at once: %w", errors.Join(p.err, errEnded))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", addr, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// errEnded marks a server that did not survive its start, as when a port is taken.
var errEnded = errors.New("ended while starting")

// greets connects and reads one byte.
func greets(ctx context.Context, network, addr string) error {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := nc.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return err
	}
	_, err = nc.Read(make([]byte, 1))
	return err
}
