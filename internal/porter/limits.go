package porter

import "time"

const (
	settleTime      = 5 * time.Second  // without a sign-in, until memory is given back
	dialTime        = 10 * time.Second // connect, TLS, greeting, authentication
	refLife         = time.Minute      // between authentication and key derivation
	spareLife       = 20 * time.Second // a connection made at sign-in waits so long for the first pipe
	maxRefs         = 10_000           // sign-ins between those two
	maxCapability   = 256              // bytes of a capability's raw form
	maxLive         = 500_000          // capabilities registered
	maxPipesPerson  = 8                // IMAP pipes of one person: watcher, workers, and room for a cell that restarts
	scarcePipes     = 2                // of one person when a platform has a quarter of its pipes left: a watcher and a worker
	maxSubmits      = 4                // submissions of one person at once
	maxRecipients   = 1000             // of one mail; the platform's own limit is usually lower
	maxNotice       = 1<<20 + 4<<10    // bytes of a mail from the null sender: a receipt of 1 MiB with its line ends
	maxNoticeTo     = 5                // recipients of one
	cellRecipients  = 20               // times the person's limit: what a whole cell may send in an hour
	maxAliases      = 8 << 20          // bytes of an alias file
	pipeBuffer      = 32 << 10         // of a direction of a pipe while there is much to copy
	pipeFirst       = 2 << 10          // bytes: of one that waits; most answers to a change or a question fit
	derivations     = 2                // Argon2id at once, 64 MiB each
	submitTime      = 10 * time.Minute // a mail of the largest size to a slow server, which scans it
	keepOutcome     = time.Hour        // what became of a mail is told for so long: a person who signed out comes back within, or finds it uncertain
	maxOutcomes     = 100              // of one person; then the oldest is forgotten
	offerKnown      = 10 * time.Minute // what a platform's submission server can is asked again after
	offerAway       = 30 * time.Second // the same, if it did not answer
	heldEvery       = 20 * time.Second // keeper is asked which of the sessions that we hold are over: gone within a minute
	refusedTimes    = 3                // the platform says no to a live session's credential until it is over
	refusedPause    = 5 * time.Second  // between tries after a no
	refusedKept     = 15 * time.Minute // then a credential may be tried again: the platform may have been mended
	scramPause      = time.Hour        // without SCRAM, after a server that offers it could not use it: an administrator may mend it
	calmTime        = time.Minute      // without a failure, until a server that failed counts as well again
	maxRefusals     = 100_000          // credentials remembered as refused
	sieveTime       = 20 * time.Second // a call about filters: sign-in, some reads, some changes
	sieveKnown      = 10 * time.Minute // what a platform's Sieve can is asked again after
	sieveAway       = 30 * time.Second // the same, if it did not answer
	maxSieves       = 2                // conversations of one person at once: a read, and a change
	maxSieveSteps   = 64               // of one change: JMAP clients change a few scripts at once
	maxScriptsTotal = 4 << 20          // bytes of them: in base64 below ipc.MaxCallBody
	maxSieveCall    = 4 << 20          // bytes of a change: several scripts of the largest size in base64
)
