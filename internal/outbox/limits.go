package outbox

import "time"

const (
	// maxRecords bounds the records of one person. When it is reached the oldest
	// finished ones go.
	maxRecords = 1000
	// forgetAtOnce bounds the deletions at a time: keeper limits the record calls
	// of a person in a second.
	forgetAtOnce = 50
	// keepFinished is how long finished submissions are shown.
	keepFinished = 30 * 24 * time.Hour
	// resendGuard is how long the same mail to the same people is taken for a
	// repetition by a client that lost the answer.
	resendGuard = time.Hour
	// maxHeader is bytes of a mail's header block, which is held in memory while
	// it is rewritten; message.MaxHeaderBytes is the same.
	maxHeader = 1 << 20
	// maxSize is bytes of a mail as it goes over the wire; porter takes as many.
	// The platform's own limit is usually lower and is its to state.
	maxSize = 150 << 20
	// maxRecipients of one mail; Postfix takes as many by default.
	maxRecipients = 1000
	// maxAddress is the longest address: RFC 5321, section 4.5.3.1.3 allows a path
	// of 256 octets including its angle brackets.
	maxAddress = 254
	// createWait is how long a create waits for its outcome; a mail server may
	// scan a mail for long.
	createWait = 60 * time.Second
	// tries are the attempts of one create while the server is away, with pauses
	// of firstPause and four times that between them: what is away for longer is
	// better told to the person.
	tries      = 3
	firstPause = 500 * time.Millisecond
	// putTries are the writes of an outcome, each pause twice the one before: 15 s
	// together, more than a keeper needs to start again.
	putTries = 6
	// maxChanges are the changes remembered; an older state gets
	// cannotCalculateChanges.
	maxChanges = 4000
)
