package account

import (
	"context"
	"errors"
	"io"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailSet makes, changes and destroys Emails.
func (a *Account) EmailSet(ctx context.Context, set *jmap.EmailSet) (jmap.EmailSetResult, error) {
	res := newEmailResult()
	if !a.mail.Complete() && len(set.Update)+len(set.Destroy) > 0 {
		if _, _, _, err := a.metas(ctx, idsOf(set)); err != nil {
			return res, failure(err)
		}
	}
	drafts, err := a.composeAll(ctx, set.Create, &res)
	if err != nil {
		return res, failure(err)
	}
	err = a.mail.Change(ctx, func(c *replica.Changer) error {
		res.OldState = a.mail.States()[jmap.TypeEmail]
		if set.IfInState != "" && set.IfInState != res.OldState {
			return jmap.StateMismatch
		}
		s := &setter{ctx: ctx, a: a, c: c, res: &res}
		for i := range set.Create {
			if drafts[i] != nil {
				s.create(&set.Create[i], drafts[i])
			}
		}
		s.update(set.Update)
		s.destroy(set.Destroy)
		res.NewState = a.mail.States()[jmap.TypeEmail]
		if c.Foreign {
			res.OldState = ""
		}
		return nil
	})
	return res, failure(err)
}

func idsOf(set *jmap.EmailSet) []jmap.EmailID {
	var ids []jmap.EmailID
	for _, u := range set.Update {
		ids = append(ids, u.ID)
	}
	return append(ids, set.Destroy...)
}

// composeAll composes before the turn is taken: it may read blobs.
func (a *Account) composeAll(ctx context.Context, list []jmap.EmailCreate, res *jmap.EmailSetResult) ([]*message.Composed, error) {
	out := make([]*message.Composed, len(list))
	for i := range list {
		d, err := a.compose(ctx, &list[i])
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			res.NotCreated[list[i].CreationID] = refused
		case err != nil:
			return nil, err
		default:
			out[i] = d
		}
	}
	return out, nil
}

// setter is one EmailSet under way, with the turn.
type setter struct {
	ctx context.Context
	a   *Account
	c   *replica.Changer
	res *jmap.EmailSetResult
}

// refusal is what a client is told of a failed change.
func refusal(err error) *jmap.SetError {
	var set *jmap.SetError
	switch {
	case errors.As(err, &set):
		return set
	case errors.Is(err, upstream.ErrOverQuota):
		return &jmap.SetError{Type: jmap.SetOverQuota}
	case errors.Is(err, upstream.ErrTooLarge):
		return &jmap.SetError{Type: jmap.SetTooLarge}
	case errors.Is(err, upstream.ErrForbidden):
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "the mail server does not permit this"}
	case errors.Is(err, upstream.ErrGone):
		return &jmap.SetError{Type: jmap.SetNotFound}
	case errors.Is(err, upstream.ErrNoBox):
		return invalid("mailboxIds", "no such mailbox")
	}
	return &jmap.SetError{Type: jmap.SetServerFail, Description: "the mail server did not do it"}
}

func invalid(property, why string) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{property}, Description: why}
}

// create stores a new mail.
func (s *setter) create(c *jmap.EmailCreate, d *message.Composed) {
	made, err := s.store(c, d)
	if err != nil {
		s.a.log.Info("storing a mail", "err", err)
		s.res.NotCreated[c.CreationID] = refusal(err)
		return
	}
	s.res.Created[c.CreationID] = made
}

func (s *setter) store(c *jmap.EmailCreate, d *message.Composed) (*jmap.EmailCreated, error) {
	return s.put(&newMail{mailboxIDs: c.MailboxIDs, keywords: c.Keywords, received: c.ReceivedAt, messageID: d.MessageID, size: d.Size(),
		open: func() (io.ReadCloser, error) {
			body, w := io.Pipe()
			go func() {
				_, err := d.WriteTo(w)
				w.CloseWithError(err)
			}()
			return body, nil
		}})
}

// byMessageID finds a mail that was just stored by a server that did not say
// where.
func (s *setter) byMessageID(messageID string, at upstream.Place) jmap.EmailID {
	ids := s.a.mail.ByMessageID(messageID)
	metas, _, _ := s.a.mail.Emails(ids)
	var best jmap.EmailID
	var highest upstream.UID
	for _, m := range metas {
		for _, c := range m.Copies {
			if c.At.Box == at.Box && c.UID > highest {
				best, highest = m.ID, c.UID
			}
		}
	}
	return best
}

// boxes finds the mailboxes to put a mail into.
func (s *setter) boxes(ids []jmap.MailboxID) ([]upstream.Place, error) {
	if len(ids) > replica.MaxCopies {
		return nil, &jmap.SetError{Type: jmap.SetTooManyMailboxes}
	}
	var out []upstream.Place
	for _, id := range ids {
		box, at, ok := s.a.mail.Mailbox(id)
		if !ok || !box.Selectable {
			return nil, invalid("mailboxIds", "no such mailbox")
		}
		if box.Rights&jmap.MayAddItems == 0 {
			return nil, &jmap.SetError{Type: jmap.SetForbidden, Description: "no mail may be put into this mailbox"}
		}
		out = append(out, at)
	}
	if len(out) == 0 {
		return nil, invalid("mailboxIds", "a mail must be in a mailbox")
	}
	return out, nil
}

// destroy removes every copy of mails, one command a mailbox.
func (s *setter) destroy(ids []jmap.EmailID) {
	metas, notFound, _ := s.a.mail.Emails(ids)
	for _, id := range notFound {
		s.res.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
	}
	failed := make(map[jmap.EmailID]*jmap.SetError)
	b := newBatch()
	for _, m := range metas {
		if why := s.forbidden(&m, jmap.MayRemoveItems); why != nil {
			failed[m.ID] = why
			continue
		}
		for _, c := range m.Copies {
			b.add(operation{kind: opRemove, at: c.At}, m.ID, c.UID)
		}
	}
	s.run(b, failed)
	for _, m := range metas {
		if why := failed[m.ID]; why != nil {
			s.res.NotDestroyed[m.ID] = why
		} else {
			s.res.Destroyed = append(s.res.Destroyed, m.ID)
		}
	}
}

// forbidden says whether a right is missing in a mailbox that holds the mail.
func (s *setter) forbidden(m *replica.Meta, right jmap.Rights) *jmap.SetError {
	for _, id := range m.MailboxIDs {
		if box, _, ok := s.a.mail.Mailbox(id); ok && box.Rights&right == 0 {
			return &jmap.SetError{Type: jmap.SetForbidden, Description: "not permitted in a mailbox of this mail"}
		}
	}
	return nil
}
