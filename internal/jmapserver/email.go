package jmapserver

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// emailGet is Email/get (RFC 8621, section 4.2).
func emailGet(c *call) error {
	ids, all, err := getIDs[jmap.EmailID](c)
	if err != nil {
		return err
	}
	want := c.emailFields()
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		if ids, err = allEmails(c, false); err != nil {
			return err
		}
	}
	return c.respondEmails(ids, want)
}

// respondEmails writes each Email as it comes, so that only one of them is in
// memory.
func (c *call) respondEmails(ids []jmap.EmailID, want *jmap.EmailFields) (err error) {
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = append(o.Key("list"), '[')
		first := true
		notFound, state, failed := c.account.EmailGet(c.ctx, ids, want, func(e *jmap.Email) error {
			if !first {
				o.B = append(o.B, ',')
			}
			first = false
			if o.B = e.AppendJSON(o.B, want); len(o.B) > maxResponseOctets {
				return errStop
			}
			return nil
		})
		err = failed
		o.B = append(o.B, ']')
		o.Str("state", string(state))
		o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return err
}

// allEmails returns the ids of all Emails, or of one Email of each Thread, or
// jmap.RequestTooLarge if one /get does not hold them (RFC 8620, section 5.1).
func allEmails(c *call, collapse bool) ([]jmap.EmailID, error) {
	q := jmap.EmailQuery{CollapseThreads: collapse}
	q.Window.Limit = c.h.limits.MaxObjectsInGet + 1
	r, err := c.account.EmailQuery(c.ctx, &q)
	if err == nil && len(r.IDs) > c.h.limits.MaxObjectsInGet {
		err = jmap.RequestTooLarge
	}
	return r.IDs, err
}

// emailFields reads what is wanted of each Email.
func (c *call) emailFields() *jmap.EmailFields {
	f := &jmap.EmailFields{Props: jmap.DefaultEmailProps, BodyProps: jmap.DefaultBodyProps}
	if names, given := c.args.stringsOrNull("properties"); given {
		f.Props = jmap.EmailPropID
		for _, n := range names {
			if p := jmap.ParseEmailProp(n); p != 0 {
				f.Props |= p
			} else {
				f.Headers = c.headerProp("properties", n, f.Headers)
			}
		}
	}
	if v := c.args.get("bodyProperties"); v.Kind() != ijson.Absent {
		names, ok := stringsOf(v)
		if !ok {
			c.args.fail("bodyProperties", "String[]")
		}
		f.BodyProps = 0
		for _, n := range names {
			if p := jmap.ParseBodyProp(n); p != 0 {
				f.BodyProps |= p
			} else {
				f.BodyHeaders = c.headerProp("bodyProperties", n, f.BodyHeaders)
			}
		}
	}
	f.FetchTextBodyValues = c.args.boolean("fetchTextBodyValues")
	f.FetchHTMLBodyValues = c.args.boolean("fetchHTMLBodyValues")
	f.FetchAllBodyValues = c.args.boolean("fetchAllBodyValues")
	most := c.args.integer("maxBodyValueBytes")
	if most < 0 {
		c.args.fail("maxBodyValueBytes", "UnsignedInt")
	}
	f.MaxBodyValueBytes = int(most)
	return f
}

// headerProp adds a "header:" property to list.
func (c *call) headerProp(arg, name string, list []jmap.HeaderProp) []jmap.HeaderProp {
	p, ok := jmap.ParseHeaderProp(name)
	if len(list) == maxProperties {
		c.args.fail(arg, "fewer properties")
		return list
	}
	if !ok {
		if c.args.err == nil {
			c.args.err = invalidArguments("%s: no property %s", arg, clip(name))
		}
		return list
	}
	if slices.Contains(list, p) {
		return list
	}
	return append(list, p)
}

// headerOf is the header field that a convenience property of an Email stands
// for (RFC 8621, section 4.1.3); Name is "" if it stands for none.
func headerOf(property string) jmap.HeaderProp {
	p := jmap.HeaderProp{Property: property}
	switch property {
	case "messageId":
		p.Name, p.Form = "Message-ID", jmap.FormMessageIDs
	case "inReplyTo":
		p.Name, p.Form = "In-Reply-To", jmap.FormMessageIDs
	case "references":
		p.Name, p.Form = "References", jmap.FormMessageIDs
	case "replyTo":
		p.Name, p.Form = "Reply-To", jmap.FormAddresses
	case "sender", "from", "to", "cc", "bcc":
		p.Name, p.Form = strings.ToUpper(property[:1])+property[1:], jmap.FormAddresses
	case "subject":
		p.Name, p.Form = "Subject", jmap.FormText
	case "sentAt":
		p.Name, p.Form = "Date", jmap.FormDate
	}
	return p
}
