package imapup

import (
	"context"
	"fmt"
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Search finds mails by their words. When ctx ends it, the server stops searching.
func (s *Store) Search(ctx context.Context, at upstream.Place, terms []upstream.Term) (set upstream.UIDSet, err error) {
	if _, err := s.traits(ctx); err != nil {
		return set, err
	}
	var keys []imap.SearchKey
	for _, t := range terms {
		k, err := keyOf(t)
		if err != nil {
			return set, fmt.Errorf("%w: %w", upstream.ErrUnsupported, err)
		}
		keys = append(keys, k)
	}
	err = s.read(ctx, "searching", at.Box, func(ctx context.Context, c *session) error {
		sel := c.selectBox(at, false)
		if err := sel.catchUp(ctx, all); err != nil {
			return err
		}
		found := c.client.Search(imap.And(keys...), imap.SearchOptions{})
		if err := both(ctx, sel, found); err != nil {
			if ctx.Err() != nil {
				// Nobody waits any more, and IMAP has no other way to end a SEARCH: left
				// alone it would work on for nothing, and whoever has this connection
				// next would stand behind it.
				c.client.Close()
			}
			return err
		}
		res, err := whole(found.Wait(ctx))
		if err == nil {
			set = res.UIDs()
		}
		return err
	})
	return set, err
}

// whole refuses an answer of which a part was not kept.
func whole(res *imap.SearchResult, err error) (*imap.SearchResult, error) {
	if err == nil && res.Truncated {
		return nil, upstream.ErrTooLarge
	}
	return res, err
}

func keyOf(t upstream.Term) (imap.SearchKey, error) {
	text, err := imap.NewSearchText(t.Value)
	if err != nil {
		return nil, err
	}
	switch t.Field {
	case upstream.FieldFrom:
		return imap.From(text), nil
	case upstream.FieldTo:
		return imap.To(text), nil
	case upstream.FieldCc:
		return imap.Cc(text), nil
	case upstream.FieldBcc:
		return imap.Bcc(text), nil
	case upstream.FieldSubject:
		return imap.Subject(text), nil
	case upstream.FieldBody:
		return imap.Body(text), nil
	case upstream.FieldHeader:
		name, err := imap.NewSearchText(t.Name)
		return imap.Header(name, text), err
	}
	return imap.Text(text), nil
}

// Sort orders the mails of a mailbox (RFC 5256). Mails without a date, or with one
// that cannot be read, count as sent when they were received.
func (s *Store) Sort(ctx context.Context, at upstream.Place, by []jmap.Comparator) (list []upstream.UID, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return nil, err
	}
	var keys []imap.SortKey
	for _, c := range by {
		k, ok := t.sortKey(c.Property)
		if !ok {
			return nil, upstream.ErrUnsupported
		}
		keys = append(keys, imap.SortKey{By: k, Reverse: c.Descending})
	}
	err = s.read(ctx, "sorting", at.Box, func(ctx context.Context, c *session) error {
		sel := c.selectBox(at, false)
		if err := sel.catchUp(ctx, all); err != nil {
			return err
		}
		sorted := c.client.Sort(keys, imap.All(), imap.SearchOptions{})
		if err := both(ctx, sel, sorted); err != nil {
			return err
		}
		res, err := whole(sorted.Wait(ctx))
		if err == nil {
			list = res.UIDList()
		}
		return err
	})
	return list, err
}

func (t *traits) sortKey(p jmap.SortProperty) (imap.SortBy, bool) {
	if !t.caps.Has(imap.CapSort) {
		return "", false
	}
	// Only SORT=DISPLAY (RFC 5957) orders by names, as RFC 8621, section 4.4.2
	// says; FROM and TO of plain SORT are local parts.
	display := t.caps.Has(imap.CapSortDisplay)
	switch p {
	case jmap.SortReceivedAt:
		return imap.SortArrival, true
	case jmap.SortSize:
		return imap.SortSize, true
	case jmap.SortSubject:
		// Cyrus 3.6.1 does not decompose subjects as i;unicode-casemap must (RFC
		// 5051, section 2): "Äpfel" stands behind "Pears".
		return imap.SortSubject, !t.isCyrus()
	case jmap.SortSentAt:
		return imap.SortDate, true
	case jmap.SortFrom:
		return imap.SortDisplayFrom, display
	case jmap.SortTo:
		return imap.SortDisplayTo, display
	}
	return "", false
}

// isCyrus says whether the server called itself so (RFC 2971).
func (t *traits) isCyrus() bool { return strings.HasPrefix(t.info.Server, "Cyrus") }
