package sealto

const (
	// PublicKeySize is the length of a public key: 1184 bytes of ML-KEM-768 and
	// 32 of X25519.
	PublicKeySize = 1216
	// EncSize is the length of the encapsulated key: 1088 bytes of ML-KEM-768
	// and 32 of X25519.
	EncSize = 1120
	// KeyIDSize is the length of a key id, which only tells an old key from a
	// new one; it need not resist collisions.
	KeyIDSize = 8
	// Overhead is what a box adds to its plaintext: version, key id,
	// encapsulated key, Poly1305 tag.
	Overhead = 1 + KeyIDSize + EncSize + 16
	// MaxPlaintext bounds one box, in bytes. The largest thing sealed to a
	// public key is a fetched or imported mail; platforms stop at 50 MB.
	MaxPlaintext = 64 << 20
	// MaxLabel bounds a purpose label, in bytes: labels are constants of ours.
	MaxLabel = 64
)
