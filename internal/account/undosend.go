package account

import (
	"context"
	"time"

	"cofferdam/internal/jmap"
)

// undoSend is for how long the person can take a sent mail back. What they chose
// when the operator allowed more counts as the most that there is now.
func (a *Account) undoSend() *jmap.UndoSend {
	most := a.cfg.Outbox.MaxHold()
	u := &jmap.UndoSend{Default: uint64(min(a.cfg.UndoSend, most) / time.Second), Most: uint64(most / time.Second)}
	if a.cfg.Settings == nil {
		return u
	}
	if chosen := a.cfg.Settings.UndoSend(); chosen != nil {
		n := min(*chosen, u.Most)
		u.Seconds = &n
	}
	return u
}

// SetUndoSend implements jmapserver.UndoSender.
func (a *Account) SetUndoSend(ctx context.Context, seconds *uint64) error {
	if a.cfg.Settings == nil {
		return jmap.Forbidden
	}
	why := a.cfg.Settings.SetUndoSend(ctx, seconds)
	switch {
	case why == nil:
		return nil
	case why.Type == jmap.SetForbidden:
		return &jmap.MethodError{Type: jmap.Forbidden, Description: why.Description}
	}
	return &jmap.MethodError{Type: jmap.ServerFail, Description: why.Description}
}
