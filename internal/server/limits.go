package server

import (
	"time"

	"cofferdam/internal/ipc"
)

const (
	readyTime      = 15 * time.Second       // a role that is not ready by then is started again
	drainTime      = 12 * time.Second       // above gate's own drain time
	maxFirstFails  = 3                      // a role that fails so often at the start of the server ends it, with the reason
	firstBackoff   = 0 * time.Second        // a role that ran well is back at once
	maxBackoff     = 5 * time.Second        // a role that fails again and again is tried so often
	healthyAfter   = 10 * time.Second       // a role that ran so long starts without back-off
	quickEnd       = time.Second            // a role that ends sooner is started again with back-off, however it ended
	controlTime    = 250 * time.Millisecond // for a role to read its control messages: the line's queue holds hundreds
	lastWords      = time.Second            // for what a role said before its end; the end itself is in the line as well
	renewEvery     = 24 * time.Hour         // the sign-in key document
	documentWarn   = 14 * 24 * time.Hour    // before the sign-in key document ends, each day
	lineFiles      = 65_536                 // descriptors of a role at the end of every cell's line
	cellFiles      = 4 * ipc.MaxConns       // gate's and keeper's connections, and pipes
	maxFigures     = 1 << 20                // bytes of one role's figures
	maxLogAttrs    = 32                     // of one log line of a role
	maxLogKey      = 40                     // bytes of an attribute's name
	maxLogLine     = 8 << 10                // bytes of one log line of a role; the rest is cut
	maxLogRate     = 500                    // lines a second of one role, so that a hostile one cannot flood the log
	indexEvery     = 10 * time.Minute       // what of the log of changes is lost with a cell
	maxCellsOnNeed = 4096                   // processes that people_per_cell may start
	metricsTime    = 2 * time.Second        // a role's figures, while an operator waits
	timerSlack     = 500 * time.Microsecond // by which timers of a role may be late
	maxGCPercent   = 600                    // garbage is collected at least when there is so much of it
	restEvery      = 3 * time.Second        // a process that made less than restMade in so long has nothing to do
	restMade       = 1 << 20                // bytes: some calls and saved indexes, but hardly a request of a person
	restGain       = 1 << 20                // bytes: for less, or for less than 1/restShare of what lives, a rest is not worth two collections
	restShare      = 8                      // the same
	firstGain      = 4 << 20                // bytes: the first collection makes tables of a MiB of its own
)

// heapFloors are the bytes to which the heap of a kind of role grows before it is
// collected: those that handle each request.
var heapFloors = map[string]uint64{"gate": 20 << 20, "cell": 24 << 20, "porter": 12 << 20}
