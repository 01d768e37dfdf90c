// Package system runs the whole product as a program: the static binary, all its
// roles as processes in their sandboxes, against the mail servers of
// e2e/platform. Its tests show what only the whole can show: a break-in into a
// running role, passwords in memory, processes killed under load, faults of the
// mail platform; e2e/bench measures with the same harness.
//
// Server is one running installation, Person one browser that signed in through
// the page's own protocol.
//
// Invariants
//
//   - Only processes started here are ever signalled, by their ids.
//   - A server ends with the test process, also when that crashes.
//   - The client knows of the product what a browser knows, and no more.
//
// # Concurrency
//
// A Server's methods may be called from several goroutines. A Person is one
// browser: its methods may run at once too.
package system
