package demo

import "time"

const (
	// maxMessage is the largest mail in bytes, in APPEND and in submission:
	// what large providers take, so that the client meets the usual limit.
	maxMessage = 50 << 20
	// maxRecipients of one submission: enough to try out a long list.
	maxRecipients = 100
	// maxMailboxes and maxNameBytes bound what one person can create.
	maxMailboxes = 1000
	maxNameBytes = 512
	// maxKeywords bounds the flags of one mail.
	maxKeywords = 64
	// maxFlagBytes bounds one flag.
	maxFlagBytes = 64
	// maxTextDepth bounds nested parts that SEARCH looks into.
	maxTextDepth = 20
	// maxRecordLine bounds the first line of a record in a person's log file;
	// ours have some hundred bytes, a mailbox list some ten thousand.
	maxRecordLine = 1 << 20
	// compactRatio: a log is rewritten at start when the file is so many times
	// larger than what is alive in it.
	compactRatio = 2
	// compactFloor is the size in bytes under which rewriting is not worth it.
	compactFloor = 1 << 20
	// smtpTimeout ends an idle submission connection.
	smtpTimeout = 5 * time.Minute
	// passwordBytes of randomness make 26 letters and digits: more than anybody
	// guesses, few enough to type.
	passwordBytes = 16
	// closeTimeout is how long Close waits for submissions under way.
	closeTimeout = 2 * time.Second
)
