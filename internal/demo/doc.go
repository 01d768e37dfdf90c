// Package demo is a small mail platform inside the process: an IMAP server, a
// submission server, two people who can write to each other, and sample mail. It
// lets somebody try the product with one binary, and serves as a test double.
//
// Both servers listen on ephemeral ports of the loopback address and speak
// without TLS. IMAP has UIDPLUS, MOVE, IDLE, NAMESPACE, ESEARCH, SEARCHRES,
// LIST-EXTENDED, LIST-STATUS, SPECIAL-USE, STATUS=SIZE, CHILDREN, LITERAL+,
// APPENDLIMIT and ID. Mail to unknown people here is refused with 550; mail to
// other domains is taken and answered with a failure notice, because nothing
// leaves the process.
//
// # Layout on disk
//
// The folder has people.json (names, addresses, passwords; mode 0600) and one
// log file a person, ADDRESS.log, with everything in it. A log is a sequence of
// records: one line of JSON, then for a mail its bytes and a newline. Records
// are only appended, each with one write and one fsync, and read back at the start; a
// record that was not written whole is cut off. A log that is mostly dead is
// rewritten at the start.
//
// # Invariants
//
//   - UIDs and UIDVALIDITYs never come back, also after a restart.
//   - What IMAP or SMTP acknowledged is on disk (with Options.Dir; a temporary
//     folder is not synced).
//   - The same seed and the same day give the same sample mail.
//
// It must not know the product's other packages: it is somebody else's platform.
//
// # Concurrency
//
// An account's mutex guards its mailboxes, mails and log. It is never held while
// writing to a client. Watchers are woken by a channel each.
package demo
