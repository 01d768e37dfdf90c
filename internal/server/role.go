package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cofferdam/internal/breakin"
	"cofferdam/internal/cell"
	"cofferdam/internal/courier"
	"cofferdam/internal/gate"
	"cofferdam/internal/ipc"
	"cofferdam/internal/keeper"
	"cofferdam/internal/porter"
	"cofferdam/internal/render"
	"cofferdam/internal/sandbox"
)

// RunRole is this process as one role: it closes itself in, waits for what the
// supervisor hands over, and serves. assets are the client's files, for gate.
func RunRole(name string, assets fs.FS) error {
	profile, err := sandbox.Inherited()
	if err != nil {
		return err
	}
	report, missing := sandbox.Enter(profile)
	if missing != nil {
		return missing
	}
	role, err := ipc.OpenRole(os.NewFile(ipc.ControlFD, "control"))
	if err != nil {
		return err
	}
	role.Report = report
	// A terminal's interrupt goes to all processes of its group; who drains when
	// is the supervisor's to say.
	signal.Ignore(os.Interrupt, syscall.SIGHUP)
	keepHeapFloor(heapFloors[kind(name)])
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("role", name)
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go giveBack(ctx)
	go serveFigures(ctx, role, reg)
	return runRole(ctx, name, role, log, reg, assets)
}

func runRole(ctx context.Context, name string, role *ipc.Role, log *slog.Logger, reg *prometheus.Registry, assets fs.FS) error {
	switch kind(name) {
	case "gate":
		return gate.Run(ctx, role, assets, log, reg)
	case "keeper":
		return keeper.Run(ctx, role, log, reg)
	case "vault":
		return runVault(ctx, role, log, reg)
	case "porter":
		return porter.Run(ctx, role, log, reg)
	case "courier":
		return courier.Run(ctx, role, log, reg)
	case "cell":
		return cell.Run(ctx, role, log, reg)
	case "render":
		return render.Run(ctx, role, log, reg)
	}
	return fmt.Errorf("role %q is not known", name)
}

// serveFigures answers the supervisor's question for metrics.
func serveFigures(ctx context.Context, role *ipc.Role, reg *prometheus.Registry) {
	line := role.Line("admin")
	if line == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	breakin.Role(mux, role)
	err := ipc.Serve(ctx, line.Listener(), mux, time.Second)
	if err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		slog.Debug("figures end", "err", err)
	}
}
