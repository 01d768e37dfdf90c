package jmapservertest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// EmailImport implements jmapserver.EmailImporter. A message begins with
// "Subject: "; the account holds no two Emails of one subject.
func (a *Account) EmailImport(ctx context.Context, set *jmap.EmailImport) (jmap.EmailSetResult, error) {
	a.mu.Lock()
	old := a.state(jmap.TypeEmail)
	a.mu.Unlock()
	if set.IfInState != "" && set.IfInState != old {
		return jmap.EmailSetResult{}, jmap.StateMismatch
	}
	r := results[jmap.EmailID, jmap.EmailCreated](old)
	for i := range set.Emails {
		e := &set.Emails[i]
		made, err := a.importOne(ctx, e)
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			r.NotCreated[e.CreationID] = refused
		case err != nil:
			return r, err
		default:
			r.Created[e.CreationID] = made
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r.NewState = a.state(jmap.TypeEmail)
	return r, a.fail
}

func (a *Account) importOne(ctx context.Context, c *jmap.ImportedEmail) (*jmap.EmailCreated, error) {
	open := c.Open
	if open == nil {
		open = func(ctx context.Context) (*jmap.Blob, error) { return a.BlobOpen(ctx, c.BlobID, jmap.ByteRange{}) }
	}
	blob, err := open(ctx)
	if errors.Is(err, jmap.ErrNotFound) {
		return nil, &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"blobId"}}
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(blob.Body)
	if err != nil {
		return nil, err
	}
	subject, ok := subjectOf(data)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !ok:
		return nil, &jmap.SetError{Type: jmap.SetInvalidEmail}
	case !a.known(c.MailboxIDs):
		return nil, &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"mailboxIds"}}
	}
	for _, e := range a.emails {
		if *e.Subject == subject {
			return nil, &jmap.SetError{Type: jmap.SetAlreadyExists, ExistingID: string(e.ID)}
		}
	}
	received := c.ReceivedAt
	if received.IsZero() {
		received = at("2026-03-05T12:00:00Z")
	}
	id := a.newID("e")
	e := &jmap.Email{ID: jmap.EmailID(id), BlobID: jmap.BlobID("B" + id), ThreadID: jmap.ThreadID("t" + id), Size: uint64(len(data)),
		MailboxIDs: c.MailboxIDs, Keywords: c.Keywords, ReceivedAt: received, Subject: &subject}
	a.emails, a.blobs[e.BlobID] = append(a.emails, e), data
	a.note(jmap.TypeEmail, id, created)
	return &jmap.EmailCreated{ID: e.ID, BlobID: e.BlobID, ThreadID: e.ThreadID, Size: e.Size}, nil
}

// subjectOf reads as much of a message as this package understands.
func subjectOf(data []byte) (string, bool) {
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.CutPrefix(strings.TrimSuffix(line, "\r"), "Subject: ")
}

// EmailParse implements jmapserver.EmailParser: it reads the subject.
func (a *Account) EmailParse(_ context.Context, ids []jmap.BlobID, want *jmap.EmailFields, emit func(jmap.BlobID, *jmap.Email) error) (notParsable, notFound []jmap.BlobID, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		data, ok := a.blobs[id]
		if !ok {
			notFound = append(notFound, id)
			continue
		}
		subject, ok := subjectOf(data)
		if !ok {
			notParsable = append(notParsable, id)
			continue
		}
		e := &jmap.Email{BlobID: id, Size: uint64(len(data)), Subject: &subject, BodyValues: bodyValues(want)}
		e.Values = values(want.Headers, []jmap.Header{{Name: "Subject", Value: " " + subject}})
		if err := emit(id, e); err != nil {
			return nil, nil, err
		}
	}
	return notParsable, notFound, a.fail
}

// BlobEmails implements jmapserver.BlobReferrer.
func (a *Account) BlobEmails(_ context.Context, id jmap.BlobID) (list []jmap.EmailID, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.emails {
		if e.BlobID == id || slices.ContainsFunc(e.Attachments, func(p *jmap.BodyPart) bool { return p.BlobID == id }) {
			list = append(list, e.ID)
		}
	}
	return list, a.fail
}
