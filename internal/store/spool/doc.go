// Package spool keeps sealed uploads of live sessions as files of one folder,
// until they are used, expire, or their session ends.
//
// They are no rows of the database: a gigabyte of attachments at once would stand
// in the way of every durable write, and nothing here must survive a power cut,
// after which nobody has a key for it any more.
//
// # Layout
//
// One file an upload, hex(uid) "." hex(session hash) "." hex(id), with ".part"
// behind it while it is written (docs/formats/upload.md). What a folder holds
// beside is removed when it is opened.
//
// # Invariants
//
//   - What one person, one cell and the whole node may have here is bounded in
//     bytes and files (limits.go), and the file system keeps room for others.
//   - A person who would have too much loses their oldest finished uploads until
//     there is room (RFC 8620, section 6); others never lose theirs for it.
//   - What a session uploaded is gone when End returned, what is being written
//     then included. An open reader reads on.
//
// # What this package must not know
//
// What the bytes are; it imports no cipher.
//
// # Concurrency
//
// A Spool may be used by many goroutines, a Writer by one.
package spool
