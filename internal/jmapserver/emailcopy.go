package jmapserver

import (
	"context"
	"errors"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// emailCopy is Email/copy (RFC 8621, section 4.7; RFC 8620, section 5.4).
func emailCopy(c *call) error {
	from, err := c.fromAccount()
	if err != nil {
		return err
	}
	ifFromInState := jmap.State(c.args.strOrNull("ifFromInState"))
	set := jmap.EmailImport{IfInState: jmap.State(c.args.strOrNull("ifInState"))}
	create, err := c.readCreations("create")
	if err != nil {
		return err
	}
	destroy := c.args.boolean("onSuccessDestroyOriginal")
	next := setArgs{ifInState: jmap.State(c.args.strOrNull("destroyFromIfInState"))}
	if err := c.args.done(); err != nil {
		return err
	}
	r := newResult[jmap.EmailID, jmap.EmailCreated]()
	copies := c.readCopies(create, &r)
	if err := from.readOriginals(copies, ifFromInState, &r); err != nil {
		return err
	}
	for _, e := range copies {
		if r.NotCreated[e.CreationID] == nil {
			set.Emails = append(set.Emails, e.ImportedEmail)
		}
	}
	done, err := c.account.(EmailImporter).EmailImport(c.ctx, &set)
	if err != nil {
		return err
	}
	remember(c, done.Created, func(e *jmap.EmailCreated) string { return string(e.ID) })
	merge(&r, &done)
	respondCreated(c, from.info.ID, &r)
	for _, e := range copies {
		if r.Created[e.CreationID] != nil && !slices.Contains(next.destroy, string(e.original)) {
			next.destroy = append(next.destroy, string(e.original))
		}
	}
	if destroy && len(next.destroy) > 0 {
		from.destroyOriginals(next)
	}
	return nil
}

// fromAccount is the call as it would be made of the account that fromAccountId
// names.
func (c *call) fromAccount() (*call, error) {
	id := c.args.str("fromAccountId")
	if c.args.err != nil {
		return nil, c.args.err
	}
	if jmap.AccountID(id) == c.info.ID {
		return nil, invalidArguments("fromAccountId: it must not be the accountId")
	}
	a, ok := findAccount(c.person, id)
	if !ok {
		return nil, jmap.FromAccountNotFound
	}
	info := a.Info()
	if !has(jmap.CapabilityMail, a, &info) {
		return nil, jmap.FromAccountNotSupportedByMethod
	}
	return &call{ctx: c.ctx, exchange: c.exchange, name: c.name, id: c.id, account: a, info: info}, nil
}

// copied is an Email to be copied.
type copied struct {
	jmap.ImportedEmail
	original    jmap.EmailID
	setKeywords bool
}

// readCopies reads what is to be copied, and puts what is wrong into r.
func (c *call) readCopies(create []ijson.Value, r *jmap.EmailSetResult) (list []*copied) {
	for _, v := range create {
		e := &copied{ImportedEmail: jmap.ImportedEmail{CreationID: jmap.CreationID(v.Name())}}
		wrong := []string(nil)
		for _, m := range v.Elems() {
			ok := false
			switch m.Name() {
			case "id":
				ok = c.readReference(m, (*string)(&e.original))
			default: // anything but these three cannot be changed by copying
				ok = c.readFiling(m, &e.ImportedEmail)
			}
			if !ok {
				wrong = append(wrong, m.Name())
			}
		}
		e.setKeywords = v.Get("keywords").Kind() != ijson.Absent
		if v.Get("id").Kind() == ijson.Absent {
			wrong = append(wrong, "id")
		}
		// The current value is not valid in the other account (RFC 8621, section
		// 4.10).
		if v.Get("mailboxIds").Kind() == ijson.Absent {
			wrong = append(wrong, "mailboxIds")
		}
		if wrong != nil {
			r.NotCreated[e.CreationID] = invalid(wrong...)
			continue
		}
		list = append(list, e)
	}
	return list
}

// readOriginals reads from the account that is copied from what the copies do not
// set.
func (c *call) readOriginals(list []*copied, ifInState jmap.State, r *jmap.EmailSetResult) error {
	var ids []jmap.EmailID
	for _, e := range list {
		if !slices.Contains(ids, e.original) {
			ids = append(ids, e.original)
		}
	}
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropBlobID | jmap.EmailPropKeywords | jmap.EmailPropReceivedAt}
	notFound, state, err := c.account.EmailGet(c.ctx, ids, want, func(o *jmap.Email) error {
		for _, e := range list {
			if e.original == o.ID {
				c.take(e, o)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if ifInState != "" && ifInState != state {
		return jmap.StateMismatch
	}
	for _, e := range list {
		if slices.Contains(notFound, e.original) {
			r.NotCreated[e.CreationID] = &jmap.SetError{Type: jmap.SetNotFound}
		}
	}
	return nil
}

// take fills e from its original, which the caller does not keep.
func (c *call) take(e *copied, o *jmap.Email) {
	if !e.setKeywords {
		e.Keywords = slices.Clone(o.Keywords)
	}
	if e.ReceivedAt.IsZero() {
		e.ReceivedAt = o.ReceivedAt
	}
	from, blob := c.account, o.BlobID
	e.Open = func(ctx context.Context) (*jmap.Blob, error) { return from.BlobOpen(ctx, blob, jmap.ByteRange{}) }
}

// destroyOriginals makes the one implicit Email/set after a copy. Its response
// follows that of the copy; if it fails, so does its error: the copy stands.
func (c *call) destroyOriginals(s setArgs) {
	if c.info.IsReadOnly {
		c.respondError(jmap.AccountReadOnly)
		return
	}
	out, done := len(c.out), len(c.done)
	if err := c.setEmails(s); err != nil {
		c.out, c.done = c.out[:out], c.done[:done]
		if errors.Is(err, jmap.StateMismatch) && s.ifInState == "" {
			err = jmap.ServerFail // no state was given to be mismatched
		}
		c.respondError(err)
	}
}
