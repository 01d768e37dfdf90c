package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// supervisor keeps the roles of one node running.
type supervisor struct {
	ctx      context.Context // ends when everything is to stop; the run's own, not a request's
	log      *slog.Logger
	host     *sandbox.Host
	plan     *plan
	restarts *prometheus.CounterVec
	wg       sync.WaitGroup

	mu    sync.Mutex // guards the rest and the marked fields of processes
	procs map[string]*process
	links []*link
	admin map[string]*ipc.Client // our own line to each role, for figures
	hooks map[string]func()      // called once when a role says ready
	// adminLines are the lines under admin.
	adminLines map[string]*ipc.Line
	up         bool // every role was ready once: from now on nothing is given up
}

// add creates a role with its links and starts it.
func (s *supervisor) add(name string, listeners map[string]*os.File) error {
	ctx, cancel := context.WithCancel(s.ctx)
	p := &process{name: name, sup: s, log: s.log, listeners: listeners, stop: cancel,
		done: make(chan struct{}), ready: make(chan struct{})}
	s.mu.Lock()
	if s.procs[name] != nil {
		s.mu.Unlock()
		cancel()
		return fmt.Errorf("role %s runs already", name)
	}
	s.procs[name] = p
	s.mu.Unlock()
	if err := s.connect(p); err != nil {
		cancel()
		return err
	}
	s.wg.Add(1)
	go func() { defer s.wg.Done(); p.keep(ctx) }()
	return nil
}

// connect makes the links of a role and gives the other ends to peers that run.
func (s *supervisor) connect(p *process) error {
	admin, err := newLink("admin", p.name)
	if err != nil {
		return err
	}
	line, err := ipc.NewLine(p.name, admin.fa)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, admin)
	s.admin[p.name], s.adminLines[p.name] = ipc.NewClient(line), line
	for _, peer := range peersOf(p.name) {
		l, err := newLink(p.name, peer)
		if err != nil {
			return err
		}
		s.links = append(s.links, l)
		if q := s.procs[peer]; q != nil && q.control != nil {
			_ = s.tell(q, ipc.Control{Op: ipc.OpLine, Name: p.name}, l.fb) // logged; its successor gets the line
		}
	}
	return nil
}

// remove stops a role for good and takes its links away.
func (s *supervisor) remove(name string) {
	s.mu.Lock()
	p := s.procs[name]
	s.mu.Unlock()
	if p == nil {
		return
	}
	p.stop()
	<-p.done
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.procs, name)
	delete(s.admin, name)
	if l := s.adminLines[name]; l != nil {
		l.Close()
		delete(s.adminLines, name)
	}
	kept := s.links[:0]
	for _, l := range s.links {
		f, peer := l.end(name)
		if f == nil {
			kept = append(kept, l)
			continue
		}
		l.close()
		if q := s.procs[peer]; q != nil && q.control != nil {
			_ = s.tell(q, ipc.Control{Op: ipc.OpGone, Name: name}, nil) // a dead peer learns it at its start
		}
	}
	s.links = kept
}

// addCell starts a cell and its renders.
func (s *supervisor) addCell(name string) error {
	if err := s.add(name, nil); err != nil {
		return err
	}
	for _, r := range rendersOf(name, s.plan.config().Cells.Renders) {
		if err := s.add(r, nil); err != nil {
			return err
		}
	}
	return nil
}

// need starts a cell that keeper asks for.
func (s *supervisor) need(name string) {
	if kind(name) != "cell" || s.plan.config().Cells.PeoplePerCell == 0 || strings.Count(name, "/") != 1 {
		s.log.Error("keeper asked for what it may not", "need", clipName(name))
		return
	}
	s.mu.Lock()
	many := len(s.procs) > maxCellsOnNeed*(1+s.plan.config().Cells.Renders)
	running := s.procs[name] != nil
	s.mu.Unlock()
	switch {
	case running:
	case many:
		s.log.Error("too many cells", "cells", maxCellsOnNeed)
	default:
		if err := s.addCell(name); err != nil {
			s.log.Error("cell not started", "cell", name, "err", err)
		}
	}
}

