package imapup

import "time"

const (
	// workers is how many connections work for one account. Dovecot allows 10 a
	// user and address by default (mail_max_userip_connections), which the
	// person's other programs need too; with the watcher we take three.
	workers = 2

	// idleWorker is how long an unused worker is kept: a connection costs the
	// mail server 2.7 MB.
	idleWorker = 3 * time.Minute

	// dialBudget bounds the tries to get a connection: no request of a person
	// may hang for more than five seconds.
	dialBudget = 4 * time.Second
	dialPause  = 100 * time.Millisecond

	// dialAgain bounds the one try of each call within awayTime after a dialBudget
	// was used up: the calls of a batch must not wait that long each.
	dialAgain = time.Second
	awayTime  = 10 * time.Second

	// crampTime is how long a server that gave no further connection is not asked
	// for one: each try is a failed sign-in in its log.
	crampTime = 2 * time.Minute

	// commandTime bounds one call, from the moment it has a worker: a first SORT
	// or body search over a million mails takes tens of seconds.
	commandTime = 90 * time.Second

	// setupTime bounds greeting and ENABLE of a new connection.
	setupTime = 10 * time.Second

	// pollEvery is how often mailboxes are looked at that the server does not
	// watch for us.
	pollEvery = 40 * time.Second

	// warmFrom is how many mails make a mailbox large: below it the first body
	// takes less than 20 ms more than others. warmAfter is the moment in which a
	// person may ask for more than the list, before the server is kept busy for them.
	warmFrom  = 5000
	warmAfter = 300 * time.Millisecond

	// watchCheck is how often a watcher is asked whether it lives and what a server
	// with NOTIFY was to tell is looked at: after so many pollEvery.
	watchCheck = 6

	// maxSection bounds one literal that is kept in memory: above the largest
	// text part and header that account asks for (4 MiB).
	maxSection = 8 << 20

	// maxRowBytes bounds the index rows of one answer that are kept until it is
	// known of which mailbox they are: some 60,000. Of more mails than that a
	// mailbox is read anew, in steps of fewer.
	maxRowBytes = 32 << 20

	// maxChanged is from how many changed flags, or ranges of vanished mails, on
	// those are left out that nobody knows: a server tells of no more mails than
	// there are, unless it is hostile.
	maxChanged = 100_000
)
