package store

import "errors"

// Errors that callers decide by. None of them is worth a retry without a change;
// any other error is the database's and may be temporary.
var (
	// ErrNotFound says that there is no such row, or no such person.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the row changed since the caller read it, or exists
	// already.
	ErrConflict = errors.New("changed meanwhile")
	// ErrFenced says that the writer's lease is not the newest.
	ErrFenced = errors.New("lease is not the newest")
	// ErrHeld says that somebody else holds the lease.
	ErrHeld = errors.New("lease is held")
	// ErrChangesLost says that changes since a position can't be told: marks of
	// deletions before it were purged, or the position was never given out.
	ErrChangesLost = errors.New("changes since then are not known")
	// ErrLimit says that a value is outside of this package's limits.
	ErrLimit = errors.New("outside of limits")
)
