package seal

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"cofferdam/internal/sealto"
)

// CredentialKind says what a secret is and how the mail platform takes it.
type CredentialKind uint8

// Kinds of a credential. The numbers are part of the formats.
const (
	KindPassword CredentialKind = 1 // LOGIN, AUTHENTICATE PLAIN, POP3 PASS
	KindToken    CredentialKind = 2 // OAUTHBEARER, XOAUTH2
)

// Credential is what porter shows to the mail platform for a person.
type Credential struct {
	Kind   CredentialKind
	Login  string
	Secret Secret
}

// Wipe clears the secret.
func (c Credential) Wipe() { c.Secret.Wipe() }

// credentialLabel is the purpose of boxes sealed to porter's credential key.
const credentialLabel sealto.Label = "credential/v1"

const (
	plainVersion = 0x01
	// plainBlock is what the plaintext of sign-ins and credentials is padded to.
	plainBlock = 256
	// plainMin is the plaintext with empty login and secret, unpadded.
	plainMin = 1 + 1 + 2 + 2
)

// SealCredential seals a credential to porter's own credential key, so that
// keeper can store it in a session envelope and hand it back without reading it.
func SealCredential(porter sealto.PublicKey, c Credential) ([]byte, error) {
	plain, err := encodeCredential(c)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return sealto.Seal(porter, credentialLabel, nil, plain)
}

// OpenCredential opens a credential and refuses one that was sealed for another
// login than the one the caller is about to act for.
func (k PrivateKey) OpenCredential(login string, box []byte) (Credential, error) {
	plain, err := k.Open(credentialLabel, nil, box)
	if err != nil {
		return Credential{}, err
	}
	defer clear(plain)
	c, err := decodeCredential(plain)
	if err != nil {
		return Credential{}, err
	}
	if subtle.ConstantTimeCompare([]byte(c.Login), []byte(login)) != 1 {
		c.Wipe()
		return Credential{}, fmt.Errorf("credential of another login: %w", ErrOpen)
	}
	return c, nil
}

// encodeCredential writes the plaintext layout shared by sign-in boxes and
// credential boxes: 0x01 | kind | u16 length | login | u16 length | secret |
// zeros to the next multiple of 256 bytes.
func encodeCredential(c Credential) ([]byte, error) {
	if c.Kind != KindPassword && c.Kind != KindToken {
		return nil, fmt.Errorf("credential of kind %d: %w", c.Kind, ErrFormat)
	}
	if len(c.Login) == 0 || len(c.Login) > MaxLogin || c.Secret.Len() == 0 || c.Secret.Len() > MaxSecret {
		return nil, fmt.Errorf("login of %d bytes, secret of %d: %w", len(c.Login), c.Secret.Len(), ErrLimit)
	}
	n := plainMin + len(c.Login) + c.Secret.Len()
	b := make([]byte, 0, (n+plainBlock-1)/plainBlock*plainBlock)
	b = append(b, plainVersion, byte(c.Kind))
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(c.Login))), c.Login...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(c.Secret.Len())), c.Secret.Reveal()...)
	return b[:cap(b)], nil
}

// decodeCredential reads the layout strictly. The secret is copied, so that the
// caller can clear plain.
func decodeCredential(plain []byte) (Credential, error) {
	if len(plain) < plainBlock || len(plain)%plainBlock != 0 || plain[0] != plainVersion {
		return Credential{}, fmt.Errorf("credential of %d bytes: %w", len(plain), ErrFormat)
	}
	kind := CredentialKind(plain[1])
	if kind != KindPassword && kind != KindToken {
		return Credential{}, fmt.Errorf("credential of kind %d: %w", kind, ErrFormat)
	}
	login, rest, ok := cutField(plain[2:], MaxLogin)
	if !ok {
		return Credential{}, fmt.Errorf("login in a credential: %w", ErrFormat)
	}
	secret, rest, ok := cutField(rest, MaxSecret)
	// Less than a block of padding, or the same text could be sealed in many sizes.
	if !ok || len(rest) >= plainBlock || !allZero(rest) {
		return Credential{}, fmt.Errorf("secret in a credential: %w", ErrFormat)
	}
	return Credential{kind, string(login), NewSecret(append([]byte(nil), secret...))}, nil
}

// cutField cuts a field with its length in two bytes off; empty ones are refused.
func cutField(b []byte, limit int) (field, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > limit || n > len(b)-2 {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}
