// Package sieve reads mail filters (RFC 5228): what a script consists of, and
// what in it reaches beyond the account.
//
// It parses by the generic grammar of RFC 5228, section 8, which every extension
// keeps to, so that a command that we do not know is still seen for what it is.
// It runs nothing, and does not check what only a server can know: which
// extensions there are and what arguments they want.
//
// # Invariants
//
//   - What Parse accepts means the same to every server: it is strict where
//     servers differ (a bare CR, a NUL, bytes that are no UTF-8). The guard of
//     porter stands on that.
//   - Outward errs to one side. A command or test that is not known to stay in
//     the account counts as one that leaves it.
//
// It knows nothing of ManageSieve, JMAP or us. All functions are pure and may be
// called concurrently.
package sieve
