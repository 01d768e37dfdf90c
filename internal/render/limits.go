package render

import (
	"time"

	"cofferdam/internal/ipc"
)

const (
	// MaxDocuments is a process's life: long enough that starting processes
	// costs nothing, short enough that a foothold does not last.
	MaxDocuments = 500
	// maxRequest bounds a request: a body, and the paths of its pictures.
	maxRequest = ipc.MaxCallBody
	// maxAnswer bounds an answer, which the cell reads as any call's.
	maxAnswer = ipc.MaxCallBody - 4096
	// maxCIDs bounds the pictures of one mail.
	maxCIDs = 5000
	// documentTime is what a document may take; stuckTime, when it is given up
	// though the parser did not come back. The cell waits 4 s in all.
	documentTime = 2 * time.Second
	stuckTime    = 2500 * time.Millisecond
	// drainTime is what a document in work is given when the role ends.
	drainTime = 3 * time.Second
)
