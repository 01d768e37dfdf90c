package account

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailQuery finds Emails: by the index, and for words by the server's search.
func (a *Account) EmailQuery(ctx context.Context, q *jmap.EmailQuery) (jmap.EmailQueryResult, error) {
	wasTyped := typed(q.Filter)
	q, err := a.understoodQuery(q)
	if err != nil {
		return jmap.EmailQueryResult{}, err
	}
	res, err := a.emailQuery(ctx, q)
	// What "today", "me" and the names of folders mean may be another thing when
	// the changes are asked for.
	res.CanCalculateChanges = res.CanCalculateChanges && !wasTyped
	return res, err
}

// understoodQuery is q with the filter that understood makes of its own.
func (a *Account) understoodQuery(q *jmap.EmailQuery) (*jmap.EmailQuery, error) {
	f, err := a.understood(q.Filter)
	if err != nil {
		return nil, err
	}
	out := *q
	out.Filter = f
	return &out, nil
}

func (a *Account) emailQuery(ctx context.Context, q *jmap.EmailQuery) (jmap.EmailQueryResult, error) {
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
	return a.evaluate(ctx, q, text)
}

// evaluate answers a query whose words have been searched.
func (a *Account) evaluate(ctx context.Context, q *jmap.EmailQuery, text replica.Text) (jmap.EmailQueryResult, error) {
	words := &replica.Words{Text: text}
	for try := 1; ; try++ {
		res, err := a.mail.Query(q, words)
		if !errors.Is(err, replica.ErrNeedsOrder) {
			return res, err
		}
		if words.Order, err = a.orderByWords(ctx, q, text); err != nil {
			return jmap.EmailQueryResult{}, failure(err)
		}
		words.Settle = try >= orderTries
	}
}

// EmailQueryChanges compares with an earlier result.
func (a *Account) EmailQueryChanges(ctx context.Context, q *jmap.EmailQueryChanges) (jmap.QueryChanges[jmap.EmailID], error) {
	if typed(q.Query.Filter) {
		return jmap.QueryChanges[jmap.EmailID]{}, jmap.CannotCalculateChanges
	}
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
	newest := len(q.Sort) == 0 || len(q.Sort) == 1 && q.Sort[0].Property == jmap.SortReceivedAt && q.Sort[0].Descending
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
// there is none. What the index knows of the mails limits the mailboxes that are
// searched; it never changes what is found.
func (a *Account) search(ctx context.Context, f *jmap.Filter[jmap.EmailCondition]) (replica.Text, error) {
	text, byPlace, err := a.questions(f)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return text, a.askAll(ctx, byPlace, text)
}

// questions are what has to be asked of which mailbox. text has every condition
// with words, and nothing found.
func (a *Account) questions(f *jmap.Filter[jmap.EmailCondition]) (text replica.Text, byPlace map[upstream.Place][]question, err error) {
	var conditions []*jmap.EmailCondition
	collect(f, &conditions)
	if len(conditions) == 0 {
		return nil, nil, nil
	}
	where, err := a.mail.Where(f)
	if err != nil {
		return nil, nil, err
	}
	text = make(replica.Text, len(conditions))
	byPlace = make(map[upstream.Place][]question)
	for _, c := range conditions {
		terms, err := termsOf(c)
		if err != nil {
			return nil, nil, err
		}
		text[c] = nil
		for _, at := range a.placesOf(c, where) {
			byPlace[at] = append(byPlace[at], question{c, terms})
		}
	}
	return text, byPlace, nil
}

// question is a condition as it is asked of one mailbox.
type question struct {
	condition *jmap.EmailCondition
	terms     []upstream.Term
}

// placesOf are the mailboxes where a condition has to be looked for.
func (a *Account) placesOf(c *jmap.EmailCondition, where []upstream.Place) []upstream.Place {
	if c.InMailbox == "" {
		return where
	}
	if box, at, ok := a.mail.Mailbox(c.InMailbox); ok && box.Selectable && len(where) > 0 {
		return []upstream.Place{at}
	}
	return nil
}

// askAll searches several mailboxes at once; all that is asked of one is asked
// while it is selected.
func (a *Account) askAll(ctx context.Context, byPlace map[upstream.Place][]question, text replica.Text) error {
	var mu sync.Mutex // guards text
	places := slices.SortedFunc(maps.Keys(byPlace), func(x, y upstream.Place) int { return strings.Compare(x.Box, y.Box) })
	return atOnce(ctx, len(places), func(ctx context.Context, i int) error {
		for _, q := range byPlace[places[i]] {
			uids, err := a.searchBox(ctx, places[i], q.terms)
			if err != nil {
				return err
			}
			mu.Lock()
			text[q.condition] = append(text[q.condition], replica.Found{At: places[i], UIDs: uids})
			mu.Unlock()
		}
		return nil
	})
}

// atOnce runs f for 0 to n-1, a few at a time. The first error ends all.
func atOnce(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, searchers)
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// searchBox searches one mailbox. One that is gone has no match; one that was
// made anew is looked at once more by the caller's next try.
func (a *Account) searchBox(ctx context.Context, at upstream.Place, terms []upstream.Term) (uids upstream.UIDSet, err error) {
	if len(terms) == 0 { // a text without a word is in every mail
		uids.AddRange(1, upstream.UID(1<<32-2))
		return uids, nil
	}
	if uids, err = a.cfg.Store.Search(ctx, at, terms); err == nil {
		uids, err = a.withoutMarkup(ctx, at, terms, uids)
	}
	if err == nil {
		uids, err = a.withoutNames(ctx, at, terms, uids)
	}
	if errors.Is(err, upstream.ErrNoBox) {
		return upstream.UIDSet{}, nil
	}
	return uids, err
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
