package account

import (
	"cofferdam/internal/jmap"
)

// orderAll gives mailboxes that are to be updated their sortOrder: all in one
// write, and before anything else is tried, so that what cannot be kept is refused
// whole. orderDone takes back what other reasons refused.
func (s *boxSetter) orderAll(tasks []*boxTask) {
	give := make(map[jmap.MailboxID]uint32)
	var tried []*boxTask
	for _, t := range tasks {
		if t.f != nil && t.update != nil && t.update.SortOrder != nil && *t.update.SortOrder != t.f.was.SortOrder {
			give[t.update.ID] = *t.update.SortOrder
			tried = append(tried, t)
		}
	}
	if why := s.order(give); why != nil {
		for _, t := range tried {
			t.why = why
		}
	}
}

// orderDone gives new mailboxes their order, now that they have ids (RFC 8621,
// section 2: 0 if none was asked for, whatever others of no role have), and takes
// that of mailboxes back whose update was refused. Should a write fail, the new
// mailbox is told with the order that it has.
func (s *boxSetter) orderDone() {
	give := make(map[jmap.MailboxID]uint32)
	byName := make(map[string]jmap.MailboxID)
	for _, f := range s.a.mail.Folders() {
		byName[f.Box.Name] = f.Mailbox.ID
	}
	for i := range s.set.Create {
		c := &s.set.Create[i]
		if f := s.tree.byMade[c.CreationID]; f != nil && byName[f.box.Name] != "" {
			give[byName[f.box.Name]] = c.SortOrder
		}
	}
	for i := range s.set.Update {
		u := &s.set.Update[i]
		f := s.tree.byID[u.ID]
		if s.res.NotUpdated[u.ID] != nil && u.SortOrder != nil && f != nil && *u.SortOrder != f.was.SortOrder {
			give[u.ID] = f.was.SortOrder
		}
	}
	if why := s.order(give); why != nil {
		s.a.log.Info("an order of mailboxes not stored", "why", string(why.Type))
	}
}

// order stores orders, and then shows them.
func (s *boxSetter) order(give map[jmap.MailboxID]uint32) *jmap.SetError {
	if len(give) == 0 {
		return nil
	}
	why := s.a.cfg.Settings.SetOrders(s.ctx, give, func(id jmap.MailboxID) bool {
		_, _, ok := s.a.mail.Mailbox(id)
		return ok
	})
	if why == nil {
		s.a.mail.SetOrders(s.a.cfg.Settings.Orders())
	}
	return why
}
