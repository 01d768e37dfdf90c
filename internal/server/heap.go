package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// keepHeapFloor lets a role's heap grow to floor bytes before it is collected, and
// beyond that to twice of what lives, as Go does by itself. A role holds few
// megabytes; collected at each doubling of those, it would spend a third of its time
// on that.
func keepHeapFloor(floor uint64) {
	if floor == 0 {
		return
	}
	debug.SetGCPercent(maxGCPercent)
	now := maxGCPercent
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var watch func(*[16]byte)
	watch = func(sentinel *[16]byte) {
		metrics.Read(live)
		if want := gcPercent(floor, live[0].Value.Uint64()); want != now {
			debug.SetGCPercent(want)
			now = want
		}
		runtime.SetFinalizer(sentinel, watch) // it dies again with the next collection
	}
	runtime.SetFinalizer(new([16]byte), watch)
}

// gcPercent is how far the heap may grow over what lives, in steps, as each change
// stops the process for a moment.
func gcPercent(floor, live uint64) int {
	if live == 0 {
		return maxGCPercent
	}
	percent := int(floor*100/live) - 100
	return min(max(percent/25*25, 100), maxGCPercent)
}
