package porter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
)

// Run is the role: it serves keeper and the cells until it is told to drain.
func Run(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg Config
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of porter: %w", err)
	}
	p, err := New(cfg, log)
	clear(cfg.SignInKey)
	clear(cfg.CredentialKey)
	clear(role.Config)
	if err != nil {
		return err
	}
	reg.MustRegister(p.Collectors()...)
	if role.Line("keeper") == nil {
		return errors.New("porter was given no line to keeper")
	}
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	role.EachLine(func(l *ipc.Line) {
		var mux *ipc.Mux
		switch {
		case l.Name() == "keeper":
			mux = p.keeperCalls()
		case strings.HasPrefix(l.Name(), "cell/"):
			mux = p.cellCalls(l.Name())
		default:
			return
		}
		wg.Go(func() { _ = ipc.Serve(bg, l.Listener(), mux, submitTime) }) // ends when drained or when the line is gone
	})
	wg.Go(func() { p.watch(bg, askKeeper(ipc.NewClient(role.Line("keeper")))) })
	role.OnReload(p.reload)
	if err := role.Ready(ctx); err != nil {
		stop()
		return err
	}
	err = role.Run(ctx)
	p.registry.closePipes()
	stop()
	wg.Wait()
	p.pipes.Wait()
	return err
}

func (p *Porter) keeperCalls() *ipc.Mux {
	m := ipc.NewMux(p.log)
	ipc.Handle(m, ipc.PorterSignIn, 1<<10, time.Second, p.offer)
	ipc.Handle(m, ipc.PorterAuth, 64<<10, 2*dialTime, p.authenticate)
	ipc.Handle(m, ipc.PorterDerive, 4<<10, dialTime, p.derive)
	ipc.Handle(m, ipc.PorterLive, 64<<10, time.Second, p.live)
	ipc.Handle(m, ipc.PorterEnd, 1<<20, time.Second, p.end)
	return m
}

func (p *Porter) cellCalls(cell string) *ipc.Mux {
	m := ipc.NewMux(p.log)
	m.Raw("GET "+ipc.PorterIMAP, p.pipe(cell))
	m.Raw("POST "+ipc.PorterSubmit, p.submit(cell))
	p.sieveCalls(m, cell)
	return m
}

// reload takes a new table of platforms, a key document that was signed anew and
// the limit of failed sign-ins; pipes that are open live on.
func (p *Porter) reload(data json.RawMessage) {
	var cfg Config
	err := ipc.Decode(data, &cfg)
	clear(cfg.SignInKey)
	clear(cfg.CredentialKey)
	clear(data)
	if err == nil {
		err = p.setDocument(cfg.KeyDocument)
	}
	if err == nil {
		err = p.setPlatforms(cfg.Platforms)
	}
	if err == nil {
		p.throttle.perHour.Store(int64(cfg.FailsAccount))
	}
	if err != nil {
		p.log.Error("configuration not taken", "err", err)
	}
}
