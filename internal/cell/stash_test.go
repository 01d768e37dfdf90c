package cell

import (
	"testing"

	"cofferdam/internal/seal"
)

// TestStashTakes: what the stash takes, keeper takes too (its maxUpload).
func TestStashTakes(t *testing.T) {
	if s := (stash{}); !s.Takes(maxStash) || s.Takes(maxStash+1) {
		t.Error("its limit is another")
	}
	if got := seal.SealedUpload(maxStash); got > 52_500_000 {
		t.Errorf("%d sealed bytes", got)
	}
}
