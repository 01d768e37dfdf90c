package vault

import (
	"errors"
	"strings"
	"testing"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// TestLimits: what is as long as it may be is taken, and one more is refused.
func TestLimits(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := user.NewID()
	for limit, c := range map[string]struct {
		most int
		call func(n int) error
		want error
	}{
		"maxLogin": {maxLogin, func(n int) error { _, err := v.LoginID(t.Context(), strings.Repeat("a", n)); return err }, seal.ErrLimit},
		"maxClass": {maxClass, func(n int) error { _, err := v.RootSeen(t.Context(), uid, strings.Repeat("c", n)); return err }, errBadCall},
		"maxEpochs": {maxEpochs, func(n int) error {
			var epochs []seal.Epoch
			for i := range n {
				epochs = append(epochs, seal.NewEpoch(int64(1<<50+100*n-i)))
			}
			return v.PutEpochs(epochs)
		}, seal.ErrLimit},
	} {
		if err := c.call(c.most); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if err := c.call(c.most + 1); !errors.Is(err, c.want) {
			t.Errorf("%s and one more: %v, want %v", limit, err, c.want)
		}
	}
}
