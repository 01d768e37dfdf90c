package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/store"
)

// Keeper knows who is signed in.
type Keeper struct {
	cfg    Config
	log    *slog.Logger
	store  store.Store
	vault  *ipc.Client
	porter *ipc.Client
	gate   *ipc.Client
	epochs *epochs
	live   *live
	cells  *cells
	fails  *limit.Fails
	rates  *rates
}

// New makes a keeper over a database and the lines to its peers.
func New(cfg Config, db store.Store, vault, porter, gate *ipc.Client, log *slog.Logger) (*Keeper, error) {
	if len(cfg.DeviceKey) != 32 {
		return nil, errors.New("device key must have 32 bytes")
	}
	return &Keeper{cfg: cfg, log: log, store: db, vault: vault, porter: porter, gate: gate, epochs: &epochs{}, live: newLive(),
		cells: newCells(cfg), fails: limit.NewFails(), rates: newRates()}, nil
}

// Run is the role: it serves gate and the cells until it is told to drain.
func Run(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg Config
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of keeper: %w", err)
	}
	peers := map[string]*ipc.Client{}
	for _, name := range []string{"vault", "porter", "gate"} {
		l := role.Line(name)
		if l == nil {
			return fmt.Errorf("keeper was given no line to %s", name)
		}
		peers[name] = ipc.NewClient(l)
	}
	db, err := store.OpenSQLite(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	k, err := New(cfg, db, peers["vault"], peers["porter"], peers["gate"], log)
	if err != nil {
		return err
	}
	k.cells.need, k.cells.retire = role.Need, role.Retire
	reg.MustRegister(k.Collectors()...)
	start, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := k.inherit(start); err != nil {
		return fmt.Errorf("epoch keys: %w", err)
	}
	return k.serve(ctx, role)
}

func (k *Keeper) serve(ctx context.Context, role *ipc.Role) error {
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	role.EachLine(func(l *ipc.Line) {
		var mux *ipc.Mux
		switch {
		case l.Name() == "gate":
			mux = k.gateCalls()
		case strings.HasPrefix(l.Name(), "cell/"):
			k.cells.add(l)
			mux = k.cellCalls(l.Name())
		default:
			return
		}
		wg.Go(func() { _ = ipc.Serve(bg, l.Listener(), mux, signInTime) }) // ends when drained or when the line is gone
	})
	role.OnGone(k.cells.drop)
	role.OnRestart(func(name string) { wg.Go(func() { k.restarted(bg, name) }) })
	role.OnReload(k.reload)
	wg.Go(func() { k.housekeeping(bg) })
	if err := role.Ready(ctx); err != nil {
		return err
	}
	err := role.Run(ctx)
	stop()
	wg.Wait()
	return err
}

func (k *Keeper) gateCalls() *ipc.Mux {
	m := ipc.NewMux(k.log)
	ipc.Handle(m, ipc.KeeperOffer, 1<<10, ipc.CallTimeout, k.offer)
	ipc.Handle(m, ipc.KeeperSignIn, 64<<10, signInTime, k.signIn)
	ipc.Handle(m, ipc.KeeperOpen, 4<<10, ipc.CallTimeout, k.openSession)
	ipc.Handle(m, ipc.KeeperSignOut, 4<<10, ipc.CallTimeout, k.signOut)
	ipc.Handle(m, ipc.KeeperSessions, 4<<10, ipc.CallTimeout, k.list)
	ipc.Handle(m, ipc.KeeperRevoke, 64<<10, ipc.CallTimeout, k.revoke)
	ipc.Handle(m, ipc.KeeperToken, 4<<10, ipc.CallTimeout, k.token)
	return m
}

func (k *Keeper) cellCalls(cell string) *ipc.Mux {
	m := ipc.NewMux(k.log)
	ipc.Handle(m, ipc.KeeperRecordPut, 2*maxRecord, ipc.CallTimeout, k.put(cell))
	ipc.Handle(m, ipc.KeeperRecordGet, 4<<10, ipc.CallTimeout, k.get(cell))
	ipc.Handle(m, ipc.KeeperRecordList, 4<<10, ipc.CallTimeout, k.listRecords(cell))
	ipc.Handle(m, ipc.KeeperRecordChanges, 4<<10, ipc.CallTimeout, k.changes(cell))
	ipc.Handle(m, ipc.KeeperRecordDelete, 4<<10, ipc.CallTimeout, k.del(cell))
	return m
}

// restarted tells a peer's successor what its predecessor knew.
func (k *Keeper) restarted(ctx context.Context, name string) {
	switch {
	case name == "vault":
		if err := k.deposit(ctx, k.epochs.all()); err != nil {
			k.log.Error("epoch keys not deposited with the new vault", "err", err)
		}
	case name == "porter":
		k.again(ctx, func(*session) bool { return true }, func(ctx context.Context, s *session) error {
			return k.register(ctx, s, s.cell, s.fence, s.capability)
		})
	case strings.HasPrefix(name, "cell/"):
		k.again(ctx, func(s *session) bool { return s.cell == name }, func(ctx context.Context, s *session) error {
			return k.settle(ctx, s, name)
		})
	}
}

// again repeats a step for live sessions. A session that fails is placed anew at
// its next request.
func (k *Keeper) again(ctx context.Context, which func(*session) bool, step func(context.Context, *session) error) {
	for _, s := range k.live.of(func(*session) bool { return true }) {
		s.mu.Lock()
		if !s.ended && s.capability != nil && which(s) {
			call, cancel := context.WithTimeout(ctx, cellTime)
			if err := step(call, s); err != nil {
				k.log.Warn("session not told to a restarted role", "err", err)
				s.capability = nil
			}
			cancel()
		}
		s.mu.Unlock()
	}
}

// reload takes limits that may change while people are signed in.
func (k *Keeper) reload(data json.RawMessage) {
	var cfg Config
	if err := ipc.Decode(data, &cfg); err != nil {
		k.log.Error("configuration not taken", "err", err)
		return
	}
	k.log.Info("session limits change with the next start of keeper")
}

// networkOf is what one attacker usually has: an IPv4 address, an IPv6 /64.
func networkOf(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "?"
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "?"
	}
	return p.String()
}

// Collectors are registered by the role's process.
func (k *Keeper) Collectors() []prometheus.Collector {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	return []prometheus.Collector{
		gauge("cofferdam_live_sessions", "Sessions open in keeper.", func() float64 { n, _ := k.live.count(); return float64(n) }),
		gauge("cofferdam_signed_in_people", "People with an open session.", func() float64 { _, n := k.live.count(); return float64(n) }),
	}
}
