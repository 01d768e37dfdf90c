package imapup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// on selects a mailbox for a change and waits: nothing is changed before its
// UIDVALIDITY has been seen.
func (c *session) on(ctx context.Context, at upstream.Place) error {
	if err := c.selectBox(at, false).wait(ctx); err != nil {
		return err
	}
	if c.sel.ReadOnly {
		return upstream.ErrForbidden
	}
	return nil
}

// SetFlags adds and removes flags.
func (s *Store) SetFlags(ctx context.Context, at upstream.Place, uids upstream.UIDSet, add, remove []string) error {
	if _, err := s.traits(ctx); err != nil {
		return err
	}
	return s.write(ctx, "changing flags", at.Box, func(ctx context.Context, c *session) error {
		if err := c.on(ctx, at); err != nil {
			return err
		}
		if err := c.keeps(add); err != nil {
			return err
		}
		if err := c.see(ctx, uids); err != nil {
			return err
		}
		var plus, minus *imap.Future[imap.Stored]
		opts := imap.StoreOptions{Silent: true, OnRow: func(*imap.FetchRow) {}}
		if len(add) > 0 {
			plus = c.client.Store(uids, imap.StoreAdd, flagsOf(add), opts)
		}
		if len(remove) > 0 {
			minus = c.client.Store(uids, imap.StoreRemove, flagsOf(remove), opts)
		}
		var err1, err2 error
		if plus != nil {
			_, err1 = plus.Wait(ctx)
		}
		if minus != nil {
			_, err2 = minus.Wait(ctx)
		}
		if plus != nil && minus != nil && (err1 == nil) != (err2 == nil) {
			return fmt.Errorf("%w: %w", upstream.ErrPartial, errors.Join(err1, err2))
		}
		return errors.Join(err1, err2)
	})
}

// see makes mails visible that are newer than the selection.
func (c *session) see(ctx context.Context, uids upstream.UIDSet) error {
	if h := highest(uids); h >= c.uidNext {
		return c.catchUp(ctx, h)
	}
	return nil
}

// keeps reports whether the mailbox keeps all of the flags: a server without \*
// in PERMANENTFLAGS would take a new keyword and forget it (RFC 9051, section
// 7.1).
func (c *session) keeps(flags []string) error {
	if c.sel.PermanentFlags == nil || c.sel.CanCreateKeywords() {
		return nil
	}
	for _, f := range flags {
		if !imap.ContainsFlag(c.sel.PermanentFlags, imap.Flag(f)) {
			return upstream.ErrForbidden
		}
	}
	return nil
}

func flagsOf(list []string) []imap.Flag {
	out := make([]imap.Flag, len(list))
	for i, f := range list {
		out[i] = imap.Flag(f)
	}
	return out
}

// Copy copies mails.
func (s *Store) Copy(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) (p upstream.Placed, err error) {
	if _, err := s.traits(ctx); err != nil {
		return p, err
	}
	err = s.write(ctx, "copying", at.Box, func(ctx context.Context, c *session) error {
		if err := c.selectBox(at, false).wait(ctx); err != nil {
			return err
		}
		if err := c.see(ctx, uids); err != nil {
			return err
		}
		copied, err := c.client.Copy(uids, to).Wait(ctx)
		p = placedBy(copied)
		return partly(err, copied)
	})
	return p, err
}

func placedBy(c imap.Copied) upstream.Placed {
	p := upstream.Placed{Validity: c.UIDs.UIDValidity}
	for from, to := range c.UIDs.Pairs() {
		p.Pairs = append(p.Pairs, upstream.UIDPair{From: from, To: to})
	}
	return p
}

// partly marks the error of a long set of which some chunks were done.
func partly(err error, c imap.Copied) error {
	if err != nil && c.UIDs.Count() > 0 {
		return fmt.Errorf("%w: %w", upstream.ErrPartial, err)
	}
	return err
}

// Move moves mails: by MOVE, or by COPY, its answer, and the removal of the
// originals. A failed COPY leaves everything as it was.
func (s *Store) Move(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) (p upstream.Placed, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return p, err
	}
	err = s.write(ctx, "moving", at.Box, func(ctx context.Context, c *session) error {
		if err := c.on(ctx, at); err != nil {
			return err
		}
		if err := c.see(ctx, uids); err != nil {
			return err
		}
		if t.caps.Supports(imap.CapMove) {
			moved, err := c.client.Move(uids, to).Wait(ctx)
			p = placedBy(moved)
			return partly(err, moved)
		}
		if err := t.removable(ctx, c); err != nil {
			return err
		}
		copied, err := c.client.Copy(uids, to).Wait(ctx)
		p = placedBy(copied)
		if err != nil {
			return partly(err, copied)
		}
		if err := t.remove(ctx, c, uids); err != nil {
			return fmt.Errorf("%w: %w", upstream.ErrPartial, err)
		}
		return nil
	})
	return p, err
}

