// Package imapup is the upstream store over IMAP.
//
// It is given connections that are signed in already (greeted with PREAUTH), two
// to work on and one to watch, and makes the best of what the server can do:
//
//	identity   OBJECTID > X-GUID (Dovecot; probed, it is not in CAPABILITY) >
//	           X-GM-MSGID > none
//	changes    QRESYNC > CONDSTORE > comparing all flags
//	listing    LIST-STATUS > LIST and pipelined STATUS
//	moving     MOVE > COPY, wait, \Deleted, UID EXPUNGE
//	watching   NOTIFY > IDLE on the inbox and polling > polling
//
// # Invariants
//
//   - Reading is one pipelined exchange, SELECT included; a mailbox that a
//     connection has selected already is not selected again.
//   - Nothing is changed behind a SELECT whose UIDVALIDITY was not seen yet.
//   - EXPUNGE without uids is sent only where the server has no UIDPLUS, and only
//     after a look that nothing but our own mails is marked \Deleted.
//   - A connection that was lost is made again; what only reads is tried once
//     more, what changes is not.
//
// # What this package must not know
//
// JMAP ids, the index, people, passwords.
//
// # Concurrency
//
// See upstream. Each call holds one worker from its first byte to its last;
// a third call waits for one of the two.
package imapup
