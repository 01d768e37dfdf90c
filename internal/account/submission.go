package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

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
	home := outbox.Home{Mailboxes: metas[0].MailboxIDs, Draft: slices.Contains(metas[0].Keywords, draftKeyword)}
	mail := &outbox.Mail{Body: b.Body, Size: b.Size, ThreadID: metas[0].ThreadID, Home: home}
	mail.EightBit, mail.Known = m.a.natures.get(id)
	return mail, nil
}

const draftKeyword = jmap.Keyword("$draft")

// PutBack implements outbox.Mails.
func (m outboxMails) PutBack(ctx context.Context, id jmap.EmailID, to outbox.Home, copied func(context.Context) (io.ReadCloser, error)) error {
	if len(to.Mailboxes) == 0 {
		return outbox.ErrNoPlace
	}
	metas, _, _, err := m.a.metas(ctx, []jmap.EmailID{id})
	if err != nil {
		return err
	}
	if len(metas) == 0 {
		return m.putCopy(ctx, to, copied)
	}
	up := jmap.EmailUpdate{ID: id, MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Replace: true, Values: to.Mailboxes}}
	if to.Draft {
		up.Keywords = &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{draftKeyword}}
	}
	res, err := m.a.EmailSet(ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{up}})
	if no := res.NotUpdated[id]; err == nil && no != nil {
		return putBackError(no)
	}
	return err
}

// putCopy makes a mail that was destroyed anew.
func (m outboxMails) putCopy(ctx context.Context, to outbox.Home, copied func(context.Context) (io.ReadCloser, error)) error {
	if copied == nil {
		return outbox.ErrNoPlace
	}
	body, err := copied(ctx)
	if errors.Is(err, jmap.ErrNotFound) {
		return outbox.ErrNoPlace
	}
	if err != nil {
		return err
	}
	defer body.Close()
	id, _, err := m.a.cfg.Uploads.Put(ctx, body)
	if err != nil {
		return err
	}
	const cid = "back"
	mail := jmap.ImportedEmail{CreationID: cid, MailboxIDs: to.Mailboxes, Keywords: []jmap.Keyword{"$seen"}, ReceivedAt: time.Now(),
		Open: func(ctx context.Context) (*jmap.Blob, error) {
			r, size, err := m.a.cfg.Uploads.Open(ctx, id)
			if err != nil {
				return nil, err
			}
			return &jmap.Blob{Body: r, Size: size, Length: size}, nil
		}}
	if to.Draft {
		mail.Keywords = append(mail.Keywords, draftKeyword)
	}
	res, err := m.a.EmailImport(ctx, &jmap.EmailImport{Emails: []jmap.ImportedEmail{mail}})
	if no := res.NotCreated[cid]; err == nil && no != nil {
		return putBackError(no)
	}
	return err
}

// putBackError tells a mailbox that is gone or full from what may pass.
func putBackError(no *jmap.SetError) error {
	if no.Type == jmap.SetServerFail {
		return no
	}
	return fmt.Errorf("%w: %w", outbox.ErrNoPlace, no)
}

// submissionCapability announces what mail may ask for on its way out.
func (a *Account) submissionCapability() *jmap.SubmissionCapability {
	told := a.cfg.Outbox.Offer().Extensions
	if told == nil {
		told = map[string][]string{} // a client reads an object
	}
	return &jmap.SubmissionCapability{MaxDelayedSend: uint64(a.cfg.Outbox.MaxDelay() / time.Second), SubmissionExtensions: told}
}

// askSubmission asks what the submission server can, and again from time to time: it
// may be given other limits. No page waits for it; a Session that was read before has
// another state then.
func (a *Account) askSubmission(ctx context.Context) {
	for {
		pause := submissionPause
		if err := a.cfg.Outbox.AskOffer(ctx); err != nil {
			pause = offerPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
