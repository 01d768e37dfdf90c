// Package thread says which conversation a mail belongs to, from its header
// alone: pure functions, no state, no I/O.
//
// The answer for a mail with References never changes, whichever mails are known
// and in whatever order they were seen, so an index can be built newest first,
// thrown away and built again. Threads are never merged (RFC 8621, section 3
// makes a merge cost every Email its id).
//
// Ids and hashes are keyed with a secret of the account: they tell nothing about
// Message-IDs or subjects to whoever holds the index without the key.
//
// # What this package must not know
//
// Mailboxes, servers, storage. Servers that give a THREADID need none of this.
package thread
