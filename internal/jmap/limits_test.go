package jmap

import (
	"strings"
	"testing"
)

// TestLimits: an Id of MaxIDOctets and a keyword of MaxKeywordOctets are ones, and
// longer ones are not.
func TestLimits(t *testing.T) {
	for more, want := range []bool{true, false} {
		if got := ValidID(strings.Repeat("a", MaxIDOctets+more)); got != want {
			t.Errorf("MaxIDOctets and %d: %v", more, got)
		}
		if _, got := ParseKeyword(strings.Repeat("a", MaxKeywordOctets+more)); got != want {
			t.Errorf("MaxKeywordOctets and %d: %v", more, got)
		}
	}
}
