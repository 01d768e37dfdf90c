package account

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
)

// SubmissionGet returns Submissions.
func (a *Account) SubmissionGet(ctx context.Context, ids []jmap.SubmissionID) (list []jmap.Submission, notFound []jmap.SubmissionID, state jmap.State, err error) {
	if a.cfg.Outbox == nil {
		return nil, nil, "", jmap.AccountNotSupportedByMethod
	}
	list, notFound, state = a.cfg.Outbox.Get(ids)
	return list, notFound, state, nil
}

// SubmissionSet sends, cancels and forgets.
func (a *Account) SubmissionSet(ctx context.Context, set *jmap.SubmissionSet) (jmap.SubmissionSetResult, error) {
	if a.cfg.Outbox == nil {
		return jmap.SubmissionSetResult{}, jmap.AccountNotSupportedByMethod
	}
	res, err := a.cfg.Outbox.Set(ctx, set)
	return res, failure(err)
}

// outboxMails is the account's mail as the outbox sees it.
type outboxMails struct{ a *Account }

// OpenMail implements outbox.Mails.
func (m outboxMails) OpenMail(ctx context.Context, id jmap.EmailID) (*outbox.Mail, error) {
	metas, _, _, err := m.a.metas(ctx, []jmap.EmailID{id})
	if err != nil {
		return nil, err
	}
	if len(metas) == 0 {
		return nil, jmap.ErrNotFound
	}
	b, err := m.a.openMessage(ctx, id, metas[0].Size, jmap.ByteRange{})
	if err != nil {
		return nil, err
	}
	return &outbox.Mail{Body: b.Body, Size: b.Size, ThreadID: metas[0].ThreadID}, nil
}
