package jmapservertest

import (
	"context"
	"fmt"
	"io"
	"slices"

	"cofferdam/internal/jmap"
)

// BlobPut implements jmapserver.BlobStore.
func (a *Account) BlobPut(_ context.Context, r io.Reader) (jmap.BlobInfo, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return jmap.BlobInfo{}, fmt.Errorf("reading the upload: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return jmap.BlobInfo{}, a.fail
	}
	id := jmap.BlobID(a.newID("U"))
	a.blobs[id] = data
	return jmap.BlobInfo{ID: id, Size: int64(len(data))}, nil
}

// results is what a SetResult is filled from.
func results[ID ~string, Obj any](old jmap.State) jmap.SetResult[ID, Obj] {
	return jmap.SetResult[ID, Obj]{OldState: old, Created: map[jmap.CreationID]*Obj{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[ID]*Obj{}, NotUpdated: map[ID]*jmap.SetError{}, NotDestroyed: map[ID]*jmap.SetError{}}
}

// EmailSet implements jmapserver.EmailSetter.
func (a *Account) EmailSet(_ context.Context, set *jmap.EmailSet) (jmap.EmailSetResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.state(jmap.TypeEmail)
	if set.IfInState != "" && set.IfInState != old {
		return jmap.EmailSetResult{}, jmap.StateMismatch
	}
	r := results[jmap.EmailID, jmap.EmailCreated](old)
	for i := range set.Create {
		a.createEmail(&set.Create[i], &r)
	}
	for i := range set.Update {
		a.updateEmail(&set.Update[i], &r)
	}
	for _, id := range set.Destroy {
		i := slices.IndexFunc(a.emails, func(e *jmap.Email) bool { return e.ID == id })
		if i < 0 {
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
			continue
		}
		a.emails = slices.Delete(a.emails, i, i+1)
		a.note(jmap.TypeEmail, string(id), destroyed)
		r.Destroyed = append(r.Destroyed, id)
	}
	r.NewState = a.state(jmap.TypeEmail)
	return r, a.fail
}

func (a *Account) createEmail(c *jmap.EmailCreate, r *jmap.EmailSetResult) {
	var missing []jmap.BlobID
	size := uint64(100)
	walk(c.Body, func(p *jmap.NewPart) {
		if p.Text != nil {
			size += uint64(len(*p.Text))
		}
		if _, ok := a.blobs[p.BlobID]; p.BlobID != "" && !ok {
			missing = append(missing, p.BlobID)
		}
	})
	switch {
	case missing != nil:
		r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetBlobNotFound, NotFound: missing}
		return
	case !a.known(c.MailboxIDs):
		r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"mailboxIds"}}
		return
	}
	id := a.newID("e")
	subject := Shape(c.Body)
	received := c.ReceivedAt
	if received.IsZero() {
		received = at("2026-03-05T12:00:00Z")
	}
	e := &jmap.Email{ID: jmap.EmailID(id), BlobID: jmap.BlobID("B" + id), ThreadID: jmap.ThreadID("t" + id), Size: size,
		MailboxIDs: c.MailboxIDs, Keywords: c.Keywords, ReceivedAt: received, Subject: &subject}
	a.emails = append(a.emails, e)
	a.note(jmap.TypeEmail, id, created)
	r.Created[c.CreationID] = &jmap.EmailCreated{ID: e.ID, BlobID: e.BlobID, ThreadID: e.ThreadID, Size: size}
}

// Shape writes the tree of a body in one line. An Email that was made here has
// it as its subject.
func Shape(p *jmap.NewPart) string {
	switch {
	case p == nil:
		return "empty"
	case p.Text != nil:
		return p.Type + "=" + *p.Text
	case p.SubParts == nil:
		return p.Type + "@" + string(p.BlobID)
	}
	s := p.Type + "["
	for i, sub := range p.SubParts {
		if i > 0 {
			s += " "
		}
		s += Shape(sub)
	}
	return s + "]"
}

func walk(p *jmap.NewPart, f func(*jmap.NewPart)) {
	if p == nil {
		return
	}
	f(p)
	for _, sub := range p.SubParts {
		walk(sub, f)
	}
}

func (a *Account) known(ids []jmap.MailboxID) bool {
	return !slices.ContainsFunc(ids, func(id jmap.MailboxID) bool {
		return !slices.ContainsFunc(a.boxes, func(m jmap.Mailbox) bool { return m.ID == id })
	})
}

func (a *Account) updateEmail(u *jmap.EmailUpdate, r *jmap.EmailSetResult) {
	e := a.email(u.ID)
	if e == nil {
		r.NotUpdated[u.ID] = &jmap.SetError{Type: jmap.SetNotFound}
		return
	}
	boxes, keywords := e.MailboxIDs, e.Keywords
	if u.MailboxIDs != nil {
		boxes = u.MailboxIDs.Apply(boxes)
	}
	if u.Keywords != nil {
		keywords = u.Keywords.Apply(keywords)
	}
	if len(boxes) == 0 || !a.known(boxes) {
		r.NotUpdated[u.ID] = &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"mailboxIds"}}
		return
	}
	if !slices.Equal(boxes, e.MailboxIDs) || !slices.Equal(keywords, e.Keywords) {
		e.MailboxIDs, e.Keywords = boxes, keywords
		a.note(jmap.TypeEmail, string(u.ID), updated)
	}
	r.Updated[u.ID] = nil
}

