package jmapserver

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// EmailImporter is the optional ability to store messages as they are.
type EmailImporter interface {
	// EmailImport stores messages, each whole or not at all. jmap.StateMismatch:
	// IfInState is not the current state; then nothing was done. Errors of one:
	// invalidProperties (blobId, mailboxIds, keywords), alreadyExists, overQuota,
	// tooLarge, tooManyKeywords, tooManyMailboxes, forbidden, invalidEmail, and
	// notFound where Open says so. What is not a message in every way may be
	// mended; then the blob of the Email is another one.
	EmailImport(ctx context.Context, set *jmap.EmailImport) (jmap.EmailSetResult, error)
}

// emailImport is Email/import (RFC 8621, section 4.8).
func emailImport(c *call) error {
	set := jmap.EmailImport{IfInState: jmap.State(c.args.strOrNull("ifInState"))}
	emails, err := c.readCreations("emails")
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	r := newResult[jmap.EmailID, jmap.EmailCreated]()
	for _, m := range emails {
		e, bad := c.readImport(m)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Emails = append(set.Emails, *e)
	}
	next, err := c.account.(EmailImporter).EmailImport(c.ctx, &set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(e *jmap.EmailCreated) string { return string(e.ID) })
	merge(&r, &next)
	respondCreated(c, "", &r)
	return nil
}

// readCreations reads an argument that maps creation ids to objects and must be
// there.
func (c *call) readCreations(name string) ([]ijson.Value, error) {
	v := c.args.get(name)
	if v.Kind() != ijson.Object {
		c.args.fail(name, "an object that maps creation ids to objects")
		return nil, nil
	}
	if v.Len() > c.h.limits.MaxObjectsInSet {
		return nil, jmap.RequestTooLarge
	}
	for _, m := range v.Elems() {
		if !jmap.ValidID(m.Name()) {
			c.args.fail(name, "an Id as each creation id")
		}
		if m.Kind() != ijson.Object {
			c.args.fail(name, "objects")
		}
	}
	return v.Elems(), nil
}

// readImport reads one EmailImport object.
func (c *call) readImport(v ijson.Value) (*jmap.ImportedEmail, *jmap.SetError) {
	e := &jmap.ImportedEmail{CreationID: jmap.CreationID(v.Name())}
	var wrong []string
	for _, m := range v.Elems() {
		ok := false
		if m.Name() == "blobId" {
			ok = c.readReference(m, (*string)(&e.BlobID))
		} else {
			ok = c.readFiling(m, e)
		}
		if !ok {
			wrong = append(wrong, m.Name())
		}
	}
	if v.Get("blobId").Kind() == ijson.Absent {
		wrong = append(wrong, "blobId")
	}
	if v.Get("mailboxIds").Kind() == ijson.Absent {
		wrong = append(wrong, "mailboxIds")
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return e, nil
}

// readFiling reads a property that says how a message is to be filed.
func (c *call) readFiling(m ijson.Value, e *jmap.ImportedEmail) (ok bool) {
	switch m.Name() {
	case "mailboxIds":
		e.MailboxIDs, ok = readSetOf(m, func(s string) (jmap.MailboxID, bool) {
			id, ok := c.reference(s)
			return jmap.MailboxID(id), ok
		})
		return ok && len(e.MailboxIDs) > 0
	case "keywords":
		e.Keywords, ok = readSetOf(m, jmap.ParseKeyword)
		return ok
	case "receivedAt":
		return readUTCDate(m, &e.ReceivedAt)
	}
	return false
}

// respondCreated appends the response to a method that only creates. from is the
// account that was copied from; "" is left out.
func respondCreated(c *call, from jmap.AccountID, r *jmap.EmailSetResult) {
	c.respond(c.name, func(o *ijson.Out) {
		if from != "" {
			o.Str("fromAccountId", string(from))
		}
		o.Str("accountId", string(c.info.ID))
		if r.OldState == "" {
			o.Null("oldState")
		} else {
			o.Str("oldState", string(r.OldState))
		}
		o.Str("newState", string(r.NewState))
		appendMap(o, "created", r.Created, func(dst []byte, e *jmap.EmailCreated) []byte { return e.AppendJSON(dst) })
		appendMap(o, "notCreated", r.NotCreated, appendSetError)
	})
}
