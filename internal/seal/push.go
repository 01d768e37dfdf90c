package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Sizes of RFC 8291 and RFC 8188.
const (
	pushPointSize = 65 // an uncompressed point of P-256
	pushAuthSize  = 16 // RFC 8291, section 3.2
	pushSaltSize  = 16 // RFC 8188, section 2.1
	pushHeader    = pushSaltSize + 4 + 1 + pushPointSize
	pushTag       = 16
)

// PushKeys are the keys that a client gave for what is pushed to it (RFC 8291,
// section 2.1). The secret of them is that only the server knows them.
type PushKeys struct {
	hidden[[]byte] // ua_public | auth_secret
}

// ParsePushKeys reads the two texts of a PushSubscription (RFC 8620, section 7.2):
// URL-safe base64, which RFC 4648 writes with padding and browsers without. The
// error wraps ErrFormat.
func ParsePushKeys(p256dh, auth string) (PushKeys, error) {
	public, err := DecodeBase64(strings.TrimRight(p256dh, "="))
	if err != nil {
		return PushKeys{}, fmt.Errorf("p256dh: %w", err)
	}
	if len(public) != pushPointSize {
		return PushKeys{}, fmt.Errorf("p256dh of %d bytes: %w", len(public), ErrFormat)
	}
	if _, err := ecdh.P256().NewPublicKey(public); err != nil {
		return PushKeys{}, fmt.Errorf("p256dh is no point of P-256: %w", ErrFormat)
	}
	secret, err := DecodeBase64(strings.TrimRight(auth, "="))
	if err != nil {
		return PushKeys{}, fmt.Errorf("auth: %w", err)
	}
	if len(secret) != pushAuthSize {
		return PushKeys{}, fmt.Errorf("auth of %d bytes: %w", len(secret), ErrFormat)
	}
	both := slices.Concat(public, secret)
	clear(secret)
	return PushKeys{hide(&both)}, nil
}

// Wipe erases the keys.
func (k PushKeys) Wipe() { Secret(k).Wipe() }

// Encrypt makes the body of a push message of content coding aes128gcm: one record
// (RFC 8291, section 4), padded to PushSize bytes. plaintext is at most MaxPush
// bytes; else the error wraps ErrLimit.
func (k PushKeys) Encrypt(plaintext []byte) ([]byte, error) {
	as, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for a push: %w", err)
	}
	var salt [pushSaltSize]byte
	rand.Read(salt[:]) // never fails (crypto/rand)
	return k.encrypt(plaintext, max(MaxPush-len(plaintext), 0), as, salt[:])
}

// encrypt is RFC 8291, section 3.4, and RFC 8188, section 2, in their words.
func (k PushKeys) encrypt(plaintext []byte, padding int, asPrivate *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	if len(plaintext) > MaxPush {
		return nil, fmt.Errorf("push of %d bytes: %w", len(plaintext), ErrLimit)
	}
	b := Secret(k).Reveal()
	if b == nil {
		return nil, ErrNoKey
	}
	uaPublic, authSecret := b[:pushPointSize], b[pushPointSize:]
	ua, err := ecdh.P256().NewPublicKey(uaPublic)
	if err != nil {
		return nil, fmt.Errorf("key of a push: %w", ErrFormat)
	}
	asPublic := asPrivate.PublicKey().Bytes()
	ecdhSecret, err := asPrivate.ECDH(ua)
	if err != nil {
		return nil, fmt.Errorf("key of a push: %w", ErrFormat)
	}
	defer clear(ecdhSecret)
	cek, nonce, err := pushContentKey(ecdhSecret, authSecret, uaPublic, asPublic, salt)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of a push: %w", err)
	}
	defer clear(cek)
	block, err := aes.NewCipher(cek)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	out := append(make([]byte, 0, pushHeader+len(plaintext)+1+padding+pushTag), salt...)
	out = binary.BigEndian.AppendUint32(out, pushRecord)
	out = append(append(out, pushPointSize), asPublic...)
	record := slices.Concat(plaintext, []byte{0x02}, make([]byte, padding)) // 2: the last record
	return aead.Seal(out, nonce, record, nil), nil
}

// pushContentKey derives CEK and NONCE.
func pushContentKey(ecdhSecret, authSecret, uaPublic, asPublic, salt []byte) (cek, nonce []byte, err error) {
	prkKey, err := hkdf.Extract(sha256.New, ecdhSecret, authSecret)
	if err != nil {
		return nil, nil, err
	}
	defer clear(prkKey)
	keyInfo := bytes.Join([][]byte{[]byte("WebPush: info\x00"), uaPublic, asPublic}, nil)
	ikm, err := hkdf.Expand(sha256.New, prkKey, string(keyInfo), 32)
	if err != nil {
		return nil, nil, err
	}
	defer clear(ikm)
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		return nil, nil, err
	}
	defer clear(prk)
	if cek, err = hkdf.Expand(sha256.New, prk, "Content-Encoding: aes128gcm\x00", 16); err != nil {
		return nil, nil, err
	}
	nonce, err = hkdf.Expand(sha256.New, prk, "Content-Encoding: nonce\x00", 12)
	return cek, nonce, err
}