// retire ends a cell that keeper has no use for any more.
func (s *supervisor) retire(name string) {
	if kind(name) != "cell" || s.plan.config().Cells.PeoplePerCell == 0 {
		s.log.Error("keeper asked for what it may not", "retire", clipName(name))
		return
	}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.remove(name)
		for _, r := range rendersOf(name, s.plan.config().Cells.Renders) {
			s.remove(r)
		}
	}()
}

// clipName keeps a name that a role made up from filling the log.
func clipName(s string) string { return s[:min(len(s), 64)] }

// tell sends a control message to a role that runs. It may be called with mu held:
// a role that does not read its messages is not waited for.
func (s *supervisor) tell(p *process, c ipc.Control, f *os.File) error {
	ctx, cancel := context.WithTimeout(s.ctx, controlTime)
	defer cancel()
	err := p.control.SendControl(ctx, c, f)
	if err != nil {
		s.log.Error("control message not delivered", "to", p.name, "op", c.Op, "name", c.Name, "err", err)
	}
	return err
}

// expectReady calls f once when the role says ready; the result takes it back.
func (s *supervisor) expectReady(name string, f func()) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks[name] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.hooks, name)
	}
}

// becameReady notes a role's sandbox report and tells its peers of a restart.
func (s *supervisor) becameReady(p *process, data json.RawMessage) {
	var report sandbox.Report
	if err := json.Unmarshal(data, &report); err != nil {
		s.log.Error("sandbox report not understood", "role", p.name, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.hooks[p.name]; f != nil {
		f()
		delete(s.hooks, p.name)
	}
	p.report = report
	p.starts++
	if p.starts == 1 {
		close(p.ready)
		s.warnMissing(p.name, report)
		return
	}
	for _, l := range s.links {
		if f, peer := l.end(p.name); f != nil {
			if q := s.procs[peer]; q != nil && q.control != nil {
				_ = s.tell(q, ipc.Control{Op: ipc.OpRestarted, Name: p.name}, nil) // logged; it finds out at its next call
			}
		}
	}
}

// warnMissing says loudly what the kernel refused (DESIGN section 2).
func (s *supervisor) warnMissing(name string, r sandbox.Report) {
	for _, e := range r.Missing() {
		s.log.Error("sandbox layer missing", "role", name, "layer", e.Layer, "kernel", e.Words)
	}
}

// waitReady waits until all roles were ready once.
func (s *supervisor) waitReady(ctx context.Context) error {
	s.mu.Lock()
	procs := make([]*process, 0, len(s.procs))
	for _, p := range s.procs {
		procs = append(procs, p)
	}
	s.mu.Unlock()
	for _, p := range procs {
		select {
		case <-p.ready:
		case <-p.done:
			return fmt.Errorf("role %s did not start: %w", p.name, cmp.Or(p.err, errStopped))
		case <-ctx.Done():
			return fmt.Errorf("waiting for role %s: %w", p.name, context.Cause(ctx))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = true
	return nil
}

var errStopped = errors.New("it was stopped")

// drain stops the roles from the outside in: who takes requests goes first, so
// that what runs can still be finished by those behind.
func (s *supervisor) drain() {
	for _, group := range []string{"gate", "cell", "render", "courier", "keeper", "porter", "vault"} {
		s.mu.Lock()
		var names []string
		for name := range s.procs {
			if kind(name) == group {
				names = append(names, name)
			}
		}
		s.mu.Unlock()
		var wg sync.WaitGroup
		for _, name := range names {
			wg.Go(func() { s.remove(name) })
		}
		wg.Wait()
	}
	s.wg.Wait()
}

// reload gives every role its new configuration.
func (s *supervisor) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, p := range s.procs {
		if p.control == nil {
			continue // it gets the new one when it starts
		}
		data, _, err := s.settings(name)
		if err == nil {
			err = s.tell(p, ipc.Control{Op: ipc.OpReload, Data: data}, nil)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *supervisor) settings(name string) (json.RawMessage, sandbox.Profile, error) {
	return s.plan.settings(name)
}

// started measures how long the start took.
func started(log *slog.Logger, since time.Time, origin string) {
	log.Info("ready", "origin", origin, "ms", time.Since(since).Milliseconds())
}
