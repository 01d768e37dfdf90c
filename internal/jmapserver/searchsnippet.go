package jmapserver

import (
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// searchSnippetGet is SearchSnippet/get (RFC 8621, section 5.1). As many Emails
// may be asked for as of any /get.
func searchSnippetGet(c *call) error {
	filter := readFilter(&c.args, c.readEmailCondition)
	v := c.args.get("emailIds")
	if v.Kind() == ijson.Array && v.Len() > c.h.limits.MaxObjectsInGet {
		return jmap.RequestTooLarge
	}
	ids, ok := idsOf[jmap.EmailID](v)
	if !ok {
		c.args.fail("emailIds", "Id[]")
	}
	if err := c.args.done(); err != nil {
		return err
	}
	list, notFound, err := c.account.(SnippetReader).SearchSnippets(c.ctx, filter, ids)
	if err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = append(o.Key("list"), '[')
		for i := range list {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			o.B = list[i].AppendJSON(o.B)
		}
		o.B = append(o.B, ']')
		if len(notFound) == 0 {
			o.Null("notFound")
		} else {
			o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
		}
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return nil
}
