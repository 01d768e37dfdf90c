package porter

import "github.com/prometheus/client_golang/prometheus"

// counts are porter's figures for operators.
type counts struct {
	logins      *prometheus.CounterVec
	pipes       *prometheus.CounterVec
	refused     *prometheus.CounterVec
	submissions *prometheus.CounterVec
}

func newCounts() *counts {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &counts{
		logins:      vec("cofferdam_platform_logins_total", "Authentications at the mail platform.", "service", "outcome"),
		pipes:       vec("cofferdam_pipes_total", "IMAP pipes opened for cells.", "outcome"),
		refused:     vec("cofferdam_guard_refusals_total", "Commands of cells that a guard refused.", "guard"),
		submissions: vec("cofferdam_submissions_total", "Mails handed to the submission server.", "outcome"),
	}
}

// Collectors are registered by the role's process.
func (p *Porter) Collectors() []prometheus.Collector {
	live := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cofferdam_live_capabilities", Help: "Capabilities of live sessions."},
		func() float64 { n, _, _ := p.registry.figures(); return float64(n) })
	people := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cofferdam_live_people", Help: "People with a live session."},
		func() float64 { _, n, _ := p.registry.figures(); return float64(n) })
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cofferdam_open_pipes", Help: "IMAP pipes open now."}, func() float64 {
		_, _, pipes := p.registry.figures()
		n := 0
		for _, v := range pipes {
			n += v
		}
		return float64(n)
	})
	return []prometheus.Collector{p.counts.logins, p.counts.pipes, p.counts.refused, p.counts.submissions, live, people, open}
}
