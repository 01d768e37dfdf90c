// Package memup is an upstream store in memory: a whole mail platform for one
// person, shared by any number of handles, as several mail programs share one
// account. Tests of everything above run on it.
//
// It is a real implementation: it keeps the contract of upstream, tells watchers
// what happens, and can be told to behave like a poorer server (Options).
//
// # Concurrency
//
// An Account and its Stores are safe for concurrent use. Callbacks run without
// any lock held.
package memup
