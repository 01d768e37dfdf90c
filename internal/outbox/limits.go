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
	// answerTime is what is left of a request's time for its answer.
	answerTime = 5 * time.Second
	// tries are the attempts of one create while the server is away, with pauses
	// of firstPause and four times that between them: what is away for longer is
	// better told to the person.
	tries      = 3
	firstPause = 500 * time.Millisecond
	// maxHold is how long a submission may be held before it is sent, so that it can
	// be taken back. What is to wait for longer is handed over for the server to hold
	// (RFC 4865), if it does: nothing here can wait for longer than a session lives.
	maxHold = 60 * time.Second
	// resumeFor is how long after its time a held submission is still sent by a
	// process that takes it up: long enough for a cell to start again, too short
	// for a mail to go out at a sign-in hours later.
	resumeFor = 5 * time.Minute
	// cancelPause is between looks at a submission that is due and being canceled.
	cancelPause = 50 * time.Millisecond
	// awaitReports is how long after it was sent reports on a mail are looked for:
	// servers give up after five days as a rule (RFC 5321, section 4.5.4.1).
	awaitReports = 7 * 24 * time.Hour
	// maxReports are the reports kept of one submission; a mail to a mailing list
	// may get one a member.
	maxReports = 100
	// maxReply is bytes of a server's words in a report.
	maxReply = 512
	// keepInMemory is the size up to which a mail under way is kept in memory; a
	// larger or held one is kept in Stash.
	keepInMemory = 256 << 10
	// heldTries are those of a submission that was held: nobody waits for it. With
	// pauses up to longestPause they last for 45 s, long enough for a server to
	// start again.
	heldTries    = 8
	longestPause = 8 * time.Second
	// settleTime is how long after its creation a mail that was not sent is put
	// back at the earliest: what the client asked to be done with it on success is
	// done by then.
	settleTime = 5 * time.Second
	// backTries are the tries to put a mail back, each pause twice the one before:
	// half a minute together. The next process tries anew.
	backTries = 6
	// putTries are the writes of an outcome, each pause twice the one before: 15 s
	// together, more than a keeper needs to start again.
	putTries = 6
	// learnPause is between questions about attempts whose fate is open, and learnFor how
	// long one is asked about that goes on meanwhile: longer than a mail server may take
	// for a mail. learnTries are the questions that may fail: while a porter starts.
	learnPause = 2 * time.Second
	learnFor   = 12 * time.Minute
	learnTries = 5
	// maxChanges are the changes remembered; an older state gets
	// cannotCalculateChanges.
	maxChanges = 4000
)
