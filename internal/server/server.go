package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/config"
	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// Options is what a caller of Run may want besides the configuration.
type Options struct {
	Log    *slog.Logger
	Reload <-chan config.Config // new configurations, already checked; may be nil
	Ready  func(web []net.Addr) // called once when everything serves; may be nil
}

// NewLog makes the log that a configuration asks for.
func NewLog(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(c.Level)) != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// Run starts all roles of a node and keeps them running until ctx ends; it then
// drains them and returns.
func Run(ctx context.Context, cfg config.Config, o Options) error {
	began := time.Now()
	s, err := newSupervisor(ctx, cfg, o.Log)
	if err != nil {
		return err
	}
	web, addrs, err := listen(cfg.Web.Listen)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.ctx = run
	go giveBack(run)
	reg := prometheus.NewRegistry()
	reg.MustRegister(s.restarts)
	if cfg.Admin.Listen != "" {
		l, err := net.Listen("tcp", cfg.Admin.Listen)
		if err != nil {
			return fmt.Errorf("admin.listen: %w", err)
		}
		go s.serveAdmin(run, l, reg)
	}
	defer s.drain()
	if err := s.startAll(cfg, web); err != nil {
		return err
	}
	start, cancel := context.WithTimeout(ctx, 4*readyTime)
	defer cancel()
	if err := s.waitReady(start); err != nil {
		return err
	}
	started(s.log, began, cfg.Web.Origin)
	if o.Ready != nil {
		o.Ready(addrs)
	}
	s.wait(ctx, o.Reload)
	return nil
}

func newSupervisor(ctx context.Context, cfg config.Config, log *slog.Logger) (*supervisor, error) {
	host, err := sandbox.Detect(sandbox.HostConfig{Cgroup: true})
	if err != nil {
		return nil, err
	}
	p := &plan{loaded: cfg, ticketKey: make([]byte, 32), node: "main"}
	rand.Read(p.ticketKey)
	if err := p.prepareFolders(host.Root()); err != nil {
		return nil, err
	}
	if err := p.renew(); err != nil {
		return nil, err
	}
	return &supervisor{
		ctx: ctx, log: log, host: host, plan: p,
		procs: map[string]*process{}, admin: map[string]*ipc.Client{}, adminLines: map[string]*ipc.Line{}, hooks: map[string]func(){},
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cofferdam_role_restarts_total", Help: "Processes that ended and were started again."}, []string{"kind"}),
	}, nil
}

// listen opens the web listeners here, so that they outlive gate's process.
func listen(addresses []string) (map[string]*os.File, []net.Addr, error) {
	files := map[string]*os.File{}
	var addrs []net.Addr
	for i, a := range addresses {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false) // a plain socket: nothing else is wanted of it inside of the sandbox
		l, err := lc.Listen(context.Background(), "tcp", a)
		if err != nil {
			return nil, nil, fmt.Errorf("web.listen: %w", err)
		}
		f, err := l.(*net.TCPListener).File()
		l.Close()
		if err != nil {
			return nil, nil, err
		}
		files[fmt.Sprintf("web/%d", i)] = f
		addrs = append(addrs, l.Addr())
	}
	return files, addrs, nil
}

func (s *supervisor) startAll(cfg config.Config, web map[string]*os.File) error {
	for _, name := range []string{"vault", "porter"} {
		if err := s.add(name, nil); err != nil {
			return err
		}
	}
	if err := s.add("gate", web); err != nil {
		return err
	}
	if err := s.add("keeper", nil); err != nil {
		return err
	}
	if cfg.Push.Enabled {
		if err := s.add("courier", nil); err != nil {
			return err
		}
	}
	if cfg.Cells.PeoplePerCell > 0 {
		return nil // keeper asks for cells at sign-in
	}
	for i := range cfg.Cells.Cells {
		if err := s.addCell(fmt.Sprintf("cell/%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// wait takes new configurations until ctx ends. Once a day it gives the roles the
// present one again: the files that it names (certificates, the sign-in key
// document) may have been renewed, and an online key signs a new document.
func (s *supervisor) wait(ctx context.Context, reload <-chan config.Config) {
	daily := time.NewTicker(renewEvery)
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-daily.C:
		case cfg := <-reload:
			old := s.plan.config()
			for _, name := range needStart(old, cfg) {
				s.log.Warn("setting changes with the next start", "setting", name)
			}
			s.plan.set(untilStart(old, cfg))
		}
		if err := s.take(); err != nil {
			s.log.Error("new configuration not taken by every role", "err", err)
			continue
		}
		s.log.Info("new configuration taken")
	}
}

// take gives the roles the configuration and what its files hold now.
func (s *supervisor) take() error {
	renewed := s.plan.renew()
	if left := s.plan.documentLeft(); left < documentWarn {
		s.log.Error("the sign-in key document ends soon: nobody can sign in then", "days", int(left.Hours()/24))
	}
	return errors.Join(renewed, s.reload())
}

// needStart names the settings that differ and that running roles do not take.
func needStart(old, cfg config.Config) []string {
	var out []string
	for name, same := range map[string]bool{
		"web.listen": slices.Equal(old.Web.Listen, cfg.Web.Listen), "web.origin": old.Web.Origin == cfg.Web.Origin,
		"web.tls": old.Web.TLS == cfg.Web.TLS, "web.proxy_protocol": old.Web.ProxyProtocol == cfg.Web.ProxyProtocol,
		"admin.listen": old.Admin.Listen == cfg.Admin.Listen, "data": old.Data == cfg.Data, "cells": old.Cells == withIdle(cfg.Cells, old.Cells.Idle),
		"push.enabled": old.Push.Enabled == cfg.Push.Enabled, "push.private": slices.Equal(old.Push.Private, cfg.Push.Private),
	} {
		if !same {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// untilStart is a new configuration with the settings that need a start as they
// were: a role that dies in the meantime comes back to the others, and not to
// another database, other keys or another kind of cells.
func untilStart(old, cfg config.Config) config.Config {
	cfg.Data = old.Data
	cfg.Web.Listen, cfg.Web.Origin, cfg.Web.TLS, cfg.Web.ProxyProtocol = old.Web.Listen, old.Web.Origin, old.Web.TLS, old.Web.ProxyProtocol
	cfg.Admin.Listen = old.Admin.Listen
	cfg.Cells = withIdle(old.Cells, cfg.Cells.Idle)
	cfg.Push.Enabled, cfg.Push.Private = old.Push.Enabled, old.Push.Private
	return cfg
}

// withIdle is c with another Idle, which keeper takes by a reload.
func withIdle(c config.Cells, idle config.Duration) config.Cells {
	c.Idle = idle
	return c
}
