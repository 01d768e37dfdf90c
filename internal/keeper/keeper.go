package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/store"
	"cofferdam/internal/store/indexes"
	"cofferdam/internal/store/spool"
)

// Keeper knows who is signed in.
type Keeper struct {
	cfg     Config
	log     *slog.Logger
	store   store.Store
	vault   *ipc.Client
	porter  *ipc.Client
	gate    *ipc.Client
	epochs  *epochs
	live    *live
	cells   *cells
	turns   *turns
	fails   *limit.Fails
	rates   *rates
	written *limit.Quota    // KiB of records, by person and by cell
	spool   *spool.Spool    // nil: this keeper takes no uploads
	indexes *indexes.Folder // nil: it keeps no indexes
	streams *streams
	sent    *limit.Quota           // KiB of uploads, by person and by cell
	limits  atomic.Pointer[Config] // what of it may change while people are signed in
	faults  *prometheus.CounterVec // of classes, by kind and by who found it
}

// New makes a keeper over a database and the lines to its peers.
func New(cfg Config, db store.Store, vault, porter, gate *ipc.Client, log *slog.Logger) (*Keeper, error) {
	if len(cfg.DeviceKey) != 32 {
		return nil, errors.New("device key must have 32 bytes")
	}
	k := &Keeper{cfg: cfg, log: log, store: db, vault: vault, porter: porter, gate: gate, epochs: &epochs{}, live: newLive(),
		cells: newCells(cfg), turns: newTurns(), fails: limit.NewFails(), rates: newRates(), written: limit.NewQuota(), streams: newStreams(), sent: limit.NewQuota(),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cofferdam_class_faults_total",
			Help: "Classes of sealed records that did not fit their root, by kind and by who found it: the cell that opened it, or keeper by its mirror."}, []string{"fault", "found"})}
	k.limits.Store(&cfg)
	return k, nil
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
	if k.spool, err = spool.Open(cfg.Uploads, spool.DefaultLimits()); err != nil {
		return err
	}
	defer k.spool.Close()
	if k.indexes, err = indexes.Open(cfg.Indexes, indexes.DefaultLimits()); err != nil {
		return err
	}
	defer k.indexes.Close()
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
		case l.Name() == "porter":
			mux = k.porterCalls()
		case l.Name() == "courier":
			mux = k.courierCalls()
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
	k.cells.inherit()
	wg.Go(func() { k.housekeeping(bg) })
	if err := role.Ready(ctx); err != nil {
		stop()
		wg.Wait()
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
	ipc.Handle(m, ipc.KeeperAlive, 64<<10, ipc.CallTimeout, k.alive)
	ipc.Handle(m, ipc.KeeperSignOut, 4<<10, ipc.CallTimeout, k.signOut)
	ipc.Handle(m, ipc.KeeperSessions, 4<<10, ipc.CallTimeout, k.list)
	ipc.Handle(m, ipc.KeeperRevoke, 64<<10, ipc.CallTimeout, k.revoke)
	ipc.Handle(m, ipc.KeeperToken, 4<<10, ipc.CallTimeout, k.token)
	return m
}

func (k *Keeper) porterCalls() *ipc.Mux {
	m := ipc.NewMux(k.log)
	ipc.Handle(m, ipc.KeeperHeld, 64<<10, ipc.CallTimeout, k.held)
	return m
}

func (k *Keeper) cellCalls(cell string) *ipc.Mux {
	m := ipc.NewMux(k.log)
	ipc.Handle(m, ipc.KeeperRecordPut, 2*maxRecord, ipc.CallTimeout, k.put(cell))
	ipc.Handle(m, ipc.KeeperRecordGet, 4<<10, ipc.CallTimeout, k.get(cell))
	ipc.Handle(m, ipc.KeeperRecordList, 4<<10, ipc.CallTimeout, k.listRecords(cell))
	ipc.Handle(m, ipc.KeeperRecordChanges, 4<<10, ipc.CallTimeout, k.changes(cell))
	m.Raw("POST "+ipc.KeeperUploadPut, k.putUpload(cell))
	m.Raw("POST "+ipc.KeeperUploadGet, k.getUpload(cell))
	m.Raw("POST "+ipc.KeeperIndexPut, k.putIndex(cell))
	m.Raw("POST "+ipc.KeeperIndexGet, k.getIndex(cell))
	return m
}

// restarted tells a peer's successor what its predecessor knew.
func (k *Keeper) restarted(ctx context.Context, name string) {
	switch {
	case name == "vault":
		k.depositAgain(ctx)
	case name == "porter":
		k.again(ctx, func(placement) bool { return true }, func(ctx context.Context, s *session, at placement) error {
			return k.tellPorter(ctx, s, at)
		})
	case strings.HasPrefix(name, "cell/"):
		k.again(ctx, func(at placement) bool { return at.cell == name }, func(ctx context.Context, s *session, _ placement) error {
			return k.place(ctx, s)
		})
	}
}

// again repeats a step for live sessions, some at the same time. A session that
// fails is placed anew at its next request.
func (k *Keeper) again(ctx context.Context, which func(placement) bool, step func(context.Context, *session, placement) error) {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, againAtOnce)
	for _, s := range k.live.of(func(*session) bool { return true }) {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := k.stepAgain(ctx, s, which, step); err != nil {
				k.log.Warn("session not told to a restarted role", "err", err)
			}
		})
	}
}

func (k *Keeper) stepAgain(ctx context.Context, s *session, which func(placement) bool, step func(context.Context, *session, placement) error) error {
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	release, err := k.turns.take(ctx, s.uid)
	if err != nil {
		return err
	}
	defer release()
	at, ended := s.now()
	if ended || at.capability == nil || !which(at) {
		return nil
	}
	err = step(ctx, s, at)
	s.mu.Lock()
	ended = s.ended
	if err != nil {
		s.at.capability = nil
	}
	s.mu.Unlock()
	if ended { // perhaps before the step told of it
		k.tellEnded(ctx, [][]byte{s.hash[:]})
	}
	return err
}

// reload takes limits that may change while people are signed in. The number of
// cells cannot.
func (k *Keeper) reload(data json.RawMessage) {
	var cfg Config
	if err := ipc.Decode(data, &cfg); err != nil {
		k.log.Error("configuration not taken", "err", err)
		return
	}
	if cfg.Cells != k.cfg.Cells || cfg.PeoplePerCell != k.cfg.PeoplePerCell {
		k.log.Warn("the number of cells changes with the next start")
	}
	k.limits.Store(&cfg)
}

// Collectors are registered by the role's process.
func (k *Keeper) Collectors() []prometheus.Collector {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	return []prometheus.Collector{k.faults,
		gauge("cofferdam_indexes_bytes", "Sealed bytes of people's indexes.", k.indexBytes),
		gauge("cofferdam_uploads_bytes", "Sealed bytes of uploads that wait to be used.", k.uploadBytes),
		gauge("cofferdam_live_sessions", "Sessions open in keeper.", func() float64 { n, _ := k.live.count(); return float64(n) }),
		gauge("cofferdam_signed_in_people", "People with an open session.", func() float64 { _, n := k.live.count(); return float64(n) }),
	}
}
