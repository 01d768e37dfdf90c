package account

import (
	"context"
	"errors"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// SearchSnippets shows where the words of a filter stand in mails (RFC 8621,
// section 5). It reads the subjects, and the beginnings of the texts if words are
// looked for in them: snippetMailBytes of a mail and snippetBytes in all. Of a
// mail of which more would have to be read, and of one that is gone by now,
// nothing is said.
func (a *Account) SearchSnippets(ctx context.Context, f *jmap.Filter[jmap.EmailCondition], ids []jmap.EmailID) (list []jmap.SearchSnippet, notFound []jmap.EmailID, err error) {
	if f, err = a.understood(f); err != nil {
		return nil, nil, err
	}
	s := snippets{a: a, left: snippetBytes}
	if s.subject, s.body, err = snippetTerms(f); err != nil {
		return nil, nil, err
	}
	metas, notFound, _, err := a.metas(ctx, ids)
	if err != nil {
		return nil, nil, failure(err)
	}
	list = make([]jmap.SearchSnippet, len(metas))
	for i := range metas {
		list[i].EmailID = metas[i].ID
	}
	if s.subject.Len() > 0 {
		if err := s.subjects(ctx, list); err != nil {
			return nil, nil, err
		}
	}
	if s.body.Len() > 0 {
		if err := s.previews(ctx, metas, list); err != nil {
			return nil, nil, failure(err)
		}
	}
	return list, notFound, nil
}

// snippetTerms are the words of a filter that a mail it finds may have in its
// subject, and in its text: not those below a NOT.
func snippetTerms(f *jmap.Filter[jmap.EmailCondition]) (subject, body message.Terms, err error) {
	var inSubject, inBody []string
	var walk func(f *jmap.Filter[jmap.EmailCondition], wanted bool)
	walk = func(f *jmap.Filter[jmap.EmailCondition], wanted bool) {
		if f == nil {
			return
		}
		for _, n := range f.Nodes {
			walk(n, wanted != (f.Op == jmap.OpNot))
		}
		if f.Op != "" || !wanted {
			return
		}
		inSubject = append(append(inSubject, words(f.Leaf.Text)...), words(f.Leaf.Subject)...)
		inBody = append(append(inBody, words(f.Leaf.Text)...), words(f.Leaf.Body)...)
		if h := f.Leaf.Header; h != nil && strings.EqualFold(h.Name, "Subject") {
			inSubject = append(inSubject, clean(h.Text))
		}
	}
	walk(f, true)
	if len(inSubject) > maxSnippetTerms || len(inBody) > maxSnippetTerms {
		return subject, body, jmap.UnsupportedFilter
	}
	return message.NewTerms(inSubject), message.NewTerms(inBody), nil
}

// snippets is one SearchSnippets under way.
type snippets struct {
	a             *Account
	subject, body message.Terms
	left          int64 // bytes that may still be read
}

// subjects marks the subjects, of which most are remembered.
func (s *snippets) subjects(ctx context.Context, list []jmap.SearchSnippet) error {
	ids := make([]jmap.EmailID, len(list))
	at := make(map[jmap.EmailID]int, len(list))
	for i := range list {
		ids[i], at[list[i].EmailID] = list[i].EmailID, i
	}
	_, _, err := s.a.EmailGet(ctx, ids, &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropSubject}, func(e *jmap.Email) error {
		if e.Subject == nil {
			return nil
		}
		if marked, ok := s.subject.Mark(*e.Subject); ok {
			list[at[e.ID]].Subject = &marked
		}
		return nil
	})
	return err
}

// previews looks through the texts: an exchange for the structures, and one for
// what they say is text.
func (s *snippets) previews(ctx context.Context, metas []replica.Meta, list []jmap.SearchSnippet) error {
	g := &getter{a: s.a, want: &jmap.EmailFields{}}
	mails := make([]*previewless, len(metas))
	for i := range metas {
		mails[i] = &previewless{meta: &metas[i]}
	}
	places := g.places(mails)
	msgs, err := g.structures(ctx, mails)
	if err != nil && !isGone(err) {
		return err
	}
	var asks []upstream.Ask
	read := make([]bool, len(list))
	for i, msg := range msgs {
		sections, able := s.sections(msg)
		if read[i] = able && len(sections) == 0; len(sections) > 0 {
			c := g.choose(mails[i].meta)
			asks = append(asks, upstream.Ask{At: c.At, UIDs: one(c.UID), Want: upstream.Want{Sections: sections}})
		}
	}
	err = s.a.cfg.Store.Fetch(ctx, asks, func(c *upstream.Content) {
		if i, ok := places[placed{c.Box, c.UID}]; ok && msgs[i] != nil {
			takeSections(msgs[i], c)
			list[i].Preview, read[i] = s.preview(msgs[i]), true
			msgs[i] = nil // its text has been used
		}
	})
	if err != nil && !isGone(err) {
		return err
	}
	for i := range list {
		if !read[i] { // unable to say: both MUST be null
			list[i].Subject = nil
		}
	}
	return nil
}

// isGone: a mailbox is not what it was when the index saw it.
func isGone(err error) bool {
	return errors.Is(err, upstream.ErrStale) || errors.Is(err, upstream.ErrNoBox)
}

// sections are the parts to be read of a mail, none of one without text; able is
// false if there is more text than may be read.
func (s *snippets) sections(msg *message.Message) (out []upstream.Section, able bool) {
	if msg == nil {
		return nil, false
	}
	size := int64(0)
	for _, p := range shownTexts(msg) {
		if p.EncodedSize > 0 {
			out = append(out, upstream.Section{ID: p.Section, Limit: int(min(p.EncodedSize, snippetMailBytes))})
			size += p.EncodedSize
		}
	}
	if size > snippetMailBytes || size > s.left {
		return nil, false
	}
	s.left -= size
	return out, true
}

// shownTexts are the text parts of the body, plain ones first.
func shownTexts(msg *message.Message) []*message.Part {
	var out []*message.Part
	seen := make(map[*message.Part]bool)
	b := msg.Bodies()
	for _, list := range [][]*message.Part{b.Text, b.HTML} {
		for _, p := range list {
			if p.IsText() && !seen[p] {
				out, seen[p] = append(out, p), true
			}
		}
	}
	return out
}

// preview is the section of the first part that has one of the words.
func (s *snippets) preview(msg *message.Message) *string {
	for _, p := range shownTexts(msg) {
		text := message.SearchText(p.Type, s.a.textOf(p, 0).Value)
		if out, ok := s.body.Snippet(text, jmap.MaxSnippetOctets); ok {
			return &out
		}
	}
	return nil
}
