package sieve

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// hostileCPU is what the largest script may take of a processor to be read and
	// gone through.
	hostileCPU = time.Second
	// hostileMemory bounds what is allocated meanwhile: a script of MaxScript has
	// MaxNodes nodes of 150 bytes, and as many arguments as fit.
	hostileMemory = 128 << 20
)

// TestHostile reads scripts at their limits.
func TestHostile(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, (MaxScript-64)/len(s)) }
	nest := func(open, shut string) string {
		return strings.Repeat(open, MaxDepth-1) + strings.Repeat(shut, MaxDepth-1)
	}
	for name, src := range map[string]string{
		"commands":        strings.Repeat("keep;", MaxNodes),
		"redirects":       fill(`redirect "a@b.c";`),
		"vacations":       fill(`vacation :addresses ["a@b","c@d"] :mime "From: x";`),
		"notifications":   fill(`notify :from "a@b" "mailto:x";`),
		"nested blocks":   fill(nest("if true{", "}")),
		"nested tests":    fill("if " + nest("not allof(", "true)") + "{}"),
		"a list":          `require [` + fill(`"a",`) + `"a"];`,
		"tags":            `vacation ` + fill(`:a `) + `;`,
		"numbers":         `a ` + fill(`1G `) + `;`,
		"comments":        fill("/* /* */"),
		"a long string":   `fileinto "` + fill(`\"`) + `";`,
		"a long text":     "vacation text:\n" + fill("..\n") + ".\n;",
		"lines":           fill("\n"),
		"variables":       fill(`set "a" "${a}${a}";`),
		"addresses":       `vacation :addresses [` + fill(`"a@b",`) + `"a@b"] "x";`,
		"comment, no end": "/*" + fill("*"),
		"string, no end":  fill(`"`),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began, said := processorTime(t), "read"
			if s, err := Parse(src); err != nil {
				said = err.Error()
			} else {
				said += fmt.Sprintf(", %d ways out", len(s.Outward(mine)))
				s.Requires()
				s.Includes()
			}
			spent := processorTime(t) - began
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes, %s: %v, %.1f MB", len(src), said, spent.Round(time.Millisecond), float64(allocated)/(1<<20))
			if spent > hostileCPU || allocated > hostileMemory {
				t.Errorf("%v of the processor and %d MB", spent, allocated>>20)
			}
		})
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
