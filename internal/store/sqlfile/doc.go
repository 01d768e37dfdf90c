// Package sqlfile opens SQLite files the way Cofferdam wants them, and brings
// their schema forward. It knows nothing of what is in them.
//
// A file has one writing connection and several reading ones: WAL lets readers
// go on while a write commits, and one writer queues in Go, where a context can
// end the wait, instead of inside SQLite. Deleted content is overwritten with
// zeros (secure_delete), foreign keys are enforced, every commit is on the disk
// when it returns (synchronous=FULL).
//
// # Migrations
//
// A schema is a folder of SQL files 0001-name.sql, 0002-... without gaps; a
// released one is never edited. The file's PRAGMA user_version is the number of
// the last one applied, each applied in one transaction with its number. A file
// of a newer program is refused (ErrNewer), and one of another program too
// (ErrForeign, by application_id). There is no way back: a release that needs
// one says so in its notes.
//
// # Concurrency
//
// A DB may be used by many goroutines at once. Two processes must not open one
// file for writing, and do not: each file has one role that owns it.
package sqlfile
