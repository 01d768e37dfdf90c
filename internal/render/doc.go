// Package render is the role that makes hostile content harmless. It holds one
// document at a time, has no network, no file and no key, and answers the one
// cell that it belongs to.
//
// # Invariants
//
//   - One document at a time; a second one waits.
//   - After MaxDocuments, or one document that hit a limit or broke a parser, the
//     process ends and the supervisor starts another: what a mail may have done
//     to a render's memory dies with it.
//   - A mail that cannot be shown as HTML is shown as text. That is all it
//     costs.
//
// # What this package must not know
//
// Whose mail it is, where it came from, what its parts are called elsewhere. It
// never logs what it reads.
//
// # Concurrency
//
// A Renderer is safe for concurrent use.
package render
