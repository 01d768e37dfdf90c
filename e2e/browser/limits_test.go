package browser_test

import "time"

const (
	// installTimeout covers npm ci from a registry that is slow.
	installTimeout = 3 * time.Minute
	// projectTimeout is far above what a project takes on two busy cores; each
	// spec has a shorter one (playwright.config.ts).
	projectTimeout = 9 * time.Minute
	// killDelay is how long Playwright may take to close its browser when a
	// project is cancelled.
	killDelay = 10 * time.Second
	// demoStart is what the demo may take until it prints its line on a busy
	// machine; TestDemo logs what it took.
	demoStart = 30 * time.Second
	// maxDelivered bounds a mail that a spec hands to the control server.
	maxDelivered = 32 << 20
	// many is the size of the large mailbox; real, the least number of corpus
	// mails in the other.
	many, real = 100_000, 3_000
)
