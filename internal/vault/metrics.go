package vault

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Collectors are the counters, for the role's process to register. Those that
// are alarms say so.
func (v *Vault) Collectors() []prometheus.Collector {
	c := &v.counters
	counter := func(name, help string, n *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "cofferdam_vault_" + name + "_total", Help: help},
			func() float64 { return float64(n.Load()) })
	}
	return []prometheus.Collector{
		counter("slots_opened", "Slots whose outer layer was opened.", &c.Opened),
		counter("slots_refused", "Slots whose outer layer did not open.", &c.Refused),
		counter("proofs_repeated", "Proofs that were shown before and cost no attempt.", &c.Repeated),
		counter("throttled_person", "Alarm: attempts over a person's limit.", &c.ThrottledUser),
		counter("throttled_all", "Alarm: attempts over the limit of all.", &c.ThrottledTotal),
		counter("roots_rolled_back", "Alarm: class roots older than their mirror.", &c.RolledBack),
		counter("roots_made_anew", "Alarm: classes that did not fit their root.", &c.RootFaults),
		counter("destroyed", "People whose keys were destroyed.", &c.Destroyed),
	}
}
