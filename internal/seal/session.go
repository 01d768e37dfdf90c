package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

const (
	// SIDSize is the length of a session's name, SKeySize that of its key.
	SIDSize  = 16
	SKeySize = KeySize
	// sessionVersion is the first byte of both layers.
	sessionVersion = 0x01
	// flagUMK and flagCredential say what an envelope carries.
	flagUMK        = 0x01
	flagCredential = 0x02
)

// SessionHash is SHA-256(sid): what the database and the roles know a session by.
type SessionHash [sha256.Size]byte

// String returns the hash as base64url.
func (h SessionHash) String() string { return EncodeBase64(h[:]) }

// SessionToken is the content of a session cookie or bearer token: sid | skey.
type SessionToken struct {
	hidden[sessionToken]
}

type sessionToken struct {
	sid  [SIDSize]byte
	skey [SKeySize]byte
}

// NewSessionToken makes a random token.
func NewSessionToken() SessionToken {
	p := new(sessionToken)
	rand.Read(p.sid[:])  // never fails (crypto/rand)
	rand.Read(p.skey[:]) // never fails (crypto/rand)
	return SessionToken{hide(p)}
}

// ParseSessionToken reads the two halves as they cross a line.
func ParseSessionToken(sid, skey []byte) (SessionToken, error) {
	if len(sid) != SIDSize || len(skey) != SKeySize {
		return SessionToken{}, fmt.Errorf("session token of %d and %d bytes: %w", len(sid), len(skey), ErrFormat)
	}
	return SessionToken{hide(&sessionToken{[SIDSize]byte(sid), [SKeySize]byte(skey)})}, nil
}

// ParseSessionText reads the 64 characters of a cookie or bearer token.
func ParseSessionText(s string) (SessionToken, error) {
	if len(s) != 64 {
		return SessionToken{}, fmt.Errorf("session token of %d characters: %w", len(s), ErrFormat)
	}
	b, err := DecodeBase64(s)
	if err != nil {
		return SessionToken{}, fmt.Errorf("session token: %w", err)
	}
	defer clear(b)
	return ParseSessionToken(b[:SIDSize], b[SIDSize:])
}

// Text returns the cookie value: base64url of sid | skey, 64 characters.
func (t SessionToken) Text() string {
	p := t.get()
	if p == nil {
		return ""
	}
	var b [SIDSize + SKeySize]byte
	copy(b[:], p.sid[:])
	copy(b[SIDSize:], p.skey[:])
	defer clear(b[:])
	return EncodeBase64(b[:])
}

// Reveal returns the two halves themselves; nil for the zero token.
func (t SessionToken) Reveal() (sid, skey []byte) {
	p := t.get()
	if p == nil {
		return nil, nil
	}
	return p.sid[:], p.skey[:]
}

// Hash returns SHA-256(sid).
func (t SessionToken) Hash() SessionHash {
	sid, _ := t.Reveal()
	return sha256.Sum256(sid)
}

// Wipe clears the token, in all copies.
func (t SessionToken) Wipe() {
	if p := t.get(); p != nil {
		clear(p.sid[:])
		clear(p.skey[:])
	}
}

// innerKey is HKDF(skey, "cofferdam/session/v1").
func (t SessionToken) innerKey() (key, error) {
	_, skey := t.Reveal()
	if skey == nil {
		return key{}, ErrNoKey
	}
	k, err := keyFrom(skey)
	if err != nil {
		return key{}, err
	}
	defer k.Wipe()
	return extract("cofferdam/session/v1", k.Reveal())
}

// EpochKey is K_epoch, the key of the outer layer of all live sessions. It lives
// in the memory of keepers and vault, never in a file.
type EpochKey struct{ key }

// Epoch is an epoch key with its number; a later one has a higher number.
type Epoch struct {
	Number  int64
	Created time.Time // to the second
	Key     EpochKey
}

// NewEpoch makes the next epoch. Its number is the time in Unix milliseconds, or
// one more than after, so numbers grow across restarts too.
func NewEpoch(after int64) Epoch {
	now := time.Now()
	return Epoch{Number: max(now.UnixMilli(), after+1), Created: now.Truncate(time.Second), Key: EpochKey{newKey()}}
}

// ParseEpoch reads an epoch as it crosses a line.
func ParseEpoch(number int64, created time.Time, b []byte) (Epoch, error) {
	if number < 1 {
		return Epoch{}, fmt.Errorf("epoch %d: %w", number, ErrFormat)
	}
	k, err := keyFrom(b)
	return Epoch{number, created, EpochKey{k}}, err
}

// Session is what an envelope holds.
type Session struct {
	UMK        UMK       // zero while the person's sealed data is locked
	Credential []byte    // sealed to porter (SealCredential), nil if there is none
	Expiry     time.Time // to the second; the envelope does not open later
}

// SealSession makes the stored envelope of a session:
// AEAD(K_epoch, AEAD(HKDF(skey), UMK | credential | expiry)), both layers bound
// to the session's hash and the person.
func SealSession(e Epoch, t SessionToken, uid user.ID, s Session) ([]byte, error) {
	plain, err := s.encode()
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	k, err := t.innerKey()
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	h := t.Hash()
	inner, err := k.appendBox([]byte{sessionVersion}, sessionAAD("cofferdam/session-inner/v1", h, uid), plain)
	if err != nil {
		return nil, err
	}
	return e.sealOuter(h, uid, inner)
}

