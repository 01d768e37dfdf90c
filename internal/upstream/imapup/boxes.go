package imapup

import (
	"context"
	"slices"
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Boxes lists the mailboxes in one exchange where the server has LIST-STATUS,
// else in two. What we have made just now must be among them, else new connections
// are asked: when Dovecot 2.3.19 finds its index of mailboxes corrupted, as it does
// while one connection makes mailboxes and another has NOTIFY, the connections
// that have read it do not see new mailboxes any more.
func (s *Store) Boxes(ctx context.Context) ([]upstream.Box, error) {
	t, err := s.traits(ctx)
	if err != nil {
		return nil, err
	}
	made := s.madeHere()
	out, err := s.boxes(ctx, t)
	if err == nil && (lacks(out, made) || s.blindAnew(out)) {
		s.log.Info("the list of mailboxes is not whole; asking again")
		s.dropIdle()
		out, err = s.boxes(ctx, t)
	}
	if err == nil {
		s.listed(made)
		s.setBlind(out)
	}
	return out, err
}

// blindAnew reports whether the server does not say of a mailbox what is in it,
// and did so when it was asked last, by a new connection.
func (s *Store) blindAnew(list []upstream.Box) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(list, func(b upstream.Box) bool { return b.Blind && !slices.Contains(s.blind, b.Name) })
}

func (s *Store) setBlind(list []upstream.Box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = s.blind[:0]
	for _, b := range list {
		if b.Blind {
			s.blind = append(s.blind, b.Name)
		}
	}
}

// madeHere are the mailboxes that we have made and not seen in a list yet.
func (s *Store) madeHere() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.made)
}

// listed forgets mailboxes that were looked for.
func (s *Store) listed(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = slices.DeleteFunc(s.made, func(n string) bool { return slices.Contains(names, n) })
}

func lacks(list []upstream.Box, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return !slices.ContainsFunc(list, func(b upstream.Box) bool { return b.Name == name })
	})
}

func (s *Store) boxes(ctx context.Context, t *traits) (out []upstream.Box, err error) {
	err = s.read(ctx, "listing mailboxes", "", func(ctx context.Context, c *session) error {
		if c.sel != nil || c.client.Mailbox() != "" {
			// A STATUS of the selected mailbox tells what this connection sees.
			if err := c.catchUp(ctx, all); err != nil {
				return err
			}
		}
		out, err = t.list(ctx, c.client)
		return err
	})
	return out, err
}

// statusItems are what Marks are made of.
func (t *traits) statusItems() []imap.StatusItem {
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen}
	if t.condense {
		items = append(items, imap.StatusHighestModSeq)
	}
	if t.boxItem != "" {
		items = append(items, t.boxItem)
	}
	return items
}

func (t *traits) list(ctx context.Context, c *imap.Client) ([]upstream.Box, error) {
	entries, err := t.listEntries(ctx, c)
	if err != nil {
		return nil, err
	}
	status, ids := t.askStatus(c, entries)
	rights := t.askRights(c, entries)
	var out []upstream.Box
	for i, e := range entries {
		box := boxOf(e)
		st := e.Status
		if status[i] != nil {
			// One mailbox that cannot be looked into must not hide the others.
			if st, err = status[i].Wait(ctx); err != nil && !refused(err) {
				return nil, err
			}
		}
		if st != nil && st.UIDValidity != 0 {
			box.Marks = marksOf(st)
			box.ID = validID(st.GUID)
		} else {
			box.Selectable, box.Blind = false, box.Selectable
		}
		if ids[i] != nil {
			st, err := ids[i].Wait(ctx)
			if err != nil && !refused(err) {
				return nil, err
			}
			if err == nil {
				box.ID = validID(st.MailboxID)
			}
		}
		if rights[i] != nil {
			r, err := rights[i].Wait(ctx)
			if err != nil && !refused(err) {
				return nil, err
			}
			e.MyRights = r
		}
		box.Rights = rightsOf(e.MyRights)
		out = append(out, box)
	}
	return out, nil
}

