package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
)

// Run is the role: it serves the listeners that the supervisor gave it until it
// is told to drain.
func Run(ctx context.Context, role *ipc.Role, assets fs.FS, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg Config
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of gate: %w", err)
	}
	line := role.Line("keeper")
	if line == nil {
		return errors.New("gate was given no line to keeper")
	}
	g, err := New(cfg, ipc.NewClient(line), assets, log)
	if err != nil {
		return err
	}
	role.EachLine(func(l *ipc.Line) {
		if strings.HasPrefix(l.Name(), "cell/") {
			g.AddCell(l)
		}
	})
	role.OnGone(g.DropCell)
	role.OnReload(func(data json.RawMessage) { g.reload(data) })
	reg.MustRegister(g.Collectors()...)
	return g.serve(ctx, role, line)
}

func (g *Gate) serve(ctx context.Context, role *ipc.Role, line *ipc.Line) error {
	t, err := g.tlsConfig(ctx)
	if err != nil {
		return err
	}
	server := g.server(g.timed(g.Handler()))
	failed := make(chan error, 1)
	for i := 0; ; i++ {
		l := role.Listener(fmt.Sprintf("web/%d", i))
		if l == nil {
			break
		}
		go func() {
			if err := server.Serve(g.wrap(l, t)); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	notices := ipc.NewMux(g.log)
	ipc.Handle(notices, ipc.GateEnded, 1<<20, time.Second, g.Ended)
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var behind sync.WaitGroup
	behind.Go(func() { g.sessions.watch(bg, g.alive) })
	behind.Go(func() { g.basics.watch(bg, g.endBasic) })
	behind.Go(g.static.prepare)
	noticed := make(chan error, 1)
	go func() { noticed <- ipc.Serve(bg, line.Listener(), notices, time.Second) }()

	if err := role.Ready(ctx); err != nil {
		stop()
		<-noticed
		behind.Wait()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- role.Run(ctx) }()
	select {
	case err = <-failed:
	case err = <-ended:
	}
	g.sessions.endStreams()
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if shut := server.Shutdown(drain); shut != nil {
		_ = server.Close() // what is left had its time
	}
	g.closeSockets(drain)
	stop()
	<-noticed
	behind.Wait()
	return err
}

// reload takes what can change while people are connected: the name, HTTP Basic,
// the listed proxies, and a renewed certificate, which new connections get. A
// configuration with a fault changes nothing.
func (g *Gate) reload(data json.RawMessage) {
	var cfg Config
	err := ipc.Decode(data, &cfg)
	var next *live
	if err == nil {
		next, err = newLive(cfg)
	}
	if err != nil {
		g.log.Error("configuration not taken", "err", err)
		return
	}
	if cfg.TLS != g.cfg.TLS {
		g.log.Warn("web.tls changes with the next start")
		next.certificate = g.live.Load().certificate
	}
	g.live.Store(next)
}
