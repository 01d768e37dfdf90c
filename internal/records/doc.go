// Package records is one sealed class of one person as a cell works with it:
// plaintext records by logical id on this side, sealed rows with keyed ids and a
// sealed root on keeper's (docs/formats/record.md).
//
// # Invariants
//
//   - Keeper learns of a record its revision, its size in buckets, and a keyed
//     hash in place of its id.
//   - Each write carries the root of the class as it will be then. Keeper stores
//     both or none, and vault mirrors the root's counter.
//   - Whenever the class is read, its rows must fit the root and the root must
//     not be older than the mirror. What does not is reported: at level error in
//     the logs of cell, keeper and vault, in vault's counters, and to the person
//     by Faults, until they acknowledge it.
//   - After a fault the class stays in use. What opens is served, what does not
//     is left where it is, and the root is made anew over all of it
//     (docs/decisions/0005-class-roots.md).
//   - A write that was answered with success is stored. One whose answer was lost
//     is looked for before it is repeated.
//
// # What this package must not know
//
// What the records are, and how calls get to keeper: it has an interface for
// that, which adds the capability. A locked session has no class: its keys are
// not the person's.
//
// # Concurrency
//
// A Class may be used by many goroutines; its reads and writes of keeper take
// turns, and a wait for the turn ends with the caller's ctx.
package records