// OpenSession opens an envelope. An expired one gives ErrExpired.
func OpenSession(e Epoch, t SessionToken, uid user.ID, sealed []byte) (Session, error) {
	h := t.Hash()
	inner, err := e.openOuter(h, uid, sealed)
	if err != nil {
		return Session{}, err
	}
	box, err := versioned(inner, sessionVersion)
	if err != nil {
		return Session{}, err
	}
	k, err := t.innerKey()
	if err != nil {
		return Session{}, err
	}
	defer k.Wipe()
	plain, err := k.openBox(sessionAAD("cofferdam/session-inner/v1", h, uid), box)
	if err != nil {
		return Session{}, err
	}
	defer clear(plain)
	return decodeSession(plain)
}

// ResealSession moves an envelope from one epoch to another without opening its
// inner layer: no cookie is needed.
func ResealSession(from, to Epoch, h SessionHash, uid user.ID, sealed []byte) ([]byte, error) {
	inner, err := from.openOuter(h, uid, sealed)
	if err != nil {
		return nil, err
	}
	return to.sealOuter(h, uid, inner)
}

// SessionEpoch returns the number of the epoch an envelope is sealed under.
func SessionEpoch(sealed []byte) (int64, error) {
	if len(sealed) < 1+8 || sealed[0] != sessionVersion {
		return 0, fmt.Errorf("session envelope of %d bytes: %w", len(sealed), ErrFormat)
	}
	n := int64(binary.BigEndian.Uint64(sealed[1:]))
	if n < 1 {
		return 0, fmt.Errorf("session envelope of epoch %d: %w", n, ErrFormat)
	}
	return n, nil
}

// sealOuter writes 0x01 | epoch number | box of the inner layer.
func (e Epoch) sealOuter(h SessionHash, uid user.ID, inner []byte) ([]byte, error) {
	if e.Number < 1 {
		return nil, fmt.Errorf("epoch %d: %w", e.Number, ErrNoKey)
	}
	head := binary.BigEndian.AppendUint64([]byte{sessionVersion}, uint64(e.Number))
	return e.Key.appendBox(head, sessionAAD("cofferdam/session-outer/v1", h, uid).number(e.Number), inner)
}

func (e Epoch) openOuter(h SessionHash, uid user.ID, sealed []byte) ([]byte, error) {
	n, err := SessionEpoch(sealed)
	if err != nil {
		return nil, err
	}
	if n != e.Number {
		return nil, fmt.Errorf("session envelope of another epoch: %w", ErrOpen)
	}
	return e.Key.openBox(sessionAAD("cofferdam/session-outer/v1", h, uid).number(n), sealed[1+8:])
}

func sessionAAD(label string, h SessionHash, uid user.ID) transcript {
	return newTranscript(label).fixed(h[:]).fixed(uid[:])
}

// encode writes flags | UMK or zeros | expiry | credential, padded.
func (s Session) encode() ([]byte, error) {
	if len(s.Credential) > MaxCredentialBox {
		return nil, fmt.Errorf("credential of %d bytes: %w", len(s.Credential), ErrLimit)
	}
	expiry := s.Expiry.Unix()
	if left := time.Until(s.Expiry); left <= 0 || left > MaxSessionLife {
		return nil, fmt.Errorf("session expiry %s from now: %w", left.Truncate(time.Second), ErrLimit)
	}
	var flags byte
	umk := make([]byte, KeySize)
	defer clear(umk)
	if !s.UMK.IsZero() {
		flags |= flagUMK
		copy(umk, s.UMK.Reveal())
	}
	if s.Credential != nil {
		flags |= flagCredential
	}
	b := make([]byte, 0, 1+KeySize+8+len(s.Credential))
	b = append(b, flags)
	b = append(b, umk...)
	b = binary.BigEndian.AppendUint64(b, uint64(expiry))
	b = append(b, s.Credential...)
	defer clear(b)
	return pad(b), nil
}

func decodeSession(padded []byte) (Session, error) {
	b, err := unpad(padded)
	if err != nil {
		return Session{}, err
	}
	if len(b) < 1+KeySize+8 || b[0]&^(flagUMK|flagCredential) != 0 {
		return Session{}, fmt.Errorf("session of %d bytes: %w", len(b), ErrFormat)
	}
	umk, rest := b[1:1+KeySize], b[1+KeySize:]
	s := Session{Expiry: time.Unix(int64(binary.BigEndian.Uint64(rest)), 0)}
	if !time.Now().Before(s.Expiry) {
		return Session{}, fmt.Errorf("session: %w", ErrExpired)
	}
	if s.Credential, err = optionalCredential(b[0], rest[8:]); err != nil {
		return Session{}, err
	}
	if b[0]&flagUMK != 0 {
		s.UMK, err = ParseUMK(umk)
	} else if !allZero(umk) {
		err = errors.New("a key where none is announced")
	}
	if err != nil {
		return Session{}, fmt.Errorf("session: %w: %w", ErrFormat, err)
	}
	return s, nil
}

func optionalCredential(flags byte, b []byte) ([]byte, error) {
	switch {
	case flags&flagCredential != 0 && len(b) <= MaxCredentialBox:
		return append([]byte{}, b...), nil
	case flags&flagCredential == 0 && len(b) == 0:
		return nil, nil
	}
	return nil, fmt.Errorf("session credential of %d bytes: %w", len(b), ErrFormat)
}
