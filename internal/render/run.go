package render

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
)

// Run is the role: it serves its cell until it is told to drain, or has to
// retire. It returns nil then, and the supervisor starts the next one, which
// finds what the cell asked for in the meantime on the same line.
func Run(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	if len(role.Config) > 0 {
		if err := ipc.Decode(role.Config, &struct{}{}); err != nil {
			return fmt.Errorf("configuration of a render: %w", err)
		}
	}
	line := cellLine(role)
	if line == nil {
		return errors.New("a render was given no line to a cell")
	}
	r := New(log)
	reg.MustRegister(r.Collectors()...)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = ipc.Serve(serving, line.Listener(), r, drainTime) }) // ends when drained
	if err := role.Ready(ctx); err != nil {
		stop()
		wg.Wait()
		return fmt.Errorf("reporting ready: %w", err)
	}
	told, end := context.WithCancel(ctx)
	defer end()
	drained := make(chan error, 1)
	go func() { drained <- role.Run(told) }()
	var err error
	select {
	case err = <-drained:
		stop()
		wg.Wait()
		return err
	case <-r.Retired():
		stop()
		wg.Wait() // the answer in work goes out first
		end()
		return <-drained
	}
}

// cellLine is the line to the one cell that a render belongs to.
func cellLine(role *ipc.Role) *ipc.Line {
	var found *ipc.Line
	role.EachLine(func(l *ipc.Line) {
		if found == nil && strings.HasPrefix(l.Name(), "cell") {
			found = l
		}
	})
	return found
}
