package server

import "time"

const (
	readyTime      = 15 * time.Second // a role that is not ready by then is started again
	drainTime      = 12 * time.Second // above gate's own drain time
	maxFirstFails  = 3                // a role that fails so often at the start of the server ends it, with the reason
	firstBackoff   = 0 * time.Second  // a role that ran well is back at once
	maxBackoff     = 5 * time.Second
	healthyAfter   = 10 * time.Second // a role that ran so long starts without back-off
	maxLogLine     = 8 << 10          // bytes of one log line of a role; the rest is cut
	maxLogRate     = 500              // lines a second of one role, so that a hostile one cannot flood the log
	maxCellsOnNeed = 4096             // processes that people_per_cell may start
	metricsTime    = 2 * time.Second
)
