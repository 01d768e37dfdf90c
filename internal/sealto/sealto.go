package sealto

import (
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Version is the first byte of every box.
const Version = 0x01

// infoPrefix starts the HPKE info of every box; the label follows.
const infoPrefix = "cofferdam/sealto/v1\x00"

var (
	// ErrBadKey says that bytes are not a public key of our suite.
	ErrBadKey = errors.New("not a public key to seal to")
	// ErrTooLarge says that a plaintext or a label is over its limit.
	ErrTooLarge = errors.New("too large to seal")
)

// Label names the purpose of a box, such as "credential/v1". A box opens only
// under the label it was sealed with.
type Label string

// KeyID tells the keys of one reader apart.
type KeyID [KeyIDSize]byte

// PublicKey is the public half of an HPKE key pair. The zero value seals
// nothing.
type PublicKey struct {
	key hpke.PublicKey
}

// ParsePublicKey reads the PublicKeySize bytes of a public key; anything else
// is refused with ErrBadKey.
func ParsePublicKey(b []byte) (PublicKey, error) {
	if len(b) != PublicKeySize {
		return PublicKey{}, fmt.Errorf("%w: %d bytes instead of %d", ErrBadKey, len(b), PublicKeySize)
	}
	key, err := hpke.MLKEM768X25519().NewPublicKey(b)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	return PublicKey{key}, nil
}

// Bytes returns the PublicKeySize bytes that ParsePublicKey reads, nil for the
// zero value.
func (pk PublicKey) Bytes() []byte {
	if pk.key == nil {
		return nil
	}
	return pk.key.Bytes()
}

// KeyID returns the first bytes of the key's SHA-256.
func (pk PublicKey) KeyID() KeyID {
	sum := sha256.Sum256(pk.Bytes())
	return KeyID(sum[:KeyIDSize])
}

// Info returns the HPKE info string of a label.
func Info(label Label) []byte { return []byte(infoPrefix + string(label)) }

// Seal seals plaintext for the holder of the private key. The box carries its
// length in the clear: pad what must not show its size. aad is authenticated
// and not carried.
//
// Layout: 0x01 | key id | enc | ciphertext.
func Seal(pk PublicKey, label Label, aad, plaintext []byte) ([]byte, error) {
	if pk.key == nil {
		return nil, fmt.Errorf("sealing %s: %w: none given", label, ErrBadKey)
	}
	if len(plaintext) > MaxPlaintext || len(label) == 0 || len(label) > MaxLabel {
		return nil, fmt.Errorf("sealing %d bytes under a label of %d: %w", len(plaintext), len(label), ErrTooLarge)
	}
	enc, sender, err := hpke.NewSender(pk.key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), Info(label))
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", label, err)
	}
	ct, err := sender.Seal(aad, plaintext)
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", label, err)
	}
	kid := pk.KeyID()
	box := make([]byte, 0, len(plaintext)+Overhead)
	box = append(box, Version)
	box = append(box, kid[:]...)
	box = append(box, enc...)
	return append(box, ct...), nil
}
