// Package limit counts what may happen so often in an hour: failed sign-ins,
// recipients of outgoing mail. Counters are in memory, decay evenly and are
// bounded in number.
package limit
