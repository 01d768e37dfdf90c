package sqlfile

import "time"

const (
	// busyTimeout is how long SQLite waits for a lock held by another process,
	// such as a backup program that reads the file.
	busyTimeout = 5 * time.Second
	// readers bounds the reading connections; each keeps a page cache.
	readers = 4
	// walPages is after how many pages the log is copied into the file, and
	// walLimit what is left of the log then, in bytes. Deleted content survives
	// in the log until it is overwritten: see DB.Checkpoint.
	walPages = 1000
	walLimit = 4 << 20
)
