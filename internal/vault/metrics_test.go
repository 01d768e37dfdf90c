package vault

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestCollectorsShowAlarms(t *testing.T) {
	v := mustOpen(t, Config{})
	reg := prometheus.NewRegistry()
	reg.MustRegister(v.Collectors()...)
	uid := newPerson(t, v)
	for _, counter := range []int64{2, 1} {
		_, _, err := v.CheckRoot(t.Context(), uid, "outbox", counter, true)
		must(t, err)
	}
	families, err := reg.Gather()
	must(t, err)
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if len(got) != 8 || got["cofferdam_vault_roots_rolled_back_total"] != 1 || got["cofferdam_vault_roots_made_anew_total"] != 0 {
		t.Errorf("counters %v", got)
	}
}
