package seal

import (
	"fmt"

	"cofferdam/internal/user"
)

// VaultKey wraps what vault stores: shred keys, peppers, the login key. Vault
// makes it anew every day and destroys the old one, so that a deleted row stays
// unreadable in write-ahead logs, free pages and old copies of the file.
type VaultKey struct{ key }

// NewVaultKey makes a random key.
func NewVaultKey() VaultKey { return VaultKey{newKey()} }

// ParseVaultKey reads a key from vault's key file.
func ParseVaultKey(b []byte) (VaultKey, error) {
	k, err := keyFrom(b)
	return VaultKey{k}, err
}

const wrapVersion = 0x01

// WrapSize is the length of a wrapped key in bytes.
const WrapSize = 1 + KeySize + boxOverhead

// WrapShred wraps a person's SHRED_u under the vault key of a number.
func (v VaultKey) WrapShred(number int64, uid user.ID, k ShredKey) ([]byte, error) {
	return v.wrap(wrapAAD("shred", number, uid[:]), k.key)
}

// UnwrapShred is the inverse.
func (v VaultKey) UnwrapShred(number int64, uid user.ID, wrapped []byte) (ShredKey, error) {
	k, err := v.unwrap(wrapAAD("shred", number, uid[:]), wrapped)
	return ShredKey{k}, err
}

// WrapPepper wraps a version of the pepper.
func (v VaultKey) WrapPepper(number int64, version uint32, k PepperKey) ([]byte, error) {
	return v.wrap(wrapAAD("pepper", number, transcript{}.number(int64(version))), k.key)
}

// UnwrapPepper is the inverse.
func (v VaultKey) UnwrapPepper(number int64, version uint32, wrapped []byte) (PepperKey, error) {
	k, err := v.unwrap(wrapAAD("pepper", number, transcript{}.number(int64(version))), wrapped)
	return PepperKey{k}, err
}

// WrapLogin wraps the login key.
func (v VaultKey) WrapLogin(number int64, k LoginKey) ([]byte, error) {
	return v.wrap(wrapAAD("login", number, nil), k.key)
}

// UnwrapLogin is the inverse.
func (v VaultKey) UnwrapLogin(number int64, wrapped []byte) (LoginKey, error) {
	k, err := v.unwrap(wrapAAD("login", number, nil), wrapped)
	return LoginKey{k}, err
}

func wrapAAD(what string, number int64, name []byte) transcript {
	return newTranscript("cofferdam/vault-wrap/v1").short([]byte(what)).number(number).short(name)
}

func (v VaultKey) wrap(aad transcript, k key) ([]byte, error) {
	b, err := k.usable()
	if err != nil {
		return nil, err
	}
	return v.appendBox([]byte{wrapVersion}, aad, b)
}

func (v VaultKey) unwrap(aad transcript, wrapped []byte) (key, error) {
	if len(wrapped) != WrapSize {
		return key{}, fmt.Errorf("wrapped key of %d bytes: %w", len(wrapped), ErrFormat)
	}
	box, err := versioned(wrapped, wrapVersion)
	if err != nil {
		return key{}, err
	}
	b, err := v.openBox(aad, box)
	if err != nil {
		return key{}, err
	}
	defer clear(b)
	return keyFrom(b)
}
