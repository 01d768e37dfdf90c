package jmapserver

import (
	"context"
	"errors"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// BlobReferrer is the optional ability to say which Emails have a blob.
type BlobReferrer interface {
	// BlobEmails returns the Emails that reference a blob: it is the message of
	// one, or a part of it, or of a message attached to it. For what does not
	// exist, or may not be seen, there are none.
	BlobEmails(ctx context.Context, id jmap.BlobID) ([]jmap.EmailID, error)
}

// appendBlobCapability announces what an account can do with blobs (RFC 9404,
// section 3.1).
func (h *Handler) appendBlobCapability(dst []byte, a Account, info *jmap.AccountInfo) []byte {
	o := ijson.Open(dst)
	o.Uint("maxSizeBlobSet", uint64(h.limits.MaxSizeUpload))
	o.Uint("maxDataSources", maxDataSources)
	types := []string{}
	if able[BlobReferrer](a) {
		types = []string{"Email", "Mailbox", "Thread"}
	}
	if has(jmap.CapabilitySieve, a, info) {
		types = append(types, "SieveScript")
	}
	o.B = ijson.AppendStrings(o.Key("supportedTypeNames"), types)
	o.B = ijson.AppendStrings(o.Key("supportedDigestAlgorithms"), digestNames())
	return o.Close()
}

// blobCopy is Blob/copy (RFC 8620, section 6.3). It is of the core capability, so
// that its account is looked for here.
func blobCopy(c *call) error {
	id := c.args.str("accountId")
	fromID := c.args.str("fromAccountId")
	ids, err := c.blobIDs("blobIds")
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	to, ok := findAccount(c.person, id)
	if !ok {
		return jmap.AccountNotFound
	}
	from, ok := findAccount(c.person, fromID)
	switch {
	case !ok:
		return jmap.FromAccountNotFound
	case to.Info().IsReadOnly:
		return jmap.AccountReadOnly
	}
	made, failed := map[jmap.BlobID]*jmap.BlobID{}, map[jmap.BlobID]*jmap.SetError{}
	for _, id := range ids {
		copied, err := copyBlob(c.ctx, from, to, id, c.h.limits.MaxSizeUpload)
		refused := blobRefusal(err)
		switch {
		case err == nil:
			made[id] = &copied
		case refused != nil:
			failed[id] = refused
		default:
			return err
		}
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("fromAccountId", fromID)
		o.Str("accountId", id)
		appendMap(o, "copied", made, func(dst []byte, id *jmap.BlobID) []byte { return ijson.AppendString(dst, string(*id)) })
		appendMap(o, "notCopied", failed, appendSetError)
	})
	return nil
}

// blobRefusal is what a client is told of a blob that was not stored; nil if err
// is not about the blob.
func blobRefusal(err error) *jmap.SetError {
	var set *jmap.SetError
	switch {
	case errors.As(err, &set):
		return set
	case errors.Is(err, jmap.ErrNotFound):
		return &jmap.SetError{Type: jmap.SetNotFound}
	case errors.Is(err, errTooLong):
		return &jmap.SetError{Type: jmap.SetTooLarge}
	}
	return nil
}

func copyBlob(ctx context.Context, from, to Account, id jmap.BlobID, most int64) (jmap.BlobID, error) {
	blob, err := from.BlobOpen(ctx, id, jmap.ByteRange{})
	if err != nil {
		return "", err
	}
	defer blob.Body.Close()
	info, err := to.BlobPut(ctx, &bounded{r: blob.Body, left: most})
	return info.ID, err
}

// blobLookup is Blob/lookup (RFC 9404, section 4.3).
func blobLookup(c *call) error {
	names, ok := stringsOf(c.args.get("typeNames"))
	if !ok {
		c.args.fail("typeNames", "String[]")
	}
	ids, err := c.blobIDs("ids")
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	types := []string{}
	for _, n := range names {
		if !c.looksUp(n) {
			return jmap.UnknownDataType
		}
		if !slices.Contains(types, n) {
			types = append(types, n)
		}
	}
	found := make([]map[string][]string, len(ids))
	for i, id := range ids {
		if found[i], err = c.lookup(id); err != nil {
			return err
		}
	}
	if slices.Contains(types, "SieveScript") {
		if err := c.lookupScripts(ids, found); err != nil {
			return err
		}
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = append(o.Key("list"), '[')
		for i, id := range ids {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			item := ijson.Open(o.B)
			item.Str("id", string(id))
			in := ijson.Open(item.Key("matchedIds"))
			for _, t := range types {
				in.B = ijson.AppendStrings(in.Key(t), found[i][t])
			}
			item.B = in.Close()
			o.B = item.Close()
		}
		o.B = append(o.B, ']')
	})
	return nil
}

// looksUp reports whether a type can be looked up here, by whom asked for its
// capability.
func (c *call) looksUp(name string) bool {
	switch name {
	case "Email", "Mailbox", "Thread":
		return slices.Contains(c.using, jmap.CapabilityMail)
	case "SieveScript":
		return slices.Contains(c.using, jmap.CapabilitySieve) && has(jmap.CapabilitySieve, c.account, &c.info)
	}
	return false
}

// lookupScripts adds the scripts whose content each of the blobs is; they are few,
// and read once.
func (c *call) lookupScripts(ids []jmap.BlobID, found []map[string][]string) error {
	scripts, _, _, err := c.account.(SieveScripter).SieveGet(c.ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range scripts {
		if i := slices.Index(ids, s.BlobID); i >= 0 {
			found[i]["SieveScript"] = append(found[i]["SieveScript"], string(s.ID))
		}
	}
	return nil
}

// lookup finds what references a blob, by the names of types.
func (c *call) lookup(id jmap.BlobID) (map[string][]string, error) {
	found := map[string][]string{}
	emails, err := c.account.(BlobReferrer).BlobEmails(c.ctx, id)
	if err != nil || len(emails) == 0 {
		return found, err
	}
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropThreadID | jmap.EmailPropMailboxIDs}
	_, _, err = c.account.EmailGet(c.ctx, emails, want, func(e *jmap.Email) error {
		add := func(t, id string) {
			if !slices.Contains(found[t], id) {
				found[t] = append(found[t], id)
			}
		}
		add("Email", string(e.ID))
		add("Thread", string(e.ThreadID))
		for _, m := range e.MailboxIDs {
			add("Mailbox", string(m))
		}
		return nil
	})
	return found, err
}