// Remove removes mails.
func (s *Store) Remove(ctx context.Context, at upstream.Place, uids upstream.UIDSet) error {
	t, err := s.traits(ctx)
	if err != nil {
		return err
	}
	return s.write(ctx, "removing", at.Box, func(ctx context.Context, c *session) error {
		if err := c.on(ctx, at); err != nil {
			return err
		}
		if err := c.see(ctx, uids); err != nil {
			return err
		}
		if err := t.removable(ctx, c); err != nil {
			return err
		}
		return t.remove(ctx, c, uids)
	})
}

// removable says whether mails can be removed without touching those that
// somebody else has marked \Deleted: always with UIDPLUS, else when there are
// none.
func (t *traits) removable(ctx context.Context, c *session) error {
	if t.caps.Supports(imap.CapUIDPlus) {
		return nil
	}
	marked, err := c.client.Search(imap.HasFlagKey(imap.FlagDeleted), imap.SearchOptions{}).Wait(ctx)
	if err == nil && len(marked.Numbers) > 0 {
		return upstream.ErrForbidden
	}
	return err
}

// remove marks mails and expunges them.
func (t *traits) remove(ctx context.Context, c *session, uids upstream.UIDSet) error {
	deleted := []imap.Flag{imap.FlagDeleted}
	opts := imap.StoreOptions{Silent: true, OnRow: func(*imap.FetchRow) {}}
	if t.caps.Supports(imap.CapUIDPlus) {
		stored := c.client.Store(uids, imap.StoreAdd, deleted, opts)
		expunged := c.client.UIDExpunge(uids)
		_, err := stored.Wait(ctx)
		_, err2 := expunged.Wait(ctx)
		if err == nil && err2 != nil {
			return fmt.Errorf("%w: %w", upstream.ErrPartial, err2)
		}
		return errors.Join(err, err2)
	}
	if _, err := c.client.Store(uids, imap.StoreAdd, deleted, opts).Wait(ctx); err != nil {
		return err
	}
	marked, err := c.client.Search(imap.HasFlagKey(imap.FlagDeleted), imap.SearchOptions{}).Wait(ctx)
	if err == nil && slices.ContainsFunc(marked.UIDList(), func(u upstream.UID) bool { return !uids.Contains(u) }) {
		err = upstream.ErrForbidden // somebody marked a mail meanwhile
	}
	if err == nil {
		_, err = c.client.ExpungeAllUnsafe().Wait(ctx)
	}
	if err != nil {
		_, undo := c.client.Store(uids, imap.StoreRemove, deleted, opts).Wait(ctx)
		return errors.Join(err, undo)
	}
	return nil
}

// Append stores a mail.
func (s *Store) Append(ctx context.Context, box string, m upstream.Message) (out upstream.Appended, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return out, err
	}
	if t.info.MaxSize > 0 && m.Size > t.info.MaxSize {
		return out, upstream.ErrTooLarge
	}
	err = s.write(ctx, "storing", box, func(ctx context.Context, c *session) error {
		body := &counted{r: m.Body}
		done, err := c.client.Append(box, imap.AppendMessage{Body: body, Size: m.Size, Flags: flagsOf(m.Flags), Date: m.Date}).Wait(ctx)
		if err != nil {
			// A server that takes literals unasked may refuse a mail before it has all of
			// it: the rest would be in the way of the next command.
			if body.n.Load() < m.Size {
				c.client.Close()
			}
			return err
		}
		out = upstream.Appended{Validity: done.UIDValidity}
		if len(done.UIDs) == 1 {
			out.UID = done.UIDs[0]
			return nil
		}
		// The mail is stored; that its uid is not known is no failure.
		out, err = c.lookFor(ctx, box, m.MessageID)
		if err != nil {
			s.log.Info("looking for a stored mail", "err", err)
		}
		return nil
	})
	return out, err
}

// counted is a body of which so many octets were read.
type counted struct {
	r io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// lookFor finds the mail that was stored last under a Message-ID, on a server
// without UIDPLUS.
func (c *session) lookFor(ctx context.Context, box, messageID string) (out upstream.Appended, err error) {
	name, err1 := imap.NewSearchText("Message-ID")
	id, err2 := imap.NewSearchText(messageID)
	if err := errors.Join(err1, err2); err != nil || messageID == "" {
		return out, err
	}
	sel := c.selectBox(upstream.Place{Box: box}, true)
	if err := sel.wait(ctx); err != nil {
		return out, err
	}
	if err := c.catchUp(ctx, all); err != nil {
		return out, err
	}
	found, err := c.client.Search(imap.Header(name, id), imap.SearchOptions{}).Wait(ctx)
	if err != nil {
		return out, err
	}
	out.Validity, out.UID = c.sel.UIDValidity, highest(found.UIDs())
	return out, nil
}
