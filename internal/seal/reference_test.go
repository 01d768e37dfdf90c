package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// This file is a second, independent writer of our formats, with nonces and
// ephemeral keys given, from which the vectors are made and against which the
// package is checked. It shares no code with what it checks.

func u8(n int) []byte    { return []byte{byte(n)} }
func u16(n int) []byte   { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte   { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func u64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func cat(parts ...[]byte) []byte {
	return slices.Concat(parts...)
}

// refBox is nonce | XChaCha20-Poly1305.
func refBox(t testing.TB, key, nonce, aad, plaintext []byte) []byte {
	t.Helper()
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	return a.Seal(slices.Clone(nonce), nonce, plaintext, aad)
}

func refExpand(t testing.TB, prk []byte, info []byte) []byte {
	t.Helper()
	out, err := hkdf.Expand(sha256.New, prk, string(info), 32)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func refHKDF(t testing.TB, ikm []byte, info string) []byte {
	t.Helper()
	prk, err := hkdf.Extract(sha256.New, ikm, nil)
	if err != nil {
		t.Fatal(err)
	}
	return refExpand(t, prk, []byte(info))
}

func refHash(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

func refMAC(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(cat(parts...))
	return h.Sum(nil)
}

// refPad is the padding of docs/formats/record.md, written as its table.
func refPad(plaintext []byte) []byte {
	n := 4 + len(plaintext)
	size := 256
	for octave := 256; size < n; {
		step := max(64, octave/8)
		size += step
		if size == 2*octave {
			octave *= 2
		}
	}
	out := make([]byte, size)
	copy(out, u32(len(plaintext)))
	copy(out[4:], plaintext)
	return out
}

// refHPKE is HPKE's base mode sender with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256
// and AES-GCM, with the ephemeral key given: RFC 9180, sections 4, 4.1, 5.1, 5.2.
type refHPKE struct {
	t        testing.TB
	suiteKEM []byte
	suite    []byte
}

func newRefHPKE(t testing.TB, aeadID int) refHPKE {
	return refHPKE{t, cat([]byte("KEM"), u16(0x0010)), cat([]byte("HPKE"), u16(0x0010), u16(0x0001), u16(aeadID))}
}

func (h refHPKE) labeledExtract(suite, salt []byte, label string, ikm []byte) []byte {
	out, err := hkdf.Extract(sha256.New, cat([]byte("HPKE-v1"), suite, []byte(label), ikm), salt)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h refHPKE) labeledExpand(suite, prk []byte, label string, info []byte, n int) []byte {
	out, err := hkdf.Expand(sha256.New, prk, string(cat(u16(n), []byte("HPKE-v1"), suite, []byte(label), info)), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// deriveKeyPair is section 7.1.3 for P-256.
func (h refHPKE) deriveKeyPair(ikm []byte) *ecdh.PrivateKey {
	dkpPRK := h.labeledExtract(h.suiteKEM, nil, "dkp_prk", ikm)
	for counter := range 256 {
		b := h.labeledExpand(h.suiteKEM, dkpPRK, "candidate", u8(counter), 32)
		if sk, err := ecdh.P256().NewPrivateKey(b); err == nil {
			return sk
		}
	}
	h.t.Fatal("no key pair")
	return nil
}

// sender returns enc, and the key and base nonce of the AEAD.
func (h refHPKE) sender(skE *ecdh.PrivateKey, pkR, info []byte, nK int) (enc, key, baseNonce []byte) {
	pub, err := ecdh.P256().NewPublicKey(pkR)
	if err != nil {
		h.t.Fatal(err)
	}
	dh, err := skE.ECDH(pub)
	if err != nil {
		h.t.Fatal(err)
	}
	enc = skE.PublicKey().Bytes()
	eaePRK := h.labeledExtract(h.suiteKEM, nil, "eae_prk", dh)
	shared := h.labeledExpand(h.suiteKEM, eaePRK, "shared_secret", cat(enc, pkR), 32)
	pskIDHash := h.labeledExtract(h.suite, nil, "psk_id_hash", nil)
	infoHash := h.labeledExtract(h.suite, nil, "info_hash", info)
	context := cat(u8(0), pskIDHash, infoHash)
	secret := h.labeledExtract(h.suite, shared, "secret", nil)
	return enc, h.labeledExpand(h.suite, secret, "key", context, nK), h.labeledExpand(h.suite, secret, "base_nonce", context, 12)
}

func (h refHPKE) seal(key, baseNonce []byte, seq int, aad, plaintext []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		h.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		h.t.Fatal(err)
	}
	nonce := slices.Clone(baseNonce)
	nonce[11] ^= byte(seq)
	nonce[10] ^= byte(seq >> 8)
	return gcm.Seal(nil, nonce, plaintext, aad)
}
