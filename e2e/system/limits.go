package system

import "time"

const (
	// startTimeout covers a start on a busy machine with two cores; usual is 1 s.
	startTimeout = 40 * time.Second
	// startAttempts: another program may take a port between our choice and the
	// server's listening.
	startAttempts = 4
	// stopTimeout is above the supervisor's own time to drain all roles.
	stopTimeout = 45 * time.Second
	// requestTimeout is far above what any request may take; tests measure.
	requestTimeout = 60 * time.Second
	// rawTimeout bounds one exchange with the mail server itself: a search in
	// 100,000 mails takes a second.
	rawTimeout = 60 * time.Second
	// sayTime is how long Say listens at most; what a server answers comes at once.
	sayTime = 2 * time.Second
	// logShown is how many lines of the server's log a failed test prints.
	logShown = 120
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 64 << 20
	// Unprivileged is the user id of a server that is not started as root. Nobody
	// has it, nor does any mail server.
	Unprivileged = 64_321
)
