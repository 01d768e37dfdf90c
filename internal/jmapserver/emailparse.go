package jmapserver

import (
	"context"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// EmailParser is the optional ability to read blobs as messages.
type EmailParser interface {
	// EmailParse calls emit for each blob that is a message, in the order of ids,
	// with what want asks for, as EmailGet does; want.Props has none of
	// metadataProps. emit does not keep the Email.
	EmailParse(ctx context.Context, ids []jmap.BlobID, want *jmap.EmailFields, emit func(jmap.BlobID, *jmap.Email) error) (notParsable, notFound []jmap.BlobID, err error)
}

// metadataProps are null of a message that is not in a mail store (RFC 8621,
// section 4.9).
const metadataProps = jmap.EmailPropID | jmap.EmailPropThreadID | jmap.EmailPropMailboxIDs | jmap.EmailPropKeywords | jmap.EmailPropReceivedAt

// emailParse is Email/parse (RFC 8621, section 4.9).
func emailParse(c *call) error {
	ids, err := c.blobIDs("blobIds")
	if err != nil {
		return err
	}
	want := c.emailFields()
	switch names, given := c.args.stringsOrNull("properties"); {
	case !given:
		want.Props = jmap.DefaultEmailProps &^ jmap.IndexEmailProps
	case !slices.Contains(names, "id"):
		want.Props &^= jmap.EmailPropID
	}
	if err := c.args.done(); err != nil {
		return err
	}
	null := want.Props & metadataProps
	want.Props &^= metadataProps
	return c.respondParsed(ids, want, null)
}

func (c *call) respondParsed(ids []jmap.BlobID, want *jmap.EmailFields, null jmap.EmailProps) (err error) {
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = o.Key("parsed")
		from := len(o.B)
		in, any := ijson.Open(o.B), false
		notParsable, notFound, failed := c.account.(EmailParser).EmailParse(c.ctx, ids, want, func(id jmap.BlobID, e *jmap.Email) error {
			any = true
			in.B = withNulls(e.AppendJSON(in.Key(string(id)), want), null)
			if len(in.B) > maxResponseOctets {
				return errStop
			}
			return nil
		})
		if err = failed; any {
			o.B = in.Close()
		} else {
			o.B = append(in.B[:from], "null"...)
		}
		idsOrNull(o, "notParsable", notParsable)
		idsOrNull(o, "notFound", notFound)
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return err
}

// withNulls adds members that are null to the object that dst ends with.
func withNulls(dst []byte, props jmap.EmailProps) []byte {
	for _, p := range []struct {
		prop jmap.EmailProps
		name string
	}{
		{jmap.EmailPropID, "id"}, {jmap.EmailPropThreadID, "threadId"}, {jmap.EmailPropMailboxIDs, "mailboxIds"},
		{jmap.EmailPropKeywords, "keywords"}, {jmap.EmailPropReceivedAt, "receivedAt"},
	} {
		if props&p.prop == 0 {
			continue
		}
		if dst = dst[:len(dst)-1]; dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(ijson.AppendString(dst, p.name), ":null}"...)
	}
	return dst
}

func idsOrNull[ID ~string](o *ijson.Out, name string, ids []ID) {
	if len(ids) == 0 {
		o.Null(name)
		return
	}
	o.B = ijson.AppendStrings(o.Key(name), ids)
}

// blobIDs reads an argument that must be an Id[] of blobs, of which some may be
// "#" and the creation id of a Blob/upload. An id that stands for nothing is kept
// as it is: it will not be found.
func (c *call) blobIDs(name string) ([]jmap.BlobID, error) {
	list, ok := stringsOf(c.args.get(name))
	if !ok {
		c.args.fail(name, "Id[]")
		return nil, nil
	}
	if len(list) > c.h.limits.MaxObjectsInGet {
		return nil, jmap.RequestTooLarge
	}
	var ids []jmap.BlobID
	for _, s := range list {
		if !validReference(s) {
			c.args.fail(name, "Id[]")
		}
		if real, found := c.reference(s); found {
			s = real
		}
		if !slices.Contains(ids, jmap.BlobID(s)) {
			ids = append(ids, jmap.BlobID(s))
		}
	}
	return ids, nil
}
