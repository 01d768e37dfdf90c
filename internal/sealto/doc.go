// Package sealto seals bytes to a public key. It cannot open anything: rooms
// that take in a person's data without being allowed to read it (importers,
// background writers, the operators' wing) import this room and never seal.
//
// The cipher suite is HPKE (RFC 9180, base mode) with the hybrid KEM
// MLKEM768X25519, HKDF-SHA256 and ChaCha20-Poly1305, from the standard library.
// The format is docs/formats/sealed-box.md. A box says nothing about who made
// it: HPKE's base mode authenticates the reader alone.
//
// Everything here is safe for concurrent use.
package sealto
