// Package courier is the role that fetches from the internet, and posts there, what
// cells may not: they have no network. So far it posts Web Push messages (RFC 8030)
// for PushSubscriptions (RFC 8620, section 7.2).
//
// # What it may reach
//
// Port 443 of public unicast addresses. The address is looked at after the name was
// resolved, when the connection is made (address.go), so that no name, no redirect
// (none is followed) and no proxy (none is used) leads to the provider's own network.
// Cells write the URLs: all of a call is hostile.
//
// # Invariants
//
// A push is sent for a session that keeper covers at that moment, within limits by
// person, cell and host. What a push service answers is read up to its status and
// Retry-After, and dropped. Every push is signed with the installation's VAPID key
// (RFC 8292), the only secret here.
//
// # What this package must not know
//
// Mail, people's names and keys, other roles. It is told a capability, which is of no
// use on its lines but to be asked about, a URL, and bytes that are encrypted as a
// rule.
//
// # Concurrency
//
// Each push runs on its call's goroutine; targets and pauses have a mutex each.
package courier
