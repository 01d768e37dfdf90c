package differential

import "time"

const (
	// fullMails and shortMails are how many mails of the corpus lie in the mailboxes
	// of a run, fullParts how many times others of them do in a full one: all but a
	// few of the corpus are compared then.
	fullMails, shortMails = 2_400, 200
	fullParts             = 3
	// fullQueries and shortQueries are how many queries are asked of them.
	fullQueries, shortQueries = 240, 40
	// getBatch is how many mails one Email/get asks for: an answer with every body
	// stays far below what a client accepts.
	getBatch = 50
	// downloads is how many blobs are read at a time.
	downloads = 8
	// queryWindow is how many ids of a result are compared in order; beside them
	// its total.
	queryWindow = 300
	// mailTimeout bounds one exchange by IMAP while the mailbox is filled.
	mailTimeout = time.Minute
	// indexTimeout is how long our index of the whole mailbox may take: far above
	// what it takes.
	indexTimeout = time.Minute
	// maxMail leaves out what would make the short run long; the corpus has six
	// mails above it, which internal/message reads in its own tests.
	maxMail = 1 << 20
	// shownExamples is how many differences of each kind a failure prints.
	shownExamples = 3
)
