package replica

import "time"

const (
	// MaxMails bounds the mails of one account: at some 90 bytes each this is
	// 180 MB, what a cell may spend on one person. More is refused with
	// ErrTooManyMails, so that one account cannot take a cell down.
	MaxMails = 2_000_000

	// MaxBoxes bounds the mailboxes of one account; they are numbered in 16 bits.
	MaxBoxes = 20_000

	// MaxCopies bounds the mailboxes of one mail. Servers that show labels as
	// mailboxes have the most.
	MaxCopies = 1000

	// MaxKeywordSets bounds the distinct sets of keywords in use; they are
	// numbered in 24 bits. Beyond it a mail keeps the sets known so far, which
	// no client can reach with keywords that a person made.
	MaxKeywordSets = 1 << 20

	// MaxKeywordsPerMail bounds one set. Dovecot's Maildir stops at 26.
	MaxKeywordsPerMail = 200

	// maxTombs and tombLife bound what is remembered of destroyed mails. RFC
	// 8620, section 5.2 asks for 30 days.
	maxTombs = 50_000
	tombLife = 30 * 24 * time.Hour

	// maxBranches bounds how many earlier logs an index goes on from: with each
	// time that it is loaded after a change there is one more, of 24 bytes.
	maxBranches = 256

	// MaxSnapshot bounds the mails of an index that Snapshot writes: its bytes are
	// in memory twice for a moment, some 40 MB. A larger index is built anew.
	MaxSnapshot = 500_000

	// catchUp bounds how long Open waits for what changed since the snapshot. Then
	// the index is used as it was, and Run goes on.
	catchUp = 2 * time.Second

	// maxResults bounds the query results kept for the next page, and
	// maxResultIDs their length together: 4 bytes each.
	maxResults   = 16
	maxResultIDs = 1 << 20

	// buildChunk is how many mails one exchange of the first build reads: long
	// enough that round trips do not count, short enough (some 50 ms) that a
	// change of the person waits behind one unnoticed.
	buildChunk = 2000

	// maxPartBytes bounds the header fields that are kept of such a chunk, of which
	// there are two: honest ones have 1 MB. A chunk with more is read once more.
	maxPartBytes = 32 << 20

	// firstChunk is the first chunk of the inbox: what the first screens show.
	firstChunk = 200

	// attachChunk is how many structures one exchange reads in the background.
	attachChunk = 1000

	// headLife is for how long the newest mails of a mailbox that is being read are
	// taken to be those that they were, where the server does not tell of changes.
	headLife = time.Second

	// maxPasses bounds how often one synchronisation looks for the other half
	// of a move before it takes a mail for destroyed.
	maxPasses = 5

	// settleDelay collects the events of one foreign operation into one pass.
	settleDelay = 15 * time.Millisecond

	// boxesSettle is after which time mailboxes that were made or renamed are
	// looked at again: Dovecot gathers its notices for half a second.
	boxesSettle = 1500 * time.Millisecond

	// retryFirst and retryMost bound the pause before a lost watcher or a
	// failed synchronisation is tried again.
	retryFirst = 200 * time.Millisecond
	retryMost  = 30 * time.Second

	// growSlack is the part by which columns grow beyond what they need, as
	// 1/growSlack: small, since the columns of a big account never double.
	growSlack = 32
)
