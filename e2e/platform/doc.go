// Package platform starts the mail servers of a provider, for tests: Debian's
// Dovecot 2.3 (IMAP, LMTP; POP3 and ManageSieve on demand) and Postfix
// (submission, delivery to Dovecot by LMTP), with configuration, mail, logs and
// sockets in one temporary directory, and all ports on loopback.
//
// Mail that one person submits arrives at the other; nothing can leave the
// machine, because Postfix has no other transport than LMTP and one that fails:
// mail to another domain is taken and comes back as a failure notice.
//
// Invariants
//
//   - Each Platform is alone: several can run at the same time.
//   - Servers end with the test process, also when it crashes: each runs under a
//     small shell that waits for the end of a pipe which the test process holds.
//   - Only processes started here are ever signalled.
//   - A cached Maildir is never written to: its files are read-only, and tests get
//     hard links or copies.
//
// Dovecot runs as root or unprivileged; Postfix needs root (its master changes
// users), so that Options.Postfix makes an unprivileged test skip.
//
// The package knows nothing of Cofferdam.
//
// # Concurrency
//
// A Platform's methods may be called from several goroutines, except Close,
// StopDovecot and StartDovecot.
package platform
