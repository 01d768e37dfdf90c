package seal

import (
	"bytes"
	"crypto/hpke"
	"fmt"
)

// SigninBox is a sealed sign-in as it travels from the page to porter.
type SigninBox struct {
	KID       []byte // of the sign-in key
	Enc       []byte // encapsulated key, an uncompressed point
	CT        []byte
	Challenge []byte // what porter issued; it is the AAD
}

// maxSigninCT is the ciphertext of the largest plaintext.
const maxSigninCT = (plainMin+MaxLogin+MaxSecret+plainBlock-1)/plainBlock*plainBlock + 16

// SealSignin seals a sign-in as the page does. d must have been verified.
func SealSignin(d SigninKeyDoc, challenge []byte, c Credential) (SigninBox, error) {
	if len(challenge) != ChallengeSize {
		return SigninBox{}, fmt.Errorf("challenge of %d bytes: %w", len(challenge), ErrFormat)
	}
	plain, err := encodeCredential(c)
	if err != nil {
		return SigninBox{}, err
	}
	defer clear(plain)
	kem, kdf, aead := signinSuite()
	pk, err := kem.NewPublicKey(d.PublicKey)
	if err != nil {
		return SigninBox{}, fmt.Errorf("sign-in public key: %w: %w", ErrFormat, err)
	}
	kid := d.KID()
	enc, sender, err := hpke.NewSender(pk, kdf, aead, signinInfo(kid))
	if err != nil {
		return SigninBox{}, fmt.Errorf("sealing a sign-in: %w", err)
	}
	ct, err := sender.Seal(challenge, plain)
	if err != nil {
		return SigninBox{}, fmt.Errorf("sealing a sign-in: %w", err)
	}
	return SigninBox{kid[:], enc, ct, append([]byte(nil), challenge...)}, nil
}

// Open opens a sealed sign-in. Whether its challenge is ours, fresh and unused
// is for Challenges.Accept to say, before. Only KindPassword is accepted: a page
// has no token to seal. The caller wipes the credential.
func (k SigninKey) Open(box SigninBox) (Credential, error) {
	if len(box.KID) != KIDSize || len(box.Enc) != pointSize || len(box.Challenge) != ChallengeSize || len(box.CT) > maxSigninCT {
		return Credential{}, fmt.Errorf("sealed sign-in: %w", ErrFormat)
	}
	priv, err := k.ecdh()
	if err != nil {
		return Credential{}, err
	}
	kid := KID(priv.PublicKey().Bytes())
	if !bytes.Equal(box.KID, kid[:]) {
		return Credential{}, fmt.Errorf("sign-in sealed to another key: %w", ErrOpen)
	}
	sk, err := hpke.NewDHKEMPrivateKey(priv)
	if err != nil {
		return Credential{}, fmt.Errorf("sign-in key: %w", err)
	}
	_, kdf, aead := signinSuite()
	r, err := hpke.NewRecipient(box.Enc, sk, kdf, aead, signinInfo(kid))
	if err != nil {
		return Credential{}, ErrOpen
	}
	plain, err := r.Open(box.Challenge, box.CT)
	if err != nil {
		return Credential{}, ErrOpen
	}
	defer clear(plain)
	c, err := decodeCredential(plain)
	if err == nil && c.Kind != KindPassword {
		c.Wipe()
		return Credential{}, fmt.Errorf("sign-in of kind %d: %w", c.Kind, ErrFormat)
	}
	return c, err
}
