package jmapservertest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// MailboxGet implements jmapserver.MailboxReader.
func (a *Account) MailboxGet(_ context.Context, ids []jmap.MailboxID) ([]jmap.Mailbox, []jmap.MailboxID, jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, missing := pick(a.boxes, ids, func(m *jmap.Mailbox) jmap.MailboxID { return m.ID })
	for i := range list {
		threads := map[jmap.ThreadID]bool{}
		for _, e := range a.emails {
			if !slices.Contains(e.MailboxIDs, list[i].ID) {
				continue
			}
			unread := !slices.Contains(e.Keywords, jmap.KeywordSeen) && !slices.Contains(e.Keywords, jmap.KeywordDraft)
			list[i].TotalEmails++
			threads[e.ThreadID] = threads[e.ThreadID] || unread
			if unread {
				list[i].UnreadEmails++
			}
		}
		list[i].TotalThreads = uint64(len(threads))
		for _, unread := range threads {
			if unread {
				list[i].UnreadThreads++
			}
		}
	}
	return list, missing, a.state(jmap.TypeMailbox), a.fail
}

// EmailQuery implements jmapserver.EmailReader.
func (a *Account) EmailQuery(_ context.Context, q *jmap.EmailQuery) (jmap.EmailQueryResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids, err := a.find(q)
	if err != nil {
		return jmap.EmailQueryResult{}, err
	}
	anchor := -1
	if q.Window.Anchor != "" {
		if anchor = slices.Index(ids, jmap.EmailID(q.Window.Anchor)); anchor < 0 {
			return jmap.EmailQueryResult{}, jmap.AnchorNotFound
		}
	}
	from, to := q.Window.Bounds(len(ids), anchor)
	return jmap.EmailQueryResult{State: jmap.QueryState(a.state(jmap.TypeEmail)), CanCalculateChanges: true, Position: from, IDs: ids[from:to], Total: len(ids)}, a.fail
}

func (a *Account) find(q *jmap.EmailQuery) ([]jmap.EmailID, error) {
	var err error
	hits := slices.DeleteFunc(slices.Clone(a.emails), func(e *jmap.Email) bool {
		return !q.Filter.Match(func(c *jmap.EmailCondition) bool {
			if c.Header != nil {
				err = jmap.UnsupportedFilter
			}
			return match(c, e)
		})
	})
	slices.SortStableFunc(hits, func(x, y *jmap.Email) int {
		for _, s := range q.Sort {
			if n := compare(x, y, s); n != 0 && s.Descending {
				return -n
			} else if n != 0 {
				return n
			}
		}
		return y.ReceivedAt.Compare(x.ReceivedAt)
	})
	var ids []jmap.EmailID
	seen := map[jmap.ThreadID]bool{}
	for _, e := range hits {
		if !q.CollapseThreads || !seen[e.ThreadID] {
			ids = append(ids, e.ID)
		}
		seen[e.ThreadID] = true
	}
	return ids, err
}

func compare(x, y *jmap.Email, s jmap.Comparator) int {
	switch s.Property {
	case jmap.SortSize:
		return cmp.Compare(x.Size, y.Size)
	case jmap.SortSubject:
		return strings.Compare(jmap.UnicodeCasemap(*x.Subject), jmap.UnicodeCasemap(*y.Subject))
	case jmap.SortHasKeyword:
		b := func(e *jmap.Email) int {
			if slices.Contains(e.Keywords, s.Keyword) {
				return 1
			}
			return 0
		}
		return b(x) - b(y)
	}
	return x.ReceivedAt.Compare(y.ReceivedAt)
}

func match(c *jmap.EmailCondition, e *jmap.Email) bool {
	outside := c.InMailboxOtherThan == nil || slices.ContainsFunc(e.MailboxIDs, func(m jmap.MailboxID) bool {
		return !slices.Contains(c.InMailboxOtherThan, m)
	})
	return outside && (c.InMailbox == "" || slices.Contains(e.MailboxIDs, c.InMailbox)) &&
		(c.Before.IsZero() || e.ReceivedAt.Before(c.Before)) && (c.After.IsZero() || !e.ReceivedAt.Before(c.After)) &&
		e.Size >= c.MinSize && (c.MaxSize == nil || e.Size < *c.MaxSize) &&
		(c.HasKeyword == "" || slices.Contains(e.Keywords, c.HasKeyword)) &&
		(c.NotKeyword == "" || !slices.Contains(e.Keywords, c.NotKeyword)) &&
		(c.HasAttachment == nil || *c.HasAttachment == e.HasAttachment) &&
		strings.Contains(jmap.UnicodeCasemap(*e.Subject), jmap.UnicodeCasemap(c.Subject+c.Text)) &&
		(c.Search == nil || strings.Contains(jmap.UnicodeCasemap(*e.Subject), jmap.UnicodeCasemap(c.Search.Text)))
}

