package server

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// giveBack returns to the system what this process holds and does not need, once it
// has had nothing to do for a while. Go would keep the garbage of the last requests
// until the heap reaches its next goal, for hours in a role that nobody uses, and the
// tables that only a sign-in or a compressor needed with it. It returns when ctx ends.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	h := newHeap()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if h.read(); h.resting() {
			h.rest()
		}
	}
}

// heap is how this process's heap stands.
type heap struct {
	samples []metrics.Sample
	made    uint64 // bytes allocated since the reading before
	spare   uint64 // bytes that a collection may find, or that are free already
	live    uint64 // what the last collection left; 0 before the first
	stays   uint64 // the part of spare that a rest did not return
}

func newHeap() *heap {
	return &heap{samples: []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"},
	}}
}

func (h *heap) read() {
	before := h.samples[0].Value
	metrics.Read(h.samples)
	h.made = h.samples[0].Value.Uint64()
	if before.Kind() == metrics.KindUint64 {
		h.made -= before.Uint64()
	}
	objects := h.samples[2].Value.Uint64()
	h.live = h.samples[3].Value.Uint64()
	h.spare = h.samples[1].Value.Uint64() + objects - min(objects, h.live)
	h.stays = min(h.stays, h.spare)
}

// resting says whether there was nothing to do since the reading before, and
// something is to be had.
func (h *heap) resting() bool {
	worth := max(restGain, h.live/restShare)
	if h.live == 0 {
		worth = firstGain
	}
	return h.made < restMade && h.spare-h.stays >= worth
}

// rest returns what is to be had. Go keeps some megabytes now and then: they are not
// asked for again.
func (h *heap) rest() {
	runtime.GC() // what pools kept for the next request goes at the second collection
	debug.FreeOSMemory()
	h.read()
	h.stays = h.spare
}
