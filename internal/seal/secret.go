package seal

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// errNoJSON is what encoders get: a secret crosses a line only by a named call.
var errNoJSON = errors.New("a secret has no JSON or text form")

// redacted is embedded in every secret: it prints nothing of it, refuses to be
// encoded, and makes == a compile error.
type redacted struct {
	_ [0]func()
}

// hidden keeps a value from package fmt: printed as an unexported field, where
// fmt does not ask it, a pointer to a pointer shows an address for every verb,
// while what a single pointer leads to is printed for some. Copies share the value.
type hidden[T any] struct {
	redacted
	pp **T
}

func hide[T any](p *T) hidden[T] { return hidden[T]{pp: &p} }

// get returns the value's place, nil for the zero value.
func (h hidden[T]) get() *T {
	if h.pp == nil {
		return nil
	}
	return *h.pp
}

const redactedText = "[redacted]"

// Format implements fmt.Formatter for every verb.
func (redacted) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redactedText)) }

// String returns "[redacted]".
func (redacted) String() string { return redactedText }

// LogValue implements slog.LogValuer.
func (redacted) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalJSON always fails.
func (redacted) MarshalJSON() ([]byte, error) { return nil, errNoJSON }

// MarshalText always fails.
func (redacted) MarshalText() ([]byte, error) { return nil, errNoJSON }

// MarshalBinary always fails, for gob's sake too.
func (redacted) MarshalBinary() ([]byte, error) { return nil, errNoJSON }

// UnmarshalJSON always fails.
func (*redacted) UnmarshalJSON([]byte) error { return errNoJSON }

// UnmarshalText always fails.
func (*redacted) UnmarshalText([]byte) error { return errNoJSON }

// Secret is a secret of any length: a password, a token. Copies of a Secret
// share their bytes, so Wipe ends all of them. The zero Secret is empty.
type Secret struct {
	hidden[[]byte]
}

// NewSecret takes b over, up to its capacity: the caller keeps no other use of
// it, and Wipe clears it in place.
func NewSecret(b []byte) Secret { return Secret{hide(&b)} }

// Reveal returns the bytes themselves, not a copy. They are cleared by Wipe.
func (s Secret) Reveal() []byte {
	p := s.get()
	if p == nil {
		return nil
	}
	return *p
}

// Len returns the length in bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// Equal compares in constant time (for equal lengths).
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1
}

// Wipe clears the bytes and forgets them. It may be called twice.
func (s Secret) Wipe() {
	if p := s.get(); p != nil {
		clear((*p)[:cap(*p)])
		*p = nil
	}
}
