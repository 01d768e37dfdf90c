package system

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTimes is where the machine's processors spent their time, in ticks.
type cpuTimes struct {
	all, busy int64
	ours      int64 // of this test, the servers that it started, and what they started
}

// lightLoad is the share of the processors that other programs may take without
// a bound on times being stretched for it.
const lightLoad = 0.25

// cpuNow reads the times (proc(5)).
func cpuNow() (cpuTimes, error) {
	var c cpuTimes
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, iowait, guest = 3, 4, 8 // guest time is in user time already
	for i, f := range strings.Fields(line)[1:] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return c, fmt.Errorf("reading /proc/stat: %w", err)
		}
		if i >= guest {
			break
		}
		c.all += n
		if i != idle && i != iowait {
			c.busy += n
		}
	}
	c.ours = treeTicks(os.Getpid())
	return c, nil
}

// treeTicks is the time of a process, of all below it, and of those below it that
// ended.
func treeTicks(root int) int64 {
	parent, ticks := map[int]int{}, map[int]int64{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has just ended
		}
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third field on: the second may hold spaces
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || len(f) < 15 {
			continue
		}
		parent[pid], _ = strconv.Atoi(f[1]) // the kernel writes numbers
		for _, t := range f[11:15] {        // utime, stime, cutime, cstime
			n, _ := strconv.ParseInt(t, 10, 64)
			ticks[pid] += n
		}
	}
	var sum int64
	for pid := range ticks {
		for at := pid; at != 0; at = parent[at] {
			if at == root {
				sum += ticks[pid]
				break
			}
		}
	}
	return sum
}

// othersShare is the share of the processors' time that went to programs which are
// not ours, since before.
func (c cpuTimes) othersShare(before cpuTimes) float64 {
	all := c.all - before.all
	if all <= 0 {
		return 0
	}
	return max(0, float64(c.busy-before.busy-(c.ours-before.ours))/float64(all))
}

// stretched is a bound on times as it is fair beside other programs: as it stands
// on a machine that we have for ourselves, longer by what others took.
func stretched(bound time.Duration, others float64) time.Duration {
	if others < lightLoad {
		return bound
	}
	return time.Duration(float64(bound) / max(0.1, 1-others))
}
