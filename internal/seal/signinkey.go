package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// KIDSize is the length of a sign-in key's id.
	KIDSize = 8
	// pointSize is the length of an uncompressed P-256 point, and so of "enc".
	pointSize = 65
	// signinKEM is the name of the KEM in the document.
	signinKEM        = "P-256"
	signinKeyVersion = 1
)

// SigninKey is porter's private key for sealed sign-ins, on P-256.
type SigninKey struct{ key }

// NewSigninKey makes a random key.
func NewSigninKey() (SigninKey, error) {
	priv, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return SigninKey{}, fmt.Errorf("making a sign-in key: %w", err)
	}
	b := priv.Bytes()
	defer clear(b)
	return ParseSigninKey(b)
}

// ParseSigninKey reads the 32 bytes of a private key.
func ParseSigninKey(b []byte) (SigninKey, error) {
	k, err := keyFrom(b)
	if err != nil {
		return SigninKey{}, err
	}
	if _, err := ecdh.P256().NewPrivateKey(b); err != nil {
		return SigninKey{}, fmt.Errorf("sign-in key: %w", ErrFormat)
	}
	return SigninKey{k}, nil
}

func (k SigninKey) ecdh() (*ecdh.PrivateKey, error) {
	b, err := k.usable()
	if err != nil {
		return nil, err
	}
	return ecdh.P256().NewPrivateKey(b)
}

// Public returns the uncompressed point of 65 bytes, nil for the zero key.
func (k SigninKey) Public() []byte {
	priv, err := k.ecdh()
	if err != nil {
		return nil
	}
	return priv.PublicKey().Bytes()
}

// KID returns the first bytes of the SHA-256 of a sign-in public key.
func KID(public []byte) [KIDSize]byte {
	sum := sha256.Sum256(public)
	return [KIDSize]byte(sum[:KIDSize])
}

// SigninKeyDoc is the sign-in key document: porter's public key, signed by the
// operator's offline key that the client's bundle pins. Only SignSigninKey and
// ParseSigninKeyDoc make one that is checked.
type SigninKeyDoc struct {
	PublicKey []byte // uncompressed point
	NotBefore time.Time
	NotAfter  time.Time
	Signature []byte
}

// signinKeyJSON is the document's wire form; field order is part of it.
type signinKeyJSON struct {
	V         int    `json:"v"`
	KID       string `json:"kid"`
	KEM       string `json:"kem"`
	PK        string `json:"pk"`
	NotBefore int64  `json:"notBefore"`
	NotAfter  int64  `json:"notAfter"`
	Sig       string `json:"sig"`
}

// SignSigninKey makes the document for a sign-in public key.
func SignSigninKey(op OperatorKey, public []byte, notBefore, notAfter time.Time) (SigninKeyDoc, error) {
	d := SigninKeyDoc{PublicKey: append([]byte(nil), public...), NotBefore: notBefore.Truncate(time.Second), NotAfter: notAfter.Truncate(time.Second)}
	if err := d.check(); err != nil {
		return SigninKeyDoc{}, err
	}
	sig, err := op.sign(d.signedBytes())
	if err != nil {
		return SigninKeyDoc{}, fmt.Errorf("signing a sign-in key document: %w", err)
	}
	d.Signature = sig
	return d, nil
}

// KID returns the id of the document's key.
func (d SigninKeyDoc) KID() [KIDSize]byte { return KID(d.PublicKey) }

// JSON returns the document in its one canonical form.
func (d SigninKeyDoc) JSON() ([]byte, error) {
	kid := d.KID()
	return json.Marshal(signinKeyJSON{
		V: signinKeyVersion, KID: EncodeBase64(kid[:]), KEM: signinKEM, PK: EncodeBase64(d.PublicKey),
		NotBefore: d.NotBefore.Unix(), NotAfter: d.NotAfter.Unix(), Sig: EncodeBase64(d.Signature),
	})
}

// ParseSigninKeyDoc reads a document in canonical form (a final line break is
// allowed, as files have one). It does not verify: see Verify.
func ParseSigninKeyDoc(text []byte) (SigninKeyDoc, error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) > MaxSigninKeyDoc {
		return SigninKeyDoc{}, fmt.Errorf("sign-in key document of %d bytes: %w", len(text), ErrLimit)
	}
	var j signinKeyJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return SigninKeyDoc{}, fmt.Errorf("sign-in key document: %w: %w", ErrFormat, err)
	}
	pk, err := DecodeBase64(j.PK)
	if err != nil {
		return SigninKeyDoc{}, fmt.Errorf("sign-in key document, pk: %w", err)
	}
	sig, err := DecodeBase64(j.Sig)
	if err != nil || len(sig) != signatureSize {
		return SigninKeyDoc{}, fmt.Errorf("sign-in key document, sig: %w", ErrFormat)
	}
	d := SigninKeyDoc{pk, time.Unix(j.NotBefore, 0), time.Unix(j.NotAfter, 0), sig}
	if err := d.check(); err != nil {
		return SigninKeyDoc{}, err
	}
	// Writing it again and comparing refuses everything else at once: another
	// version or KEM, a foreign kid, unknown or doubled names, other spacing.
	again, err := d.JSON()
	if err != nil || !bytes.Equal(again, text) {
		return SigninKeyDoc{}, fmt.Errorf("sign-in key document is not in canonical form: %w", ErrFormat)
	}
	return d, nil
}

// Verify checks the signature and that now lies within the validity.
func (d SigninKeyDoc) Verify(op OperatorPublic, now time.Time) error {
	if err := op.verify(d.signedBytes(), d.Signature); err != nil {
		return fmt.Errorf("sign-in key document: %w", err)
	}
	if now.Before(d.NotBefore) || !now.Before(d.NotAfter) {
		return fmt.Errorf("sign-in key document, valid from %s to %s: %w", d.NotBefore.UTC().Format(time.RFC3339), d.NotAfter.UTC().Format(time.RFC3339), ErrExpired)
	}
	return nil
}

// signedBytes is "cofferdam/signin-key/v1" 0x00 kid pk notBefore notAfter.
func (d SigninKeyDoc) signedBytes() []byte {
	kid := d.KID()
	return newTranscript("cofferdam/signin-key/v1").fixed(kid[:]).fixed(d.PublicKey).number(d.NotBefore.Unix()).number(d.NotAfter.Unix())
}

// check refuses a key that is not a point of P-256 and times that make no sense.
func (d SigninKeyDoc) check() error {
	if _, err := ecdh.P256().NewPublicKey(d.PublicKey); err != nil {
		return fmt.Errorf("sign-in public key: %w: %w", ErrFormat, err)
	}
	life := d.NotAfter.Sub(d.NotBefore)
	if d.NotBefore.Unix() < 0 || life <= 0 || life > MaxSigninKeyLife {
		return fmt.Errorf("sign-in key document valid for %s: %w", life, ErrLimit)
	}
	return nil
}

// signinSuite is HPKE (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and
// AES-256-GCM: what WebCrypto can do without a polyfill.
func signinSuite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.DHKEM(ecdh.P256()), hpke.HKDFSHA256(), hpke.AES256GCM()
}

func signinInfo(kid [KIDSize]byte) []byte {
	return newTranscript("cofferdam/signin/v1").fixed(kid[:])
}
