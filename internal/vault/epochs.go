package vault

import (
	"fmt"
	"slices"

	"cofferdam/internal/seal"
)

// PutEpochs takes keeper's epoch keys, newest first, in place of those held
// before. Keys that are older than the newest one here are refused with
// ErrConflict: a keeper that was away must not undo what its successor did.
func (v *Vault) PutEpochs(epochs []seal.Epoch) error {
	if len(epochs) == 0 || len(epochs) > maxEpochs {
		return fmt.Errorf("%d epoch keys, 1 to %d allowed: %w", len(epochs), maxEpochs, seal.ErrLimit)
	}
	for i, e := range epochs {
		if e.Number < 1 || e.Key.IsZero() || i > 0 && e.Number >= epochs[i-1].Number {
			return fmt.Errorf("epoch keys, newest first: %w", seal.ErrFormat)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.epochs) > 0 {
		held := v.epochs[0]
		if epochs[0].Number < held.Number || epochs[0].Number == held.Number && !seal.Equal(epochs[0].Key, held.Key) {
			return fmt.Errorf("epoch %d, held %d: %w", epochs[0].Number, held.Number, ErrConflict)
		}
	}
	old := v.epochs
	v.epochs = nil
	for _, e := range epochs {
		v.epochs = append(v.epochs, copyEpoch(e))
	}
	for _, e := range old {
		e.Key.Wipe()
	}
	return nil
}

// Epochs returns copies of the epoch keys held, newest first; none after vault
// and all keepers were down together, which ends all sessions. The caller wipes
// them.
func (v *Vault) Epochs() []seal.Epoch {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]seal.Epoch, 0, len(v.epochs))
	for _, e := range v.epochs {
		out = append(out, copyEpoch(e))
	}
	return slices.Clip(out)
}

func copyEpoch(e seal.Epoch) seal.Epoch {
	c, err := seal.ParseEpoch(e.Number, e.Created, e.Key.Reveal())
	if err != nil {
		panic("vault: an epoch that was accepted does not copy: " + err.Error())
	}
	return c
}
