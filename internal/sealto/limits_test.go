package sealto

import (
	"errors"
	"strings"
	"testing"
)

// TestLimits: a label of MaxLabel and a plaintext of MaxPlaintext are sealed, and one
// byte more is ErrTooLarge.
func TestLimits(t *testing.T) {
	_, pk := newPair(t)
	for more, want := range []error{nil, ErrTooLarge} {
		if _, err := Seal(pk, Label(strings.Repeat("x", MaxLabel+more)), nil, nil); !errors.Is(err, want) {
			t.Errorf("MaxLabel and %d: %v", more, err)
		}
		if _, err := Seal(pk, "test/v1", nil, make([]byte, MaxPlaintext+more)); !errors.Is(err, want) {
			t.Errorf("MaxPlaintext and %d: %v", more, err)
		}
	}
}
