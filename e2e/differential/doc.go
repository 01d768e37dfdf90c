// Package differential compares us with another JMAP server on the same mail:
// Cyrus has native JMAP, and we stand in front of the same Cyrus by IMAP. Both
// are asked for every property of every mail, for mailboxes, threads and the
// results of many queries.
//
// Invariants
//
//   - Mails are matched by what they are made of, never by the ids that servers
//     chose.
//   - A difference is either a fault of ours, and mended, or matches a Rule, which
//     quotes the words of an RFC that decide for us. Any other fails the test.
//   - A rule that matches nothing in a full run fails the test too.
//   - Everything is chosen by a fixed seed: two runs ask the same.
//
// docs/results/differential.md is written by a full run (make differential), which
// compares nearly all mails of the corpus. Rules match by the class of values that
// differ (class_test.go), so that a new fault at the same place is seen.
package differential
