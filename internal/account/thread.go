package account

import (
	"context"

	"cofferdam/internal/jmap"
)

// ThreadGet returns Threads.
func (a *Account) ThreadGet(ctx context.Context, ids []jmap.ThreadID) (list []jmap.Thread, notFound []jmap.ThreadID, state jmap.State, err error) {
	list, notFound, state = a.mail.Threads(ids)
	if len(notFound) > 0 && !a.mail.Complete() {
		// It may be that the index has not come to it yet.
		if err := a.mail.WaitComplete(ctx); err != nil {
			return nil, nil, "", failure(err)
		}
		list, notFound, state = a.mail.Threads(ids)
	}
	return list, notFound, state, nil
}
