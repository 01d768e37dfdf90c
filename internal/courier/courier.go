package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
)

// Courier posts for cells.
type Courier struct {
	log        *slog.Logger
	covers     func(context.Context, ipc.CoversRequest) (ipc.Covered, error)
	outlet     atomic.Pointer[outlet]
	rates      *limit.Quota
	newTargets *limit.Quota
	targets    targets
	pauses     pauses
	busy       *busy
	counts     *counts
}

// outlet is what follows from the configuration.
type outlet struct {
	reach    *reach
	client   *http.Client
	vapid    seal.VAPIDKey
	contact  string
	hostRate int
}

type counts struct {
	pushes  *prometheus.CounterVec
	refused prometheus.Counter
}

// New makes a courier. covers asks keeper whether a session may push.
func New(cfg Config, covers func(context.Context, ipc.CoversRequest) (ipc.Covered, error), log *slog.Logger) (*Courier, error) {
	c := &Courier{log: log, covers: covers, rates: limit.NewQuota(), newTargets: limit.NewQuota(),
		targets: targets{newTimes(maxTargets)}, pauses: pauses{newTimes(maxPauses)}, busy: &busy{of: map[string]int{}},
		counts: &counts{
			pushes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cofferdam_pushes_total",
				Help: "Web Push messages, by how they ended: sent, slowed (429), gone (404, 410), refused (another status), or why none was sent."}, []string{"outcome"}),
			refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "cofferdam_push_addresses_refused_total",
				Help: "Pushes whose host's name led to an address that is not public."}),
		}}
	return c, c.configure(cfg)
}

// configure takes a configuration; pushes under way end under the former.
func (c *Courier) configure(cfg Config) error {
	key, err := seal.ParseVAPIDKey(cfg.VAPIDKey)
	if err != nil {
		return err
	}
	if cfg.HostRate < 1 {
		return errors.New("hostRate must be at least 1")
	}
	out := &outlet{reach: newReach(cfg), vapid: key, contact: cfg.Contact, hostRate: cfg.HostRate}
	if out.client, err = newClient(out.reach, cfg.Roots); err != nil {
		return err
	}
	if old := c.outlet.Swap(out); old != nil {
		old.client.CloseIdleConnections()
	}
	return nil
}

// newClient makes the one client that posts: each connection is looked at by reach,
// no redirect is followed, no proxy used, no cookie kept.
func newClient(r *reach, roots []byte) (*http.Client, error) {
	var pool *x509.CertPool // nil: the system's
	if len(roots) > 0 {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("the system's roots: %w", err)
		}
		if !system.AppendCertsFromPEM(roots) {
			return nil, errors.New("push.ca holds no certificate")
		}
		pool = system
	}
	dialer := &net.Dialer{Timeout: pushTime, ControlContext: r.control}
	dialer.SetMultipathTCP(false) // the sandbox refuses it
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    pushTime,
		ResponseHeaderTimeout:  pushTime,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        idleConn,
		MaxIdleConns:           maxIdleConns,
		MaxConnsPerHost:        maxAtOnce,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// Run is the role: it serves the cells until it is told to drain.
func Run(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg Config
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of courier: %w", err)
	}
	line := role.Line("keeper")
	if line == nil {
		return errors.New("courier was given no line to keeper")
	}
	c, err := New(cfg, askKeeper(ipc.NewClient(line)), log)
	clear(cfg.VAPIDKey)
	clear(role.Config)
	if err != nil {
		return err
	}
	reg.MustRegister(c.counts.pushes, c.counts.refused)
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	role.EachLine(func(l *ipc.Line) {
		if strings.HasPrefix(l.Name(), "cell/") {
			wg.Go(func() { _ = ipc.Serve(bg, l.Listener(), c.cellCalls(l.Name()), drainTime) }) // ends when drained or when the line is gone
		}
	})
	role.OnReload(c.reload)
	if err := role.Ready(ctx); err != nil {
		stop()
		return err
	}
	err = role.Run(ctx)
	stop()
	wg.Wait()
	return err
}

func (c *Courier) cellCalls(cell string) http.Handler {
	m := ipc.NewMux(c.log)
	ipc.Handle(m, ipc.CourierPush, maxCall, pushTime+coverTime+time.Second, c.push(cell))
	return m
}

// askKeeper is Courier.covers.
func askKeeper(keeper *ipc.Client) func(context.Context, ipc.CoversRequest) (ipc.Covered, error) {
	return func(ctx context.Context, req ipc.CoversRequest) (ipc.Covered, error) {
		ctx, cancel := context.WithTimeout(ctx, coverTime)
		defer cancel()
		return ipc.Call[ipc.Covered](ctx, keeper, ipc.KeeperCovers, req)
	}
}

func (c *Courier) reload(data json.RawMessage) {
	var cfg Config
	err := ipc.Decode(data, &cfg)
	if err == nil {
		err = c.configure(cfg)
	}
	clear(cfg.VAPIDKey)
	clear(data)
	if err != nil {
		c.log.Error("configuration not taken", "err", err)
	}
}
