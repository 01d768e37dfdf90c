package seal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// VAPIDKey is by what push services know this installation (RFC 8292). It signs and
// does nothing else.
type VAPIDKey struct {
	hidden[ecdsa.PrivateKey]
}

// NewVAPIDKey makes a random key on P-256.
func NewVAPIDKey() (VAPIDKey, error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return VAPIDKey{}, fmt.Errorf("making a VAPID key: %w", err)
	}
	return VAPIDKey{hide(priv)}, nil
}

// ParseVAPIDKey reads the 32 bytes that Reveal returns.
func ParseVAPIDKey(b []byte) (VAPIDKey, error) {
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		return VAPIDKey{}, fmt.Errorf("VAPID key: %w", ErrFormat) // the cause could quote the key
	}
	return VAPIDKey{hide(priv)}, nil
}

// Reveal returns the private key in 32 bytes.
func (k VAPIDKey) Reveal() ([]byte, error) {
	priv := k.get()
	if priv == nil {
		return nil, ErrNoKey
	}
	return priv.Bytes()
}

// Public returns the key in the form in which clients hand it to push services: the
// uncompressed point in base64url (RFC 8292, section 3.2; RFC 9749, section 3).
func (k VAPIDKey) Public() (string, error) {
	priv := k.get()
	if priv == nil {
		return "", ErrNoKey
	}
	point, err := priv.PublicKey.Bytes()
	if err != nil {
		return "", fmt.Errorf("encoding a VAPID key: %w", err)
	}
	return EncodeBase64(point), nil
}

// Authorization returns the value of the header of that name for requests to an
// origin (scheme://host[:port]) until a time, which is less than 24 hours away (RFC
// 8292, sections 2 and 3). contact is a mailto: or https: URI, or "".
func (k VAPIDKey) Authorization(origin, contact string, until time.Time) (string, error) {
	priv := k.get()
	if priv == nil {
		return "", ErrNoKey
	}
	claims, err := json.Marshal(struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub,omitempty"`
	}{origin, until.Unix(), contact})
	if err != nil {
		return "", fmt.Errorf("writing a VAPID token: %w", err)
	}
	token := EncodeBase64([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + EncodeBase64(claims)
	digest := sha256.Sum256([]byte(token))
	r, s, err := ecdsa.Sign(rand.Reader, priv, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a VAPID token: %w", err)
	}
	sig := make([]byte, signatureSize)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	public, err := k.Public()
	if err != nil {
		return "", err
	}
	return "vapid t=" + token + "." + EncodeBase64(sig) + ", k=" + public, nil
}
