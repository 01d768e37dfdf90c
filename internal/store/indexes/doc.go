// Package indexes keeps the sealed index of each person's mail as a file of one
// folder: a cache that outlives sessions, so that a sign-in need not read every
// mail's envelope anew.
//
// They are no rows of the database: ten megabytes that are written anew every some
// minutes would stand in the way of every durable write, and none of them must
// survive anything.
//
// # Layout
//
// One file a person, hex(uid), with ".part" behind it while it is written
// (docs/formats/index.md). What a folder holds beside is removed when it is opened.
//
// # Invariants
//
//   - A person has one whole index or none; a new one takes the old one's place at
//     once.
//   - The folder is bounded (limits.go), and the file system keeps room for others:
//     the index that was not used for longest goes first.
//
// # What this package must not know
//
// What the bytes are; it imports no cipher.
//
// # Concurrency
//
// A Folder may be used by many goroutines, a Writer by one.
package indexes
