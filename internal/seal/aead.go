package seal

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// boxOverhead is what a box adds: a nonce of 24 bytes and a tag of 16.
const boxOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// sealBox is XChaCha20-Poly1305 with a random nonce: nonce | ciphertext.
func (k key) sealBox(aad transcript, plaintext []byte) ([]byte, error) {
	return k.appendBox(nil, aad, plaintext)
}

// appendBox appends a box to dst, which is usually a header.
func (k key) appendBox(dst []byte, aad transcript, plaintext []byte) ([]byte, error) {
	b, err := k.usable()
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(b)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	out := make([]byte, len(dst), len(dst)+len(plaintext)+boxOverhead)
	copy(out, dst)
	var nonce [chacha20poly1305.NonceSizeX]byte
	rand.Read(nonce[:]) // never fails (crypto/rand)
	out = append(out, nonce[:]...)
	return aead.Seal(out, nonce[:], plaintext, aad), nil
}

// openBox opens what sealBox made; the error is ErrOpen or ErrNoKey.
func (k key) openBox(aad transcript, box []byte) ([]byte, error) {
	b, err := k.usable()
	if err != nil {
		return nil, err
	}
	if len(box) < boxOverhead {
		return nil, fmt.Errorf("box of %d bytes: %w", len(box), ErrOpen)
	}
	aead, err := chacha20poly1305.NewX(b)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	nonce, ct := box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:]
	plaintext, err := aead.Open(nil, nonce, ct, aad)
	if err != nil {
		return nil, ErrOpen // the library's text says no more
	}
	return plaintext, nil
}