// EmailQueryChanges implements jmapserver.EmailQueryChanger: everything is
// removed and comes again.
func (a *Account) EmailQueryChanges(_ context.Context, q *jmap.EmailQueryChanges) (jmap.QueryChanges[jmap.EmailID], error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids, err := a.find(&q.Query)
	r := jmap.QueryChanges[jmap.EmailID]{NewState: jmap.QueryState(a.state(jmap.TypeEmail)), Total: len(ids)}
	switch {
	case err != nil:
		return r, err
	case q.Since == r.NewState:
		return r, nil
	case q.Since != jmap.QueryState(stateOf(a.first)):
		return r, jmap.CannotCalculateChanges
	case q.MaxChanges != nil && 2*len(ids) > *q.MaxChanges:
		return r, jmap.TooManyChanges
	}
	r.Removed = ids
	for i, id := range ids {
		r.Added = append(r.Added, jmap.AddedItem[jmap.EmailID]{ID: id, Index: i})
	}
	return r, nil
}

// EmailGet implements jmapserver.EmailReader.
func (a *Account) EmailGet(ctx context.Context, ids []jmap.EmailID, want *jmap.EmailFields, emit func(*jmap.Email) error) (missing []jmap.EmailID, state jmap.State, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var row jmap.Email
	for _, id := range ids {
		e := a.email(id)
		if e == nil {
			missing = append(missing, id)
			continue
		}
		row = *e
		row.Values = values(want.Headers, e.Headers)
		row.BodyValues = bodyValues(want)
		if err := emit(&row); err != nil {
			return nil, "", err
		}
	}
	return missing, a.state(jmap.TypeEmail), errors.Join(a.fail, ctx.Err())
}

// values knows forms that need no parser.
func values(props []jmap.HeaderProp, headers []jmap.Header) (all []jmap.HeaderValue) {
	for _, p := range props {
		var v jmap.HeaderValue
		for _, h := range headers {
			if !strings.EqualFold(h.Name, p.Name) {
				continue
			}
			in := jmap.HeaderInstance{Text: h.Value}
			switch p.Form {
			case jmap.FormText:
				in.Text = strings.TrimSpace(h.Value)
			case jmap.FormURLs:
				in.Strings = []string{strings.Trim(h.Value, " <>")}
			}
			v = append(v, in)
		}
		all = append(all, v)
	}
	return all
}

func bodyValues(want *jmap.EmailFields) []jmap.BodyValue {
	if !want.FetchAllBodyValues && !want.FetchTextBodyValues && !want.FetchHTMLBodyValues {
		return nil
	}
	v := jmap.BodyValue{PartID: "1", Value: "Hello.\n"}
	if n := want.MaxBodyValueBytes; n > 0 && n < len(v.Value) {
		v.Value, v.IsTruncated = v.Value[:n], true
	}
	return []jmap.BodyValue{v}
}

// ThreadGet implements jmapserver.ThreadReader.
func (a *Account) ThreadGet(_ context.Context, ids []jmap.ThreadID) ([]jmap.Thread, []jmap.ThreadID, jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []jmap.Thread
	for _, e := range a.emails {
		i := slices.IndexFunc(all, func(t jmap.Thread) bool { return t.ID == e.ThreadID })
		if i < 0 {
			all = append(all, jmap.Thread{ID: e.ThreadID})
			i = len(all) - 1
		}
		all[i].EmailIDs = append(all[i].EmailIDs, e.ID)
	}
	list, missing := pick(all, ids, func(t *jmap.Thread) jmap.ThreadID { return t.ID })
	return list, missing, a.state(jmap.TypeThread), a.fail
}

// IdentityGet implements jmapserver.IdentityReader.
func (a *Account) IdentityGet(_ context.Context, ids []jmap.IdentityID) ([]jmap.Identity, []jmap.IdentityID, jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, missing := pick(a.ids, ids, func(i *jmap.Identity) jmap.IdentityID { return i.ID })
	return list, missing, a.state(jmap.TypeIdentity), a.fail
}

