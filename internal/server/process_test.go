package server

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/config"
	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// TestMain is a role that ends as soon as it has said that it is ready, where the
// supervisor starts this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "role" {
		os.Exit(endAfterReady())
	}
	os.Exit(m.Run())
}

func endAfterReady() int {
	role, err := ipc.OpenRole(os.NewFile(ipc.ControlFD, "control"))
	if err != nil {
		return 2
	}
	if err := role.Ready(context.Background()); err != nil {
		return 3
	}
	return 1
}

// A role that was ready is not taken for one that cannot start, however soon it
// ended: else whoever can end a cell could end a server that starts.
func TestReadyCountsHoweverShort(t *testing.T) {
	host, err := sandbox.Detect(sandbox.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{
		ctx: t.Context(), log: slog.New(slog.DiscardHandler), host: host, plan: &plan{loaded: config.Default()},
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "restarts"}, []string{"kind"}),
	}
	for range 20 {
		p := &process{name: "render/0.0", sup: s, log: s.log, ready: make(chan struct{}), done: make(chan struct{})}
		s.procs, s.hooks = map[string]*process{p.name: p}, map[string]func(){}
		began := time.Now()
		if err := p.once(t.Context()); err == nil || err.Error() != "exit status 1" {
			t.Fatalf("the role ended with %v", err)
		}
		if took := time.Since(began); took > lastWords {
			t.Errorf("its end was seen after %v", took)
		}
		if p.starts != 1 || p.hopeless(maxFirstFails) {
			t.Fatalf("%d starts, hopeless %v", p.starts, p.hopeless(maxFirstFails))
		}
	}
}
