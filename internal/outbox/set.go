package outbox

import (
	"context"
	"errors"

	"cofferdam/internal/jmap"
)

// Set sends, cancels and forgets (RFC 8621 section 7.5).
func (o *Outbox) Set(ctx context.Context, set *jmap.SubmissionSet) (jmap.SubmissionSetResult, error) {
	out := jmap.SubmissionSetResult{
		Created: map[jmap.CreationID]*jmap.Submission{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.SubmissionID]*jmap.Submission{}, NotUpdated: map[jmap.SubmissionID]*jmap.SetError{},
		NotDestroyed: map[jmap.SubmissionID]*jmap.SetError{},
	}
	out.OldState = o.State()
	if set.IfInState != "" && set.IfInState != out.OldState {
		return out, jmap.StateMismatch
	}
	for _, c := range set.Create {
		s, err := o.create(ctx, c)
		if err == nil {
			out.Created[c.CreationID] = s
			continue
		}
		no, told := errors.AsType[*jmap.SetError](err)
		if !told {
			o.cfg.Log.Error("submission failed", "err", err)
			no = &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail was not sent. It is still in Drafts."}
		}
		out.NotCreated[c.CreationID] = no
	}
	for _, id := range set.Cancel {
		if no := o.cancel(ctx, id); no != nil {
			out.NotUpdated[id] = no
		} else {
			out.Updated[id] = nil
		}
	}
	for _, id := range set.Destroy {
		if no := o.destroy(ctx, id); no != nil {
			out.NotDestroyed[id] = no
		} else {
			out.Destroyed = append(out.Destroyed, id)
		}
	}
	out.NewState = o.State()
	return out, nil
}

// destroy forgets a submission that is over; that is no word to the mail server.
func (o *Outbox) destroy(ctx context.Context, id jmap.SubmissionID) *jmap.SetError {
	o.mu.Lock()
	r := o.records[string(id)]
	busy := r != nil && (r.busy || !r.finished())
	if r != nil && !busy {
		r.busy = true
	}
	o.mu.Unlock()
	switch {
	case r == nil:
		return &jmap.SetError{Type: jmap.SetNotFound}
	case busy:
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail is being sent."}
	}
	if err := o.forget(ctx, r); err != nil {
		o.release(r)
		o.cfg.Log.Warn("submission not removed", "err", err)
		return &jmap.SetError{Type: jmap.SetServerFail, Description: "Could not be removed now."}
	}
	return nil
}
