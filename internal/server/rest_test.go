package server

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// kept makes the compiler allocate what is put into it.
var kept []byte

// TestRest: what a process holds and does not need is given back when it has had
// nothing to do, not while it works, and not again when there is nothing to be had.
func TestRest(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // only rest collects: else the runtime may be there first
	runtime.GC()
	h := newHeap()
	h.read()
	kept = make([]byte, 12<<20)
	kept = nil
	if h.read(); h.resting() {
		t.Error("a process rests that has just made 12 MiB")
	}
	if h.read(); !h.resting() {
		t.Errorf("a process with 12 MiB of garbage does not rest: %d bytes made, %d to spare", h.made, h.spare)
	}
	before := h.spare
	h.rest()
	if h.read(); h.resting() || h.spare > before-8<<20 {
		t.Errorf("a process has %d bytes to spare after a rest, %d before, and rests again: %v", h.spare, before, h.resting())
	}
}
