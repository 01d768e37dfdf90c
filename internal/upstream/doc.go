// Package upstream is the seam between a person's mail account and the place
// where the mail lies: an IMAP server (imapup), memory (memup), later a sealed
// POP3 store. It says what Cofferdam asks of any mailbox elsewhere, in terms
// near those of JMAP.
//
// # Invariants
//
// A Store never guesses: what the server did not tell is absent (an empty ID, a
// zero ModSeq), and replica decides what that means. It never loses mail: a
// failing call has removed nothing that was not stored elsewhere before.
//
// A uid means something only together with the UIDVALIDITY it was told with.
// Each call about uids carries that number, and fails with ErrStale when it is
// no longer true, before anything is changed.
//
// # What this package must not know
//
// JMAP ids of mails, threads, change logs, sealing, JSON. Passwords: a Store is
// made over connections that are signed in already.
//
// # Concurrency
//
// A Store is safe for concurrent use. It holds a bounded number of connections
// and a call may wait for one of them, no longer than its context. Callbacks of
// one call run one after the other, never after the call has returned; what
// they are given is theirs only until they return, unless it says otherwise.
//
// upstreamtest.Run checks all of this over every implementation.
package upstream
