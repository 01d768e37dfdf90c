package imapup

import (
	"context"
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// specialUses are the attributes of RFC 6154 that CREATE may give to a mailbox.
func specialUses() map[jmap.Role]string {
	return map[jmap.Role]string{jmap.RoleDrafts: `\Drafts`, jmap.RoleSent: `\Sent`, jmap.RoleTrash: `\Trash`,
		jmap.RoleJunk: `\Junk`, jmap.RoleArchive: `\Archive`}
}

// CreateBox makes a mailbox and subscribes to it. That it could not be subscribed
// to is no failure: the mailbox is there.
func (s *Store) CreateBox(ctx context.Context, name string, role jmap.Role) error {
	t, err := s.traits(ctx)
	if err != nil {
		return err
	}
	return s.write(ctx, "making a mailbox", "", func(ctx context.Context, c *session) error {
		var use []string
		if attr := specialUses()[role]; attr != "" && t.caps.Has(imap.CapCreateSpecial) {
			use = []string{attr}
		}
		if _, err := c.client.Create(name, use...).Wait(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		s.made = append(s.made, name)
		s.mu.Unlock()
		// Not pipelined behind CREATE: a server would subscribe to a name that
		// CREATE has refused.
		if _, err := c.client.Subscribe(name).Wait(ctx); err != nil {
			s.log.Info("subscribing to a new mailbox", "err", err)
		}
		return nil
	})
}

// RenameBox renames a mailbox and those under it.
func (s *Store) RenameBox(ctx context.Context, from, to string) error {
	if isInbox(from) || isInbox(to) {
		return wrap("renaming a mailbox", upstream.ErrForbidden)
	}
	return s.rearrange(ctx, "renaming a mailbox", func(c *imap.Client) *imap.Future[imap.None] { return c.Rename(from, to) })
}

// DeleteBox deletes a mailbox with what is in it.
func (s *Store) DeleteBox(ctx context.Context, name string) error {
	if isInbox(name) {
		return wrap("deleting a mailbox", upstream.ErrForbidden)
	}
	return s.rearrange(ctx, "deleting a mailbox", func(c *imap.Client) *imap.Future[imap.None] { return c.Delete(name) })
}

func isInbox(name string) bool { return strings.EqualFold(name, "INBOX") }

// SubscribeBox changes a subscription.
func (s *Store) SubscribeBox(ctx context.Context, name string, on bool) error {
	return s.write(ctx, "subscribing", "", func(ctx context.Context, c *session) error {
		change := c.client.Unsubscribe
		if on {
			change = c.client.Subscribe
		}
		_, err := change(name).Wait(ctx)
		return err
	})
}

// rearrange runs one command with no mailbox selected that it may be about: some
// servers refuse to delete or rename the selected one. Whatever came of it, a
// name may mean another mailbox from then on.
func (s *Store) rearrange(ctx context.Context, doing string, f func(*imap.Client) *imap.Future[imap.None]) error {
	if _, err := s.traits(ctx); err != nil {
		return err
	}
	defer s.forgetSelections()
	return s.write(ctx, doing, "", func(ctx context.Context, c *session) error {
		if open := c.client.Mailbox(); open != "" && !isInbox(open) {
			if err := leave(ctx, c); err != nil {
				return err
			}
		}
		_, err := f(c.client).Wait(ctx)
		return err
	})
}

// leave deselects without CLOSE, which would expunge what others have marked.
func leave(ctx context.Context, c *session) error {
	if !c.client.Caps().Supports(imap.CapUnselect) {
		return c.selectBox(upstream.Place{Box: "INBOX"}, true).wait(ctx)
	}
	c.box, c.sel = "", nil
	_, err := c.client.Unselect().Wait(ctx)
	return err
}

// forgetSelections makes every worker SELECT anew: a name that one has selected
// may mean another mailbox now, with another UIDVALIDITY.
func (s *Store) forgetSelections() {
	s.mu.Lock()
	s.renames++
	s.made = nil
	s.mu.Unlock()
}
