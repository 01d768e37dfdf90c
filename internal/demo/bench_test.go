package demo

import "testing"

func BenchmarkSampleLogs(b *testing.B) {
	for b.Loop() {
		if _, err := sampleLogs(fixed); err != nil {
			b.Fatal(err)
		}
	}
}
