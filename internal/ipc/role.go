package ipc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
)

// Control messages go over the line between the supervisor and a role, which is
// descriptor ControlFD of the role. To the role: config, line, gone, listener,
// start, restarted, reload, drain. To the supervisor: ready, need, retire.
type Control struct {
	Op   string          `json:"op"`
	Name string          `json:"name,omitempty"` // of the line, listener or role meant
	Data json.RawMessage `json:"data,omitempty"`
}

// Operations of Control.
const (
	OpConfig    = "config"    // Data is the role's configuration; first of all
	OpLine      = "line"      // a descriptor: an end of the line to Name
	OpGone      = "gone"      // the line to Name exists no more
	OpListener  = "listener"  // a descriptor: a listening socket
	OpStart     = "start"     // everything known at start has been given
	OpRestarted = "restarted" // the process behind the line to Name is a new one
	OpReload    = "reload"    // Data is the new configuration
	OpDrain     = "drain"     // finish what runs, take nothing new, exit
	OpReady     = "ready"     // Data is the role's sandbox report
	OpNeed      = "need"      // please start the role Name
	OpRetire    = "retire"    // please stop the role Name
)

// ControlFD is the descriptor of the control line in a role's process.
const ControlFD = 3

// SendControl writes one control message with at most one descriptor.
func (l *Line) SendControl(ctx context.Context, c Control, f *os.File) error {
	msg, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if len(msg) > MaxControl {
		return fmt.Errorf("control message %s is %d bytes, more than %d", c.Op, len(msg), MaxControl)
	}
	return l.send(ctx, msg, f)
}

// ReceiveControl reads the next control message; the caller owns the file.
func (l *Line) ReceiveControl() (Control, *os.File, error) {
	for {
		msg, f, err := l.receive(make([]byte, MaxControl))
		if err != nil {
			return Control{}, nil, err
		}
		var c Control
		if err := Decode(msg, &c); err != nil {
			closeFile(f)
			continue
		}
		return c, f, nil
	}
}

// Role is a role's own process as the supervisor set it up: its name, its
// configuration, and the lines it was given.
type Role struct {
	Name   string          // "keeper", "cell/3"
	Config json.RawMessage // the role decodes it strictly
	Report any             // its sandbox report, for Ready

	control *Line

	mu        sync.Mutex // guards the rest
	lines     map[string]*Line
	listeners map[string]net.Listener
	onLine    func(*Line)
	onGone    func(name string)
	onRestart func(name string)
	onReload  func(json.RawMessage)
}

// OpenRole takes over the control line of this process and waits until the
// supervisor has given all there is at start.
func OpenRole(control *os.File) (*Role, error) {
	l, err := NewLine("server", control)
	if err != nil {
		return nil, err
	}
	r := &Role{control: l, lines: map[string]*Line{}, listeners: map[string]net.Listener{}}
	for {
		c, f, err := l.ReceiveControl()
		if err != nil {
			return nil, fmt.Errorf("waiting for the supervisor: %w", err)
		}
		if c.Op == OpStart {
			return r, nil
		}
		if err := r.take(c, f); err != nil {
			return nil, err
		}
	}
}

// take handles one message and closes its file.
func (r *Role) take(c Control, f *os.File) error {
	defer closeFile(f)
	switch c.Op {
	case OpConfig:
		r.Name, r.Config = c.Name, c.Data
	case OpLine:
		return r.addLine(c.Name, f)
	case OpListener:
		return r.addListener(c.Name, f)
	case OpGone:
		r.dropLine(c.Name)
	case OpRestarted:
		r.call(func() func(string) { return r.onRestart }, c.Name)
	case OpReload:
		r.mu.Lock()
		fn := r.onReload
		r.mu.Unlock()
		if fn != nil {
			fn(c.Data)
		}
	}
	return nil
}

func (r *Role) addLine(name string, f *os.File) error {
	if f == nil {
		return fmt.Errorf("line %s came without a socket", name)
	}
	l, err := NewLine(name, f)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.lines[name] = l
	fn := r.onLine
	r.mu.Unlock()
	if fn != nil {
		fn(l)
	}
	return nil
}

func (r *Role) addListener(name string, f *os.File) error {
	if f == nil {
		return fmt.Errorf("listener %s came without a socket", name)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("opening listener %s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[name] = l
	return nil
}

func (r *Role) dropLine(name string) {
	r.mu.Lock()
	l := r.lines[name]
	delete(r.lines, name)
	r.mu.Unlock()
	if l != nil {
		l.Close()
	}
	r.call(func() func(string) { return r.onGone }, name)
}

func (r *Role) call(get func() func(string), name string) {
	r.mu.Lock()
	fn := get()
	r.mu.Unlock()
	if fn != nil {
		fn(name)
	}
}

// Line is the line to a peer, nil when the role was given none.
func (r *Role) Line(name string) *Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines[name]
}

// Listener is a listening socket by name, nil when the role was given none.
func (r *Role) Listener(name string) net.Listener {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.listeners[name]
}

// EachLine calls f for every line there is and for every one that comes later.
func (r *Role) EachLine(f func(*Line)) {
	r.mu.Lock()
	r.onLine = f
	now := make([]*Line, 0, len(r.lines))
	for _, l := range r.lines {
		now = append(now, l)
	}
	r.mu.Unlock()
	for _, l := range now {
		f(l)
	}
}

// OnGone, OnRestart and OnReload name what to do when a peer is gone for good,
// when its process was replaced, and when the configuration changed. They are
// called one at a time, from Run.
func (r *Role) OnGone(f func(name string))            { r.set(func() { r.onGone = f }) }
func (r *Role) OnRestart(f func(name string))         { r.set(func() { r.onRestart = f }) }
func (r *Role) OnReload(f func(data json.RawMessage)) { r.set(func() { r.onReload = f }) }

func (r *Role) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// Ready tells the supervisor that the role is sandboxed and serves.
func (r *Role) Ready(ctx context.Context) error {
	data, err := json.Marshal(r.Report)
	if err != nil {
		return err
	}
	return r.control.SendControl(ctx, Control{Op: OpReady, Data: data}, nil)
}

// Need asks the supervisor to start a role; its lines follow. Only keeper is
// listened to.
func (r *Role) Need(ctx context.Context, name string) error {
	return r.control.SendControl(ctx, Control{Op: OpNeed, Name: name}, nil)
}

// Retire asks the supervisor to stop a role that Need started.
func (r *Role) Retire(ctx context.Context, name string) error {
	return r.control.SendControl(ctx, Control{Op: OpRetire, Name: name}, nil)
}

// Run handles control messages until the supervisor says drain, or is gone, or
// ctx ends. The role then drains and exits.
func (r *Role) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { r.control.Close() })
	defer stop()
	for {
		c, f, err := r.control.ReceiveControl()
		if err != nil || c.Op == OpDrain {
			closeFile(f)
			return nil
		}
		if err := r.take(c, f); err != nil {
			return err
		}
	}
}
