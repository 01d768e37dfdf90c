package settings

import (
	"context"
	"encoding/json"
	"fmt"

	"cofferdam/internal/jmap"
)

const sendingID = "sending"

// sending is what is stored of how the person sends. Version 1.
type sending struct {
	V    int     `json:"v"`
	Undo *uint64 `json:"undo"` // seconds; nil: nothing chosen

	revision int64
}

func decodeSending(s Stored) (sending, error) {
	var o sending
	err := decode(s.Data, &o)
	if err == nil && o.V != 1 {
		err = fmt.Errorf("version %d", o.V)
	}
	if err != nil {
		return sending{}, fmt.Errorf("reading how mail is sent: %w", err)
	}
	o.revision = s.Revision
	return o, nil
}

// UndoSend is for how many seconds the person wants to be able to take a sent mail
// back; nil: they have not chosen.
func (s *Settings) UndoSend() *uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sending.Undo
}

// SetUndoSend keeps the person's choice; nil forgets it. It says why it cannot be
// kept.
func (s *Settings) SetUndoSend(ctx context.Context, seconds *uint64) *jmap.SetError {
	if err := s.begin(ctx); err != nil {
		return s.failed(ctx, err)
	}
	defer s.end()
	s.mu.Lock()
	next := sending{V: 1, Undo: seconds, revision: s.sending.revision + 1}
	s.mu.Unlock()
	data, err := json.Marshal(next)
	if err != nil {
		return s.failed(ctx, err)
	}
	if why := s.put(ctx, sendingID, next.revision, data); why != nil {
		return why
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = next
	return nil
}
