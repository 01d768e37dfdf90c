package seal

import (
	"cofferdam/internal/sealto"
	"cofferdam/internal/user"
)

// UMK is a person's user master key. Keeper has it while the person is live;
// stored it exists only inside slots and session envelopes.
type UMK struct{ key }

// NewUMK makes a random user master key.
func NewUMK() UMK { return UMK{newKey()} }

// ParseUMK reads a user master key.
func ParseUMK(b []byte) (UMK, error) {
	k, err := keyFrom(b)
	return UMK{k}, err
}

const pairVersion = 0x01

// SealPair makes a fresh key pair for a person: the public key for whoever
// writes to them, and the private key sealed under the UMK for the database.
//
// Layout: 0x01 | box of the private key's 32 bytes.
func (u UMK) SealPair(uid user.ID, generation int64) (sealto.PublicKey, []byte, error) {
	sk, err := NewPrivateKey()
	if err != nil {
		return sealto.PublicKey{}, nil, err
	}
	defer sk.Wipe()
	k, err := u.expand("cofferdam/user-pair/v1")
	if err != nil {
		return sealto.PublicKey{}, nil, err
	}
	defer k.Wipe()
	pk := sk.Public()
	sealed, err := k.appendBox([]byte{pairVersion}, pairAAD(uid, generation, pk), sk.Reveal())
	return pk, sealed, err
}

// OpenPair opens a person's private key. It is bound to the public key, so a
// swapped public key in the database is noticed (ErrOpen).
func (u UMK) OpenPair(uid user.ID, generation int64, pk sealto.PublicKey, sealed []byte) (PrivateKey, error) {
	box, err := versioned(sealed, pairVersion)
	if err != nil {
		return PrivateKey{}, err
	}
	k, err := u.expand("cofferdam/user-pair/v1")
	if err != nil {
		return PrivateKey{}, err
	}
	defer k.Wipe()
	b, err := k.openBox(pairAAD(uid, generation, pk), box)
	if err != nil {
		return PrivateKey{}, err
	}
	defer clear(b)
	return ParsePrivateKey(b)
}

func pairAAD(uid user.ID, generation int64, pk sealto.PublicKey) transcript {
	return newTranscript("cofferdam/user-pair/v1").fixed(uid[:]).number(generation).long(pk.Bytes())
}
