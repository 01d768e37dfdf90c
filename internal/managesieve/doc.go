// Package managesieve speaks ManageSieve (RFC 5804) as a client: what scripts a
// person has on a server, reading, checking, storing and activating them.
//
// # Invariants
//
//   - STARTTLS never falls back to plain, and nothing that came before TLS counts
//     after it: neither capabilities nor bytes.
//   - What a server sends is bounded (limits.go) before it is kept.
//   - After an error of the way, or a BYE, a Conn says nothing more. After a NO it
//     goes on: *Refusal tells them apart.
//   - Secrets are wiped from what we wrote. They stay the caller's to wipe.
//
// It knows no Sieve and nothing of us.
//
// # Concurrency
//
// A Conn is one conversation: one call at a time. The end of a call's context
// breaks the conversation.
package managesieve
