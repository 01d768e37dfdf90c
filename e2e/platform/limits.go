package platform

import "time"

const (
	// startTimeout covers the start of one server on a busy machine with two
	// cores; usual are 0.3 s for Dovecot and 1 s for Postfix.
	startTimeout = 30 * time.Second
	// stopTimeout is how long the shell around a server may take to end; it
	// kills the server itself after 10 s.
	stopTimeout = 15 * time.Second
	// startAttempts: another program may take a port between our choice and
	// the server's bind.
	startAttempts = 4
	// logTail is how many bytes of a server's log a failed test prints.
	logTail = 16 << 10
	// lowestPort and highestPort lie outside the range from which Linux takes
	// ports of outgoing connections.
	lowestPort, highestPort = 20000, 32000
	// dialogTimeout covers one LMTP delivery by Deliver.
	dialogTimeout = 20 * time.Second
)
