package system

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestOthersShare: our own work is not taken for that of others, and that of a
// program that ended is ours, too.
func TestOthersShare(t *testing.T) {
	before, err := cpuNow()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	after, err := cpuNow()
	if err != nil {
		t.Fatal(err)
	}
	if after.ours <= before.ours || after.all <= before.all {
		t.Errorf("after some work: %+v, before: %+v", after, before)
	}
	if ticks := treeTicks(os.Getpid()); ticks < after.ours {
		t.Errorf("our time went back from %d to %d", after.ours, ticks)
	}
	if got := (cpuTimes{all: 200, busy: 150, ours: 50}).othersShare(cpuTimes{all: 100, busy: 50, ours: 0}); got != 0.5 {
		t.Errorf("others took %v, want half", got)
	}
}

func TestStretched(t *testing.T) {
	for _, c := range []struct {
		others float64
		want   time.Duration
	}{{0, 5 * time.Second}, {0.2, 5 * time.Second}, {0.5, 10 * time.Second}, {0.99, 50 * time.Second}} {
		if got := stretched(5*time.Second, c.others); got != c.want {
			t.Errorf("beside others that take %v: %v, want %v", c.others, got, c.want)
		}
	}
}
