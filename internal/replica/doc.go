// Package replica keeps one account's index in memory and in step with the
// upstream store: which mails there are, where, since when, with which keywords
// and in which thread; and the log of what changed. It holds no content.
//
// # Invariants
//
//   - Ids are functions of the mail and of the account's key alone, so an index
//     can be thrown away at any time and built anew with the same ids.
//   - An Email id does not change when the mail moves (RFC 8621, section 2). All
//     copies of one mail are one Email: $seen is the AND of them, every other
//     keyword the OR.
//   - A mail marked \Deleted is not in the index (RFC 8621, section 4.1.1).
//   - Threads never merge. A thread is the server's THREADID, or else a keyed
//     hash of what the mail itself says.
//   - A change of an Email is logged once, under a number of its own; a move is
//     an update. What one pass of the synchronisation learns is one transaction.
//   - A state that was handed out can be continued from as long as the log goes
//     back to it, else cannotCalculateChanges: never a wrong answer.
//
// # Memory
//
// A mail costs a row of 56 bytes, four columns of 4 bytes, and its places in
// the orders and hash tables, all free of pointers: at most 96 bytes together
// (bench_test.go measures it). Keyword sets and long server ids are interned.
//
// # What this package must not know
//
// Content of mails beyond the header fields an id is made of; sealing: Snapshot
// yields bytes and takes them back; connections: it asks upstream.
//
// # Concurrency
//
// Index has one RWMutex. Queries hold it for reading, for microseconds; a
// transaction holds it for writing while it applies what was fetched before.
// No lock is held over I/O, except a mailbox's turn (see turn.go), which orders
// synchronisation and changes of one mailbox.
package replica
