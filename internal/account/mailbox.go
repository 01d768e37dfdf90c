package account

import (
	"context"

	"cofferdam/internal/jmap"
)

// MailboxGet returns Mailboxes.
func (a *Account) MailboxGet(ctx context.Context, ids []jmap.MailboxID) (list []jmap.Mailbox, notFound []jmap.MailboxID, state jmap.State, err error) {
	all, state := a.mail.Mailboxes()
	if ids == nil {
		return all, nil, state, nil
	}
	byID := make(map[jmap.MailboxID]jmap.Mailbox, len(all))
	for _, m := range all {
		byID[m.ID] = m
	}
	for _, id := range ids {
		if m, ok := byID[id]; ok {
			list = append(list, m)
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, state, nil
}
