package replica

import (
	"context"
	"fmt"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Folder is a Mailbox and what upstream says of it.
type Folder struct {
	Mailbox jmap.Mailbox
	Box     upstream.Box
}

// Folders returns all Mailboxes.
func (ix *Index) Folders() []Folder {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	out := make([]Folder, 0, len(ix.byID))
	for _, b := range ix.boxes {
		if b != nil {
			out = append(out, Folder{ix.mailbox(b), b.up})
		}
	}
	return out
}

// ListBoxes brings the Mailboxes in step with the server's list; mails are not
// looked at, but for those of mailboxes that are gone.
func (c *Changer) ListBoxes(ctx context.Context) error {
	list, err := c.r.store.Boxes(ctx)
	if err != nil {
		c.r.soil("", true)
		return fmt.Errorf("listing mailboxes: %w", err)
	}
	return c.r.applyBoxes(list)
}

// maker is the store's ability to change mailboxes.
func (c *Changer) maker() (upstream.Boxmaker, error) {
	m, ok := c.r.store.(upstream.Boxmaker)
	if !ok {
		return nil, upstream.ErrUnsupported
	}
	return m, nil
}

// CreateBox makes a mailbox that did not exist at the last ListBoxes. It is in
// the index after the next. What could not be subscribed or unsubscribed shows
// there too.
func (c *Changer) CreateBox(ctx context.Context, name string, role jmap.Role, subscribed bool) error {
	m, err := c.maker()
	if err != nil {
		return err
	}
	err = c.surely(ctx, func() error { return m.CreateBox(ctx, name, role) }, func(names map[string]bool) bool { return names[name] })
	if err == nil && !subscribed {
		c.tidy(ctx, m, name, false)
	}
	return err
}

// RenameBox renames a mailbox and all under it. They keep their ids, also on a
// server that has none for mailboxes, and their subscriptions.
func (c *Changer) RenameBox(ctx context.Context, from, to string) error {
	m, err := c.maker()
	if err != nil {
		return err
	}
	err = c.surely(ctx, func() error { return m.RenameBox(ctx, from, to) },
		func(names map[string]bool) bool { return names[to] && !names[from] })
	if err != nil {
		return err
	}
	for old, renamed := range c.r.Index.relabel(from, to) {
		if renamed.Subscribed { // subscriptions are to names (RFC 9051, section 6.3.7)
			c.tidy(ctx, m, renamed.Name, true)
			c.tidy(ctx, m, old, false)
		}
	}
	return nil
}

// relabel gives a mailbox and all under it their new names, before the server's
// list says so: where mailboxes have no ids, their names alone tell which is
// which. It returns the boxes by their old names.
func (ix *Index) relabel(from, to string) map[string]upstream.Box {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	out := make(map[string]upstream.Box)
	moved := make(map[string]*box)
	for _, b := range ix.boxes {
		if b == nil {
			continue
		}
		old := b.up.Name
		rest, ok := strings.CutPrefix(old, from)
		if !ok || rest != "" && (b.up.Delimiter == "" || !strings.HasPrefix(rest, b.up.Delimiter)) {
			continue
		}
		if ix.byName[old] == b {
			delete(ix.byName, old)
		}
		b.up.Name = to + rest
		moved[b.up.Name] = b
		out[old] = b.up
	}
	for name, b := range moved {
		ix.byName[name] = b
	}
	return out
}

// DeleteBox deletes a mailbox with every mail in it.
func (c *Changer) DeleteBox(ctx context.Context, name string) error {
	m, err := c.maker()
	if err != nil {
		return err
	}
	err = c.surely(ctx, func() error { return m.DeleteBox(ctx, name) }, func(names map[string]bool) bool { return !names[name] })
	if err != nil {
		return err
	}
	c.tidy(ctx, m, name, false)
	// At once: another of the same name may be made before the next list.
	if b := c.r.Index.boxNamed(name); b != nil {
		return c.r.removeBoxes([]*box{b})
	}
	return nil
}

// SubscribeBox changes a subscription.
func (c *Changer) SubscribeBox(ctx context.Context, name string, on bool) error {
	m, err := c.maker()
	if err != nil {
		return err
	}
	return m.SubscribeBox(ctx, name, on)
}

// CountMails asks the server how many mails are in a mailbox at this moment,
// those included that are marked \Deleted.
func (c *Changer) CountMails(ctx context.Context, name string) (uint64, error) {
	uids, _, err := c.r.store.UIDs(ctx, name)
	return uids.Count(), err
}

// tidy changes a subscription where a failure is not worth more than a line in
// the log.
func (c *Changer) tidy(ctx context.Context, m upstream.Boxmaker, name string, on bool) {
	if err := m.SubscribeBox(ctx, name, on); err != nil {
		c.r.log.Info("changing a subscription", "err", err)
	}
}

// surely makes a change and finds out, when the connection was lost, whether it
// was made. done is asked with the names that can be selected. What was not made
// is tried once more: most often the connection had died while nobody used it.
func (c *Changer) surely(ctx context.Context, change func() error, done func(names map[string]bool) bool) error {
	for again := true; ; again = false {
		err := change()
		if err == nil || !upstream.Temporary(err) {
			return err
		}
		c.r.soil("", true)
		list, err2 := c.r.store.Boxes(ctx)
		if err2 != nil {
			return err
		}
		names := make(map[string]bool, len(list))
		for _, b := range list {
			if b.Selectable {
				names[b.Name] = true
			}
		}
		if done(names) {
			return nil
		}
		if !again {
			return err
		}
	}
}
