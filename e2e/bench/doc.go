// Package bench measures the whole product against a bare IMAP connection that
// fetches the same from the same Dovecot, in the same run and by turns, and
// writes the table that stands in docs/results.
//
// The tests run in a short form. COFFERDAM_BENCH=1 makes the long one (a mailbox
// of 100,000 mails, 200 samples and more a line, 51 people), and
// COFFERDAM_BENCH_OUT names the file to write, from the repository's root.
package bench
