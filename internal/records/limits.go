package records

import (
	"time"

	"cofferdam/internal/seal"
)

const (
	// MaxID bounds a logical id in bytes. Ids of ours have about 20; contacts
	// bring UIDs of other programs, which vCard does not bound and which are
	// hashed by their owner when longer.
	MaxID = 200
	// MaxData bounds the plaintext of one record, in bytes.
	MaxData = seal.MaxRecord - 1 - MaxID
	// maxRows bounds what is kept in memory of a class: some 100 bytes a row.
	maxRows = 100_000
	// pageRows is how many rows one call asks for; keeper ends a page by bytes too.
	pageRows = 200
	// maxMoved is how often a reading begins anew because the class was written
	// between two of its pages. One cell writes at a time, so once is rare.
	maxMoved = 4
	// maxTries bounds the attempts of one write: the first, and some after a
	// conflict with an older state of ours or while keeper restarts.
	maxTries = 4
	// writeTime bounds one write with all its attempts. Nobody waits for more than
	// 5 s because a role is away.
	writeTime = 4500 * time.Millisecond
	// retryPause is between attempts while keeper or vault is away.
	retryPause = 150 * time.Millisecond
	// maxFaults bounds the faults that wait for the person to see them; of more,
	// the oldest are the ones that say since when.
	maxFaults = 20
)