func (t *traits) listEntries(ctx context.Context, c *imap.Client) ([]*imap.ListEntry, error) {
	var opts imap.ListOptions
	if t.caps.Supports(imap.CapListExtended) {
		opts.ReturnSubscribed, opts.ReturnChildren = true, true
		opts.ReturnSpecialUse = t.caps.Supports(imap.CapSpecialUse)
		opts.ReturnMyRights = t.caps.Has(imap.CapListMyRights)
		if t.caps.Supports(imap.CapListStatus) {
			opts.ReturnStatus = t.statusItems()
		}
	}
	list := c.List(opts)
	var subscribed *imap.Future[[]*imap.ListEntry]
	if !opts.ReturnSubscribed {
		subscribed = c.LSub("", "*")
	}
	entries, err := list.Wait(ctx)
	if err != nil {
		return nil, err
	}
	if subscribed != nil {
		subs, err := subscribed.Wait(ctx)
		if err != nil && !refused(err) {
			return nil, err
		}
		for _, sub := range subs {
			for _, e := range entries {
				if e.Mailbox == sub.Mailbox {
					e.Attributes = append(e.Attributes, `\Subscribed`)
				}
			}
		}
	}
	return slices.DeleteFunc(entries, func(e *imap.ListEntry) bool {
		return e.HasAttribute(`\NonExistent`) && !e.HasAttribute(`\HasChildren`) || t.isForeign(e)
	}), nil
}

// isForeign reports whether a mailbox is in somebody else's or a shared
// namespace, or is the name of such a namespace itself.
func (t *traits) isForeign(e *imap.ListEntry) bool {
	return slices.ContainsFunc(t.foreign, func(prefix string) bool {
		return strings.HasPrefix(e.Mailbox+e.Delimiter, prefix)
	})
}

// askStatus starts what LIST did not tell. A mailbox without an answer in LIST
// may be one that LIST-STATUS left out.
func (t *traits) askStatus(c *imap.Client, entries []*imap.ListEntry) (status, ids []*imap.Future[*imap.Status]) {
	status = make([]*imap.Future[*imap.Status], len(entries))
	ids = make([]*imap.Future[*imap.Status], len(entries))
	for i, e := range entries {
		if !e.Selectable() {
			continue
		}
		if e.Status == nil {
			status[i] = c.Status(e.Mailbox, t.statusItems()...)
		}
		if t.aloneID {
			ids[i] = c.Status(e.Mailbox, imap.StatusMailboxID)
		}
	}
	return status, ids
}

func (t *traits) askRights(c *imap.Client, entries []*imap.ListEntry) []*imap.Future[string] {
	rights := make([]*imap.Future[string], len(entries))
	if !t.caps.Has(imap.CapACL) {
		return rights
	}
	for i, e := range entries {
		if e.Selectable() && e.MyRights == "" {
			rights[i] = c.MyRights(e.Mailbox)
		}
	}
	return rights
}

func boxOf(e *imap.ListEntry) upstream.Box {
	return upstream.Box{
		Name: e.Mailbox, Delimiter: e.Delimiter, Role: roleOf(e), Inbox: strings.EqualFold(e.Mailbox, "INBOX"),
		Selectable: e.Selectable(), NoChildren: e.HasAttribute(`\Noinferiors`),
		Subscribed: e.HasAttribute(`\Subscribed`),
	}
}

func roleOf(e *imap.ListEntry) jmap.Role {
	switch strings.ToLower(e.SpecialUse()) {
	case `\drafts`:
		return jmap.RoleDrafts
	case `\sent`:
		return jmap.RoleSent
	case `\trash`:
		return jmap.RoleTrash
	case `\junk`:
		return jmap.RoleJunk
	case `\archive`:
		return jmap.RoleArchive
	case `\all`:
		return jmap.RoleAll
	case `\flagged`:
		return jmap.RoleFlagged
	case `\important`:
		return jmap.RoleImportant
	}
	return ""
}

func marksOf(st *imap.Status) upstream.Marks {
	return upstream.Marks{UIDValidity: st.UIDValidity, UIDNext: st.UIDNext, ModSeq: st.HighestModSeq,
		Messages: st.Messages, Unseen: st.Unseen}
}

// validID drops what cannot be a JMAP id, also the garbage of Cyrus 3.6.1.
func validID(id string) string {
	if !jmap.ValidID(id) {
		return ""
	}
	return id
}

// rightsOf reads RFC 4314's letters as RFC 8621, section 2 maps them. No answer
// means all rights: a server without ACL has one user a mailbox.
func rightsOf(letters string) jmap.Rights {
	if letters == "" {
		return jmap.AllRights
	}
	has := func(all string) bool {
		for _, c := range all {
			if !strings.ContainsRune(letters, c) {
				return false
			}
		}
		return true
	}
	var r jmap.Rights
	for _, m := range []struct {
		letters string
		right   jmap.Rights
	}{
		{"lr", jmap.MayReadItems}, {"i", jmap.MayAddItems}, {"te", jmap.MayRemoveItems}, {"s", jmap.MaySetSeen},
		{"w", jmap.MaySetKeywords}, {"k", jmap.MayCreateChild}, {"x", jmap.MayRename | jmap.MayDelete}, {"p", jmap.MaySubmit},
	} {
		if has(m.letters) {
			r |= m.right
		}
	}
	return r
}
