package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// key is a symmetric key of KeySize bytes; each kind of key embeds it in a type
// of its own, so that a mix-up does not compile. Copies share their bytes.
type key struct {
	hidden[[KeySize]byte]
}

// Key is any of the key types of this package.
type Key interface{ raw() key }

func (k key) raw() key { return k }

// newKey makes a random key.
func newKey() key {
	p := new([KeySize]byte)
	rand.Read(p[:]) // never fails (crypto/rand)
	return key{hide(p)}
}

// keyFrom copies b, which must be KeySize bytes and not all zero.
func keyFrom(b []byte) (key, error) {
	if len(b) != KeySize {
		return key{}, fmt.Errorf("key of %d bytes instead of %d: %w", len(b), KeySize, ErrFormat)
	}
	k := key{hide((*[KeySize]byte)(append([]byte(nil), b...)))}
	if k.IsZero() {
		return key{}, ErrNoKey
	}
	return k, nil
}

// Reveal returns the KeySize bytes themselves, not a copy, for handing a key to
// the one role that is meant to have it; nil for the zero value.
func (k key) Reveal() []byte {
	p := k.get()
	if p == nil {
		return nil
	}
	return p[:]
}

// IsZero reports whether there is no key here, or one that was wiped.
func (k key) IsZero() bool {
	p := k.get()
	if p == nil {
		return true
	}
	var zero [KeySize]byte
	return subtle.ConstantTimeCompare(p[:], zero[:]) == 1
}

// Wipe clears the key, in all copies. It may be called twice.
func (k key) Wipe() {
	if p := k.get(); p != nil {
		clear(p[:])
	}
}

// Equal compares two keys of one kind in constant time. Zero or wiped keys are
// equal to nothing.
func Equal[K Key](a, b K) bool {
	x, y := a.raw(), b.raw()
	if x.IsZero() || y.IsZero() {
		return false
	}
	return subtle.ConstantTimeCompare(x.Reveal(), y.Reveal()) == 1
}

// usable returns the bytes, or ErrNoKey.
func (k key) usable() ([]byte, error) {
	if k.IsZero() {
		return nil, ErrNoKey
	}
	return k.Reveal(), nil
}

// expand is HKDF-Expand (RFC 5869, section 2.3) with SHA-256 to one more key.
// The parent must be uniformly random, as all our keys are.
func (k key) expand(info string) (key, error) {
	b, err := k.usable()
	if err != nil {
		return key{}, err
	}
	out, err := hkdf.Expand(sha256.New, b, info, KeySize)
	if err != nil {
		return key{}, fmt.Errorf("deriving a key: %w", err)
	}
	return key{hide((*[KeySize]byte)(out))}, nil
}

// extract is HKDF (RFC 5869, extract with an empty salt and expand) over
// secrets that are concatenated in order.
func extract(info string, secrets ...[]byte) (key, error) {
	var ikm []byte
	for _, s := range secrets {
		ikm = append(ikm, s...)
	}
	defer clear(ikm)
	out, err := hkdf.Key(sha256.New, ikm, nil, info, KeySize)
	if err != nil {
		return key{}, fmt.Errorf("deriving a key: %w", err)
	}
	return key{hide((*[KeySize]byte)(out))}, nil
}

// mac is HMAC-SHA-256 (RFC 2104) over a transcript.
func (k key) mac(t transcript) ([sha256.Size]byte, error) {
	b, err := k.usable()
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	h := hmac.New(sha256.New, b)
	h.Write(t)
	return [sha256.Size]byte(h.Sum(nil)), nil
}
