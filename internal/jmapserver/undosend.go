package jmapserver

import (
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// appendUndoSend appends for how long the person can take a sent mail back.
func appendUndoSend(dst []byte, u *jmap.UndoSend) []byte {
	o := ijson.Open(dst)
	if u.Seconds != nil {
		o.Uint("seconds", *u.Seconds)
	} else {
		o.Null("seconds")
	}
	o.Uint("default", u.Default)
	o.Uint("most", u.Most)
	return o.Close()
}

// undoSendSet is UndoSend/set of the vendor capability: the person chooses for how
// long they can take a sent mail back.
func undoSendSet(c *call) error {
	var seconds *uint64
	if n, given := c.args.uintOrNull("seconds"); given {
		chosen := uint64(n)
		seconds = &chosen
	}
	if err := c.args.done(); err != nil {
		return err
	}
	switch u := c.info.UndoSend; {
	case u == nil:
		return jmap.AccountNotSupportedByMethod
	case seconds != nil && *seconds > u.Most:
		return invalidArguments("seconds: at most %d", u.Most)
	}
	if err := c.account.(UndoSender).SetUndoSend(c.ctx, seconds); err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) { o.Str("accountId", string(c.info.ID)) })
	return nil
}
