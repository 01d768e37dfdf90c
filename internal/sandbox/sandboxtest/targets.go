package sandboxtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Targets is what an intruder aims at. It is made outside of the sandbox, as the
// user that starts the roles, and handed in as JSON.
type Targets struct {
	TCP      int    `json:"tcp"`      // port on 127.0.0.1 that accepts
	UDP      int    `json:"udp"`      // port on 127.0.0.1 that reads
	Unix     string `json:"unix"`     // path of a stream socket
	Datagram string `json:"datagram"` // path of a datagram socket
	Abstract string `json:"abstract"` // name of an abstract stream socket
	Config   string `json:"config"`   // a file of ours with a secret in it
	Dir      string `json:"dir"`      // a folder that anybody may write to

	// Victim is a process of the same user, outside; VictimAddr is where its memory
	// holds VictimSecret.
	Victim     int     `json:"victim"`
	VictimAddr uintptr `json:"victimAddr"`
}

// VictimSecret is what the victim process holds in memory.
const VictimSecret = "the secret of another process"

const configSecret = "secret = \"of the configuration\"\n"

// Open makes all targets but the victim below dir, which must exist and be
// reachable by everybody; close them when done.
func Open(dir string) (Targets, func(), error) {
	t := Targets{
		Unix: filepath.Join(dir, "stream.sock"), Datagram: filepath.Join(dir, "datagram.sock"),
		Abstract: "cofferdam-target-" + strconv.Itoa(os.Getpid()),
		Config:   filepath.Join(dir, "config.toml"), Dir: filepath.Join(dir, "open"),
	}
	var closers []func()
	done := func() {
		for _, c := range closers {
			c()
		}
	}
	err := errors.Join(t.openFiles(), t.openNetwork(&closers), t.openUnix(&closers))
	if err != nil {
		done()
		return Targets{}, nil, fmt.Errorf("opening targets: %w", err)
	}
	return t, done, nil
}

func (t *Targets) openFiles() error {
	if err := os.WriteFile(t.Config, []byte(configSecret), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(t.Dir, 0o777)
}

func (t *Targets) openNetwork(closers *[]func()) error {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	*closers = append(*closers, func() { tcp.Close() })
	go swallow(tcp)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	*closers = append(*closers, func() { udp.Close() })
	t.TCP, t.UDP = tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port
	return nil
}

func (t *Targets) openUnix(closers *[]func()) error {
	for _, name := range []string{t.Unix, "@" + t.Abstract} {
		l, err := net.Listen("unix", name)
		if err != nil {
			return err
		}
		*closers = append(*closers, func() { l.Close() })
		go swallow(l)
	}
	d, err := net.ListenPacket("unixgram", t.Datagram)
	if err != nil {
		return err
	}
	*closers = append(*closers, func() { d.Close(); os.Remove(t.Datagram) })
	return errors.Join(os.Chmod(t.Unix, 0o777), os.Chmod(t.Datagram, 0o777))
}

// swallow accepts and closes until the listener is closed.
func swallow(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Close()
	}
}
