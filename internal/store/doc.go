// Package store keeps what Cofferdam stores of people: sealed rows in, sealed
// rows out. It holds no key and cannot read what it stores.
//
// Store is the contract; SQLite is the implementation for one node (layout:
// migrations/, registry: docs/data-registry.toml), and any other passes the same
// suite, storetest.Run. Keeper is the only role that opens it.
//
// # Invariants
//
//   - A row exists only for a person in users; deleting the person deletes all.
//   - A record is written only over the revision that the writer has seen, and
//     only by the holder of the person's newest lease: an older fencing number
//     is refused, and so is one that was never given out.
//   - Change positions of a (person, class) have no doubles and only grow.
//   - Replaced and deleted revisions are kept KeptFor, so that vandalism can be
//     undone, and purged then.
//
// # What this package must not know
//
// It never imports seal or anything of the mail wing, and there is no call that
// lists people: pages go over one person's rows, except for the two sweeps that
// keeper runs itself (sessions by epoch, purges).
//
// # Concurrency
//
// A Store may be used by many goroutines at once. Every write is durable when
// its call returns. Times come from the caller or time.Now, to the second.
package store
