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
	redacted
	// Behind a pointer, because fmt prints the unexported fields of a struct
	// that holds a Secret without asking the Secret.
	p *[]byte
}

// NewSecret takes b over: the caller keeps no other use of it, and Wipe clears
// it in place.
func NewSecret(b []byte) Secret { return Secret{p: &b} }

// Reveal returns the bytes themselves, not a copy. They are cleared by Wipe.
func (s Secret) Reveal() []byte {
	if s.p == nil {
		return nil
	}
	return *s.p
}

// Len returns the length in bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// Equal compares in constant time (for equal lengths).
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1
}

// Wipe clears the bytes and forgets them. It may be called twice.
func (s Secret) Wipe() {
	if s.p != nil {
		clear((*s.p)[:cap(*s.p)])
		*s.p = nil
	}
}
