package seal

import (
	"bytes"
	"crypto/hpke"
	"fmt"

	"cofferdam/internal/sealto"
)

// PrivateKey opens what sealto seals. Its 32 bytes are the seed of the hybrid
// key pair.
type PrivateKey struct{ key }

// NewPrivateKey makes a random key pair.
func NewPrivateKey() (PrivateKey, error) {
	k := PrivateKey{newKey()}
	if _, err := k.hybrid(); err != nil {
		return PrivateKey{}, fmt.Errorf("making a key pair: %w", err)
	}
	return k, nil
}

// ParsePrivateKey reads the 32 bytes of a private key.
func ParsePrivateKey(b []byte) (PrivateKey, error) {
	k, err := keyFrom(b)
	if err != nil {
		return PrivateKey{}, err
	}
	if _, err := hpke.MLKEM768X25519().NewPrivateKey(b); err != nil {
		return PrivateKey{}, fmt.Errorf("private key: %w: %w", ErrFormat, err)
	}
	return PrivateKey{k}, nil
}

// hybrid returns the key in the form that package hpke works with.
func (k PrivateKey) hybrid() (hpke.PrivateKey, error) {
	b, err := k.usable()
	if err != nil {
		return nil, err
	}
	sk, err := hpke.MLKEM768X25519().NewPrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("private key: %w: %w", ErrFormat, err)
	}
	return sk, nil
}

// Public returns the public half; the zero key has the zero public key.
func (k PrivateKey) Public() sealto.PublicKey {
	sk, err := k.hybrid()
	if err != nil {
		return sealto.PublicKey{}
	}
	pk, err := sealto.ParsePublicKey(sk.PublicKey().Bytes())
	if err != nil {
		panic("seal: our own public key does not parse: " + err.Error())
	}
	return pk
}

// Open opens a box that was sealed to this key under label and aad.
func (k PrivateKey) Open(label sealto.Label, aad, box []byte) ([]byte, error) {
	if len(box) < sealto.Overhead || len(box) > sealto.MaxPlaintext+sealto.Overhead || box[0] != sealto.Version {
		return nil, fmt.Errorf("sealed box of %d bytes: %w", len(box), ErrFormat)
	}
	sk, err := k.hybrid()
	if err != nil {
		return nil, err
	}
	kid := k.Public().KeyID()
	if !bytes.Equal(box[1:1+sealto.KeyIDSize], kid[:]) {
		return nil, fmt.Errorf("sealed to another key: %w", ErrOpen)
	}
	rest := box[1+sealto.KeyIDSize:]
	r, err := hpke.NewRecipient(rest[:sealto.EncSize], sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), sealto.Info(label))
	if err != nil {
		return nil, ErrOpen // nothing says which part was wrong
	}
	plaintext, err := r.Open(aad, rest[sealto.EncSize:])
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// versioned cuts the version byte off.
func versioned(b []byte, version byte) ([]byte, error) {
	if len(b) == 0 || b[0] != version {
		return nil, fmt.Errorf("unknown version: %w", ErrFormat)
	}
	return b[1:], nil
}
