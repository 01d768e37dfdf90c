// Package push keeps the PushSubscriptions of one live person (RFC 8620, section
// 7.2) and tells them what changed.
//
// # Invariants
//
// A subscription belongs to the session that made it and ends with it, with the
// person's time in this process, at its own expiry, when its push service says that
// it is gone, or when its first message does not arrive. Then URL and keys are wiped.
//
// Before the client has returned the code there is one request to the URL, the
// PushVerification, which is not repeated even when nobody knows whether it arrived.
//
// What is pushed is encrypted whenever the client gave keys.
//
// # What this package must not know
//
// How a message leaves (Config.Send), where states come from (Account), who the
// person is.
//
// # Concurrency
//
// A Hub and its Sessions are safe for concurrent use. Each subscription has a
// goroutine, and each account while somebody is told of it; Close waits for them.
package push
