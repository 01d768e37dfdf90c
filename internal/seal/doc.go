// Package seal holds the ciphers. Every key of DESIGN section 5 is made, used
// and wiped here, and every format in which something of a person is stored is
// written and read here; docs/formats specifies each with test vectors.
//
//   - secret.go, key.go: values that print [redacted], have no JSON form, cannot
//     be compared with == and are wiped by name.
//   - stretch.go, pepper.go, slot.go: from a password to the user master key.
//   - umk.go, class.go: what hangs below the user master key.
//   - record.go, pad.go, root.go: sealed records and the root of a class.
//   - session.go: the session token and its envelope in two layers.
//   - operator.go, signinkey.go, signin.go, challenge.go: how a page seals a
//     password so that only porter can open it.
//   - credential.go, pair.go: HPKE boxes and who may open them.
//   - push.go, vapid.go: Web Push, to keys that clients gave.
//   - wrap.go: how vault stores its own keys.
//
// # Invariants
//
// Readers are strict: one version, exact lengths, canonical base64url and
// integers, zero padding. A box opens only for the person, class, id, revision
// and generation it was sealed for. Nonces of XChaCha20-Poly1305 are random (24
// bytes, so no counter has to be kept). Secrets are compared in constant time.
// A wiped or zero key seals and opens nothing (ErrNoKey).
//
// # What this package must not know
//
// It does no I/O and reads the clock only where something expires. It parses no mail
// and knows no database; the operators' wing never imports it.
//
// # Concurrency
//
// Keys may be used by many goroutines at once; Wipe needs that no other use is
// under way, so an unlocked key has one owner. Stretcher and Challenges lock for
// themselves.
package seal
