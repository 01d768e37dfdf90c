package account

import (
	"context"

	"cofferdam/internal/jmap"
)

// Faults knows what was found wrong with the person's sealed records.
type Faults interface {
	// Faults are those that were not acknowledged. It asks nobody.
	Faults() []jmap.Fault
	// Acknowledge takes them down. After an error some may be there still.
	Acknowledge(ctx context.Context) error
}

// AcknowledgeFaults takes the faults down that Info tells.
func (a *Account) AcknowledgeFaults(ctx context.Context) error {
	if a.cfg.Faults == nil {
		return nil
	}
	return a.cfg.Faults.Acknowledge(ctx)
}
