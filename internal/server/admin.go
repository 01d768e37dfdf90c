package server

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"cofferdam/internal/breakin"
	"cofferdam/internal/ipc"
)

// adminHandler is the operator's listener: health and metrics.
func (s *supervisor) adminHandler(reg *prometheus.Registry) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", s.healthz)
	m.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { s.metrics(w, r, reg) })
	breakin.Admin(m, s.role)
	return m
}

// role is our line to a role, nil for one that is not there.
func (s *supervisor) role(name string) *ipc.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admin[name]
}

// healthz is 200 when the server has started and every role runs, and names
// those that do not.
func (s *supervisor) healthz(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	up := s.up
	var down []string
	for name, p := range s.procs {
		if p.pid == 0 {
			down = append(down, name)
		}
	}
	s.mu.Unlock()
	slices.Sort(down)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !up || len(down) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	for _, name := range down {
		fmt.Fprintf(w, "down: %s\n", name)
	}
	switch {
	case !up:
		fmt.Fprintln(w, "starting")
	case len(down) == 0:
		fmt.Fprintln(w, "ok")
	}
}

// metrics gathers the figures of all roles, each with its name as a label.
func (s *supervisor) metrics(w http.ResponseWriter, r *http.Request, reg *prometheus.Registry) {
	ctx, cancel := context.WithTimeout(r.Context(), metricsTime)
	defer cancel()
	s.mu.Lock()
	clients := maps.Clone(s.admin)
	s.mu.Unlock()
	merged := map[string]*dto.MetricFamily{}
	var mu sync.Mutex
	add := func(role string, families map[string]*dto.MetricFamily) {
		mu.Lock()
		defer mu.Unlock()
		merge(merged, role, families)
	}
	var wg sync.WaitGroup
	for name, c := range clients {
		wg.Go(func() { add(name, scrape(ctx, c)) })
	}
	own, err := reg.Gather()
	wg.Wait()
	if err == nil {
		families := map[string]*dto.MetricFamily{}
		for _, f := range own {
			families[f.GetName()] = f
		}
		add("server", families)
	}
	w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if _, err := expfmt.MetricFamilyToText(w, merged[name]); err != nil {
			return // the asker is gone
		}
	}
}

// merge adds a role's figures to those of others. What would make the whole page
// unreadable, or pass for another role's figures, is left out: a role may be
// hostile.
func merge(merged map[string]*dto.MetricFamily, role string, families map[string]*dto.MetricFamily) {
	for name, f := range families {
		f.Metric = slices.DeleteFunc(f.Metric, func(m *dto.Metric) bool {
			return slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName() == "role" })
		})
		for _, m := range f.Metric {
			m.Label = append(m.Label, &dto.LabelPair{Name: new("role"), Value: &role})
		}
		have := merged[name]
		switch {
		case have == nil:
			merged[name] = f
		case have.GetType() == f.GetType():
			have.Metric = append(have.Metric, f.Metric...)
		}
	}
}

// scrape asks one role; a role that does not answer in time has no figures.
func scrape(ctx context.Context, c *ipc.Client) map[string]*dto.MetricFamily {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://line/metrics", nil)
	if err != nil {
		return nil
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(http.MaxBytesReader(nil, resp.Body, maxFigures))
	if err != nil {
		return nil
	}
	return families
}

// serveAdmin runs the admin listener until ctx ends.
func (s *supervisor) serveAdmin(ctx context.Context, l net.Listener, reg *prometheus.Registry) {
	server := &http.Server{Handler: s.adminHandler(reg), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	_ = server.Serve(l) // ends with ctx
}
