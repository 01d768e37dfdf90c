package server

import "testing"

func TestGCPercent(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		floor, live uint64
		want        int
	}{
		{24 * mib, 0, maxGCPercent},
		{24 * mib, 1 * mib, maxGCPercent},
		{24 * mib, 6 * mib, 300},  // collected at 24 MiB
		{24 * mib, 12 * mib, 100}, // from here on at twice of what lives
		{24 * mib, 500 * mib, 100},
	} {
		if got := gcPercent(c.floor, c.live); got != c.want {
			t.Errorf("floor %d MiB, live %d MiB: %d, want %d", c.floor/mib, c.live/mib, got, c.want)
		}
	}
}
