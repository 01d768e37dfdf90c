package sandbox_test

import (
	"slices"
	"testing"

	"cofferdam/internal/sandbox"
)

// BenchmarkStart is the time from start to end of a child that does nothing, by
// role, with all layers and with none.
func BenchmarkStart(b *testing.B) {
	s := starters(b)[0]
	for _, p := range append(cells(), sandbox.Decoder(memory), sandbox.Keeper(), sandbox.Porter()) {
		b.Run(p.Role, func(b *testing.B) { benchStart(b, s, child{Profile: p, Task: "nothing"}) })
	}
	b.Run("no layers", func(b *testing.B) {
		benchStart(b, s, child{Profile: sandbox.Cell(memory), Without: only(), Task: "nothing"})
	})
}

func benchStart(b *testing.B, s starter, c child) {
	j := job{AtOnce: 1}
	for range b.N {
		j.Children = append(j.Children, c)
	}
	var took []float64
	for _, d := range s.run(b, j) {
		took = append(took, d.Millis)
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms/start-p50")
	b.ReportMetric(took[len(took)*99/100], "ms/start-p99")
}

// BenchmarkCall is a call over HTTP through a socket pair, inside and outside.
func BenchmarkCall(b *testing.B) {
	s := starters(b)[0]
	for _, c := range []struct {
		name    string
		without []sandbox.Layer
	}{{"inside", nil}, {"outside", only()}, {"seccomp alone", only(sandbox.LayerSeccomp)}} {
		b.Run(c.name, func(b *testing.B) {
			j := job{AtOnce: 1}
			for range b.N {
				j.Children = append(j.Children, child{Profile: sandbox.Cell(memory), Without: c.without, Task: "http"})
			}
			sum := map[string]float64{}
			for _, d := range s.run(b, j) {
				for k, v := range d.Figures {
					sum[k] += v
				}
			}
			for k, v := range sum {
				b.ReportMetric(v/float64(b.N), k)
			}
		})
	}
}
