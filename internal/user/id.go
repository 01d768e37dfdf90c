package user

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// IDSize is the length of an ID in bytes.
const IDSize = 16

// textSize is the length of an ID's text form: 16 bytes in unpadded base64url.
const textSize = 22

// ErrBadID says that a text or a byte string is not an ID.
var ErrBadID = errors.New("not a user id")

// ID names one person in every store, key derivation and log line. It is
// random, never derived from an address, and never given to anybody else: an
// address that is created again gets a new ID. The zero ID names nobody.
type ID [IDSize]byte

// NewID returns a fresh random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails (crypto/rand)
	return id
}

// ParseID reads the text form (22 characters of unpadded base64url). It is
// strict: another length, padding, line breaks, stray bits at the end and the
// zero ID are refused with ErrBadID.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != textSize {
		return ID{}, fmt.Errorf("%w: %d characters instead of %d", ErrBadID, len(s), textSize)
	}
	// A line break is skipped by the decoder; then the count falls short.
	n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(s))
	if err != nil || n != IDSize {
		return ID{}, fmt.Errorf("%w: not strict base64url", ErrBadID)
	}
	if id.IsZero() {
		return ID{}, fmt.Errorf("%w: zero", ErrBadID)
	}
	return id, nil
}

// IDFromBytes reads the 16 bytes of a stored ID; another length and the zero
// ID are refused with ErrBadID.
func IDFromBytes(b []byte) (ID, error) {
	if len(b) != IDSize {
		return ID{}, fmt.Errorf("%w: %d bytes instead of %d", ErrBadID, len(b), IDSize)
	}
	id := ID(b)
	if id.IsZero() {
		return ID{}, fmt.Errorf("%w: zero", ErrBadID)
	}
	return id, nil
}

// IsZero reports whether the ID names nobody.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the text form that ParseID reads.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Hex returns the ID as 32 lower-case hexadecimal digits, for people who
// compare it with a database console. Nothing reads this form back.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// Bytes returns a copy of the 16 bytes.
func (id ID) Bytes() []byte { return append([]byte(nil), id[:]...) }

// MarshalText writes the text form; the zero ID is refused, as it is always a
// forgotten field.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, fmt.Errorf("%w: zero", ErrBadID)
	}
	return []byte(id.String()), nil
}

// UnmarshalText reads the text form as ParseID does.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
