package gate

import "github.com/prometheus/client_golang/prometheus"

// counts are gate's figures for operators.
type counts struct {
	signIns    *prometheus.CounterVec
	cellErrors prometheus.Counter
	requests   *prometheus.HistogramVec
}

func newCounts() *counts {
	return &counts{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cofferdam_sign_ins_total", Help: "Sign-ins by kind and outcome."}, []string{"kind", "outcome"}),
		cellErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cofferdam_cell_errors_total", Help: "Requests that a cell broke off."}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cofferdam_request_seconds", Help: "Time of requests by class of path.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}}, []string{"path", "status"}),
	}
}

// Collectors are registered by the role's process.
func (g *Gate) Collectors() []prometheus.Collector {
	return []prometheus.Collector{g.counts.signIns, g.counts.cellErrors, g.counts.requests}
}