// SubmissionGet implements jmapserver.Submitter.
func (a *Account) SubmissionGet(_ context.Context, ids []jmap.SubmissionID) ([]jmap.Submission, []jmap.SubmissionID, jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, missing := pick(a.subs, ids, func(s *jmap.Submission) jmap.SubmissionID { return s.ID })
	return list, missing, a.state(jmap.TypeEmailSubmission), a.fail
}

// MessageView implements jmapserver.Viewer.
func (a *Account) MessageView(_ context.Context, ids []jmap.EmailID) (list []jmap.MessageView, missing []jmap.EmailID, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		if a.email(id) == nil {
			missing = append(missing, id)
			continue
		}
		list = append(list, jmap.MessageView{ID: id, IsHTML: true, Remote: jmap.RemoteContent{Count: 2, Hosts: []string{"pixel.example.net"}}, Links: 1})
	}
	return list, missing, a.fail
}

// SearchExplain implements jmapserver.Searcher: all of a text is one word.
func (a *Account) SearchExplain(s *jmap.SearchText) ([]jmap.SearchSpan, []string) {
	return []jmap.SearchSpan{{Start: 0, End: len(s.Text), Kind: "unknown", Suggest: "from"}}, []string{"from"}
}

// EmailSearch implements jmapserver.Searcher: a search is complete when it is
// asked for the second time.
func (a *Account) EmailSearch(ctx context.Context, q *jmap.EmailQuery, since string) (jmap.EmailSearchResult, error) {
	r := jmap.EmailSearchResult{SearchState: "1", Searched: 1, ToSearch: 2}
	if since != "" {
		r = jmap.EmailSearchResult{SearchState: "2", Searched: 2, ToSearch: 2, IsComplete: true}
	}
	var err error
	r.EmailQueryResult, err = a.EmailQuery(ctx, q)
	return r, err
}

// SearchSnippets implements jmapserver.SnippetReader: it looks for the whole of
// the condition text.
func (a *Account) SearchSnippets(_ context.Context, f *jmap.Filter[jmap.EmailCondition], ids []jmap.EmailID) (list []jmap.SearchSnippet, missing []jmap.EmailID, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		e := a.email(id)
		if e == nil {
			missing = append(missing, id)
			continue
		}
		s := jmap.SearchSnippet{EmailID: id}
		if f != nil && f.Op == "" && f.Leaf.Text != "" && strings.Contains(*e.Subject, f.Leaf.Text) {
			marked := strings.ReplaceAll(*e.Subject, f.Leaf.Text, "<mark>"+f.Leaf.Text+"</mark>")
			s.Subject = &marked
		}
		list = append(list, s)
	}
	return list, missing, a.fail
}

// BlobOpen implements jmapserver.BlobStore.
func (a *Account) BlobOpen(_ context.Context, id jmap.BlobID, r jmap.ByteRange) (*jmap.Blob, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, ok := a.blobs[id]
	if !ok {
		return nil, errors.Join(jmap.ErrNotFound, a.fail)
	}
	size := int64(len(data))
	if r.Offset < 0 {
		r.Offset, r.Length = max(size+r.Offset, 0), 0
	}
	if r.Offset >= size && size > 0 {
		return nil, jmap.ErrRange
	}
	data = data[r.Offset:]
	if r.Length > 0 && r.Length < int64(len(data)) {
		data = data[:r.Length]
	}
	return &jmap.Blob{Body: io.NopCloser(bytes.NewReader(data)), Size: size, Offset: r.Offset, Length: int64(len(data))}, a.fail
}

// QuotaGet implements jmapserver.QuotaReader: a quota of octets, and one of
// messages that the mails of the account fill.
func (a *Account) QuotaGet(_ context.Context, ids []jmap.QuotaID) ([]jmap.Quota, []jmap.QuotaID, jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []jmap.Quota{
		{ID: "Qo", ResourceType: jmap.QuotaOctets, Used: 2048, HardLimit: 1 << 30, Scope: jmap.QuotaAccount, Name: "Storage", Types: []jmap.Type{jmap.TypeEmail}},
		{ID: "Qm", ResourceType: jmap.QuotaCount, Used: uint64(len(a.emails)), HardLimit: 1000, Scope: jmap.QuotaAccount, Name: "Messages", Types: []jmap.Type{jmap.TypeEmail}},
	}
	list, missing := pick(all, ids, func(q *jmap.Quota) jmap.QuotaID { return q.ID })
	return list, missing, a.state(jmap.TypeQuota), a.fail
}
