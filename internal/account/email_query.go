package account

import (
	"context"
	"errors"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailQuery finds Emails: by the index, and for words by the server's search.
func (a *Account) EmailQuery(ctx context.Context, q *jmap.EmailQuery) (jmap.EmailQueryResult, error) {
	if first, ok := a.firstPage(q); ok {
		res, err := a.mail.FirstPage(ctx, first, q.Window, q.CollapseThreads)
		return res, failure(err)
	}
	if err := a.prepared(ctx, q.Filter); err != nil {
		return jmap.EmailQueryResult{}, failure(err)
	}
	text, err := a.search(ctx, q.Filter)
	if err != nil {
		return jmap.EmailQueryResult{}, failure(err)
	}
	return a.mail.Query(q, text)
}

// EmailQueryChanges compares with an earlier result.
func (a *Account) EmailQueryChanges(ctx context.Context, q *jmap.EmailQueryChanges) (jmap.QueryChanges[jmap.EmailID], error) {
	if err := a.prepared(ctx, q.Query.Filter); err != nil {
		return jmap.QueryChanges[jmap.EmailID]{}, failure(err)
	}
	return a.mail.QueryChanges(q)
}

// prepared waits until the index can answer a filter.
func (a *Account) prepared(ctx context.Context, f *jmap.Filter[jmap.EmailCondition]) error {
	if box, ok := onlyMailbox(f); !ok || !a.mail.Synced(box) {
		if err := a.mail.WaitComplete(ctx); err != nil {
			return err
		}
	}
	if replica.NeedsAttachments(f) {
		return a.mail.WaitAttachments(ctx)
	}
	return nil
}

// firstPage reports whether a query is for the newest mails of a mailbox that
// the index does not hold yet.
func (a *Account) firstPage(q *jmap.EmailQuery) (jmap.MailboxID, bool) {
	box, ok := onlyMailbox(q.Filter)
	newest := len(q.Sort) == 0 || q.Sort[0].Property == jmap.SortReceivedAt && q.Sort[0].Descending
	w := q.Window
	near := w.Anchor == "" && w.Position >= 0 && w.Position+int64(w.Limit) <= firstPageMost
	return box, ok && newest && near && !a.mail.Synced(box)
}

// onlyMailbox reports whether a filter asks for one mailbox and nothing else.
func onlyMailbox(f *jmap.Filter[jmap.EmailCondition]) (jmap.MailboxID, bool) {
	if f == nil {
		return "", false
	}
	if f.Op != "" {
		if len(f.Nodes) == 1 && f.Op != jmap.OpNot {
			return onlyMailbox(f.Nodes[0])
		}
		return "", false
	}
	return f.Leaf.InMailbox, replica.OnlyInMailbox(f.Leaf)
}

// search asks the server for every condition with words. It returns nil if
// there is none.
func (a *Account) search(ctx context.Context, f *jmap.Filter[jmap.EmailCondition]) (replica.Text, error) {
	var conditions []*jmap.EmailCondition
	collect(f, &conditions)
	if len(conditions) == 0 {
		return nil, nil
	}
	text := make(replica.Text, len(conditions))
	for _, c := range conditions {
		terms, err := termsOf(c)
		if err != nil {
			return nil, err
		}
		if text[c], err = a.searchBoxes(ctx, a.boxesToSearch(f, c), terms); err != nil {
			return nil, err
		}
	}
	return text, nil
}

func collect(f *jmap.Filter[jmap.EmailCondition], out *[]*jmap.EmailCondition) {
	if f == nil {
		return
	}
	if f.Op == "" {
		if f.Leaf.HasText() {
			*out = append(*out, f.Leaf)
		}
		return
	}
	for _, n := range f.Nodes {
		collect(n, out)
	}
}

// boxesToSearch are the mailboxes where a match of the whole filter can lie.
func (a *Account) boxesToSearch(f *jmap.Filter[jmap.EmailCondition], c *jmap.EmailCondition) []upstream.Place {
	id := c.InMailbox
	if id == "" {
		id = required(f)
	}
	if id != "" {
		if box, at, ok := a.mail.Mailbox(id); ok && box.Selectable {
			return []upstream.Place{at}
		}
		return nil
	}
	var out []upstream.Place
	for _, c := range a.mail.Selectable() {
		out = append(out, c.At)
	}
	return out
}

// required is a mailbox that every match must be in, "" if there is none.
func required(f *jmap.Filter[jmap.EmailCondition]) jmap.MailboxID {
	switch {
	case f == nil:
	case f.Op == "":
		return f.Leaf.InMailbox
	case f.Op == jmap.OpAnd:
		for _, n := range f.Nodes {
			if id := required(n); id != "" {
				return id
			}
		}
	}
	return ""
}

// searchBoxes searches several mailboxes, a few at a time. The first error ends
// all.
func (a *Account) searchBoxes(ctx context.Context, boxes []upstream.Place, terms []upstream.Term) ([]replica.Found, error) {
	if len(terms) == 0 {
		return a.everything(boxes)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	found := make([]replica.Found, len(boxes))
	var wg sync.WaitGroup
	slots := make(chan struct{}, searchers)
	for i, at := range boxes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			uids, err := a.searchBox(ctx, at, terms)
			if err != nil {
				cancel(err)
			}
			found[i] = replica.Found{At: at, UIDs: uids}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return found, nil
}

// searchBox searches one mailbox. One that is gone has no match; one that was
// made anew is looked at once more by the caller's next try.
func (a *Account) searchBox(ctx context.Context, at upstream.Place, terms []upstream.Term) (upstream.UIDSet, error) {
	uids, err := a.cfg.Store.Search(ctx, at, terms)
	if errors.Is(err, upstream.ErrNoBox) {
		return upstream.UIDSet{}, nil
	}
	return uids, err
}

// everything is what an empty search finds.
func (a *Account) everything(boxes []upstream.Place) ([]replica.Found, error) {
	var found []replica.Found
	for _, at := range boxes {
		var all upstream.UIDSet
		all.AddRange(1, upstream.UID(1<<32-2))
		found = append(found, replica.Found{At: at, UIDs: all})
	}
	return found, nil
}
