package jmapserver

import (
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// messageViewGet is MessageView/get of the vendor capability: what the rendering
// of the bodies of some Emails found. ids must be given; there is no state,
// because messages do not change.
func messageViewGet(c *call) error {
	ids, all, err := getIDs[jmap.EmailID](c)
	if err != nil {
		return err
	}
	if all {
		c.args.fail("ids", "Id[]")
	}
	if err := c.args.done(); err != nil {
		return err
	}
	list, notFound, err := c.account.(Viewer).MessageView(c.ctx, ids)
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
		o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
	})
	return nil
}
