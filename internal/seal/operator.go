package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
)

const (
	operatorPrivateType = "PRIVATE KEY"
	operatorPublicType  = "PUBLIC KEY"
	// signatureSize is r | s of ECDSA on P-256, the form that WebCrypto verifies.
	signatureSize = 64
)

// OperatorKey signs sign-in key documents. It is kept offline: no role has it.
type OperatorKey struct {
	hidden[ecdsa.PrivateKey]
}

// OperatorPublic is its public half, pinned in the client's bundle.
type OperatorPublic struct {
	pub *ecdsa.PublicKey
}

// NewOperatorKey makes a random key on P-256.
func NewOperatorKey() (OperatorKey, error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return OperatorKey{}, fmt.Errorf("making an operator key: %w", err)
	}
	return OperatorKey{hide(priv)}, nil
}

// ParseOperatorKey reads PKCS #8 in PEM.
func ParseOperatorKey(text []byte) (OperatorKey, error) {
	der, err := onePEM(text, operatorPrivateType)
	if err != nil {
		return OperatorKey{}, fmt.Errorf("operator key: %w", err)
	}
	defer clear(der)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return OperatorKey{}, fmt.Errorf("operator key: %w", ErrFormat) // the cause could quote the key
	}
	priv, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || priv.Curve != elliptic.P256() {
		return OperatorKey{}, fmt.Errorf("operator key is not ECDSA on P-256: %w", ErrFormat)
	}
	return OperatorKey{hide(priv)}, nil
}

// RevealPEM returns the key as PKCS #8 in PEM, for the operator's offline file.
func (k OperatorKey) RevealPEM() ([]byte, error) {
	priv := k.get()
	if priv == nil {
		return nil, ErrNoKey
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, fmt.Errorf("encoding an operator key: %w", err)
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: operatorPrivateType, Bytes: der}), nil
}

// Public returns the public half.
func (k OperatorKey) Public() OperatorPublic {
	priv := k.get()
	if priv == nil {
		return OperatorPublic{}
	}
	return OperatorPublic{&priv.PublicKey}
}

// sign is ECDSA with SHA-256, as r | s of 32 bytes each.
func (k OperatorKey) sign(message []byte) ([]byte, error) {
	priv := k.get()
	if priv == nil {
		return nil, ErrNoKey
	}
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, priv, digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	sig := make([]byte, signatureSize)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig, nil
}

// ParseOperatorPublic reads the SubjectPublicKeyInfo in PEM.
func ParseOperatorPublic(text []byte) (OperatorPublic, error) {
	der, err := onePEM(text, operatorPublicType)
	if err != nil {
		return OperatorPublic{}, fmt.Errorf("operator public key: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return OperatorPublic{}, fmt.Errorf("operator public key: %w: %w", ErrFormat, err)
	}
	pub, ok := parsed.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return OperatorPublic{}, fmt.Errorf("operator public key is not ECDSA on P-256: %w", ErrFormat)
	}
	return OperatorPublic{pub}, nil
}

// PEM returns the form that ParseOperatorPublic reads.
func (p OperatorPublic) PEM() ([]byte, error) {
	if p.pub == nil {
		return nil, ErrNoKey
	}
	der, err := x509.MarshalPKIXPublicKey(p.pub)
	if err != nil {
		return nil, fmt.Errorf("encoding an operator public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: operatorPublicType, Bytes: der}), nil
}

// ParseOperatorPoint reads the 65 bytes of the uncompressed point, the form that
// the client's bundle pins and WebCrypto imports as "raw".
func ParseOperatorPoint(point []byte) (OperatorPublic, error) {
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return OperatorPublic{}, fmt.Errorf("operator public key: %w: %w", ErrFormat, err)
	}
	return OperatorPublic{pub}, nil
}

// Point returns the 65 bytes of the uncompressed point, nil for the zero value.
func (p OperatorPublic) Point() []byte {
	if p.pub == nil {
		return nil
	}
	b, err := p.pub.Bytes()
	if err != nil {
		panic("seal: operator key that does not encode: " + err.Error())
	}
	return b
}

// verify checks r | s.
func (p OperatorPublic) verify(message, sig []byte) error {
	if p.pub == nil {
		return ErrNoKey
	}
	if len(sig) != signatureSize {
		return fmt.Errorf("signature of %d bytes: %w", len(sig), ErrFormat)
	}
	digest := sha256.Sum256(message)
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	if !ecdsa.Verify(p.pub, digest[:], r, s) {
		return ErrSignature
	}
	return nil
}

// onePEM reads exactly one PEM block of a type, without headers.
func onePEM(text []byte, blockType string) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != blockType || len(block.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("not one PEM block %q: %w", blockType, ErrFormat)
	}
	return block.Bytes, nil
}