// MailboxSet implements jmapserver.MailboxSetter.
func (a *Account) MailboxSet(_ context.Context, set *jmap.MailboxSet) (jmap.MailboxSetResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.state(jmap.TypeMailbox)
	if set.IfInState != "" && set.IfInState != old {
		return jmap.MailboxSetResult{}, jmap.StateMismatch
	}
	r := results[jmap.MailboxID, jmap.Mailbox](old)
	for _, c := range set.Create {
		if parent := r.Created[c.ParentCreation]; parent != nil {
			c.ParentID = parent.ID
		} else if c.ParentCreation != "" || c.ParentID != "" && !a.known([]jmap.MailboxID{c.ParentID}) {
			r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"parentId"}}
			continue
		}
		m := jmap.Mailbox{ID: jmap.MailboxID(a.newID("M")), Name: c.Name, ParentID: c.ParentID, Role: c.Role,
			SortOrder: c.SortOrder, IsSubscribed: c.IsSubscribed, MyRights: jmap.AllRights}
		a.boxes = append(a.boxes, m)
		a.note(jmap.TypeMailbox, string(m.ID), created)
		r.Created[c.CreationID] = &m
	}
	for _, u := range set.Update {
		a.updateMailbox(&u, &r)
	}
	for _, id := range set.Destroy {
		i := slices.IndexFunc(a.boxes, func(m jmap.Mailbox) bool { return m.ID == id })
		switch {
		case i < 0:
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
		case slices.ContainsFunc(a.boxes, func(m jmap.Mailbox) bool { return m.ParentID == id }):
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetMailboxHasChild}
		case !set.OnDestroyRemoveEmails && slices.ContainsFunc(a.emails, func(e *jmap.Email) bool { return slices.Contains(e.MailboxIDs, id) }):
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetMailboxHasEmail}
		default:
			a.boxes = slices.Delete(a.boxes, i, i+1)
			a.note(jmap.TypeMailbox, string(id), destroyed)
			r.Destroyed = append(r.Destroyed, id)
		}
	}
	r.NewState = a.state(jmap.TypeMailbox)
	return r, a.fail
}

func (a *Account) updateMailbox(u *jmap.MailboxUpdate, r *jmap.MailboxSetResult) {
	i := slices.IndexFunc(a.boxes, func(m jmap.Mailbox) bool { return m.ID == u.ID })
	if i < 0 {
		r.NotUpdated[u.ID] = &jmap.SetError{Type: jmap.SetNotFound}
		return
	}
	m := &a.boxes[i]
	if u.Name != nil {
		m.Name = *u.Name
	}
	if u.ParentID != nil {
		m.ParentID = *u.ParentID
	}
	if u.SortOrder != nil {
		m.SortOrder = *u.SortOrder
	}
	a.note(jmap.TypeMailbox, string(u.ID), updated)
	r.Updated[u.ID] = nil
}

// SubmissionSet implements jmapserver.Submitter. A mail to nobody@example.org is
// refused; every other one waits to be undone.
func (a *Account) SubmissionSet(_ context.Context, set *jmap.SubmissionSet) (jmap.SubmissionSetResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.state(jmap.TypeEmailSubmission)
	if set.IfInState != "" && set.IfInState != old {
		return jmap.SubmissionSetResult{}, jmap.StateMismatch
	}
	r := results[jmap.SubmissionID, jmap.Submission](old)
	for _, c := range set.Create {
		a.submit(&c, &r)
	}
	for _, id := range set.Cancel {
		for i := range a.subs {
			if a.subs[i].ID == id {
				a.subs[i].UndoStatus = jmap.UndoCanceled
				a.note(jmap.TypeEmailSubmission, string(id), updated)
				r.Updated[id] = nil
			}
		}
	}
	for _, id := range set.Destroy {
		i := slices.IndexFunc(a.subs, func(s jmap.Submission) bool { return s.ID == id })
		if i < 0 {
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
			continue
		}
		a.subs = slices.Delete(a.subs, i, i+1)
		a.note(jmap.TypeEmailSubmission, string(id), destroyed)
		r.Destroyed = append(r.Destroyed, id)
	}
	r.NewState = a.state(jmap.TypeEmailSubmission)
	return r, a.fail
}

func (a *Account) submit(c *jmap.SubmissionCreate, r *jmap.SubmissionSetResult) {
	e := a.email(c.EmailID)
	if e == nil {
		r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"emailId"}}
		return
	}
	if c.Envelope != nil && slices.ContainsFunc(c.Envelope.RcptTo, func(a jmap.EnvelopeAddress) bool { return a.Email == "nobody@example.org" }) {
		r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetInvalidRecipients, InvalidRecipients: []string{"nobody@example.org"}}
		return
	}
	s := jmap.Submission{ID: jmap.SubmissionID(a.newID("S")), IdentityID: c.IdentityID, EmailID: c.EmailID, ThreadID: e.ThreadID,
		Envelope: c.Envelope, SendAt: at("2026-03-05T12:00:00Z"), UndoStatus: jmap.UndoPending}
	a.subs = append(a.subs, s)
	a.note(jmap.TypeEmailSubmission, string(s.ID), created)
	r.Created[c.CreationID] = &s
}
