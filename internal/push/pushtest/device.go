// Package pushtest is a device that gets Web Push messages, for tests: it opens by
// itself what was encrypted for it (RFC 8291), without a line of internal/seal.
package pushtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Device has the keys of one PushSubscription.
type Device struct {
	key  *ecdh.PrivateKey
	auth []byte
}

// New makes a device with random keys.
func New() *Device {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	d := &Device{key: key, auth: make([]byte, 16)}
	rand.Read(d.auth)
	return d
}

// P256DH and Auth are what the device tells the server.
func (d *Device) P256DH() string {
	return base64.RawURLEncoding.EncodeToString(d.key.PublicKey().Bytes())
}

// Auth is the authentication secret.
func (d *Device) Auth() string { return base64.RawURLEncoding.EncodeToString(d.auth) }

// Open decrypts a body of content coding aes128gcm (RFC 8188) that has one record.
func (d *Device) Open(body []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("no header")
	}
	salt, size, id, record := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])], body[21+int(body[20]):]
	if int(size) < len(record) {
		return nil, errors.New("more than one record")
	}
	server, err := ecdh.P256().NewPublicKey(id)
	if err != nil {
		return nil, fmt.Errorf("keyid: %w", err)
	}
	secret, err := d.key.ECDH(server)
	if err != nil {
		return nil, err
	}
	// RFC 8291, section 3.4, in HMACs as it spells them out.
	prkKey := mac(d.auth, secret)
	info := append(append([]byte("WebPush: info\x00"), d.key.PublicKey().Bytes()...), id...)
	ikm := mac(prkKey, append(info, 1))
	prk := mac(salt, ikm)
	block, err := aes.NewCipher(mac(prk, []byte("Content-Encoding: aes128gcm\x00\x01"))[:16])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, mac(prk, []byte("Content-Encoding: nonce\x00\x01"))[:12], record, nil)
	if err != nil {
		return nil, err
	}
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case 0: // padding
		case 2: // the last record
			return text[:i], nil
		default:
			return nil, errors.New("no delimiter")
		}
	}
	return nil, errors.New("nothing but padding")
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
