package jmapserver

import "cofferdam/internal/jmap"

// threadGet is Thread/get (RFC 8621, section 3.1).
func threadGet(c *call) error {
	ids, all, err := getIDs[jmap.ThreadID](c)
	if err != nil {
		return err
	}
	want := c.properties("emailIds")
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		if ids, err = allThreads(c); err != nil {
			return err
		}
	}
	list, notFound, state, err := c.account.ThreadGet(c.ctx, ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, t *jmap.Thread) []byte {
		return t.AppendJSON(dst, want)
	})
}

// allThreads returns the ids of all Threads, or jmap.RequestTooLarge if one /get
// does not hold them (RFC 8620, section 5.1).
func allThreads(c *call) ([]jmap.ThreadID, error) {
	emails, err := allEmails(c, true)
	if err != nil {
		return nil, err
	}
	threads := make([]jmap.ThreadID, 0, len(emails))
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropThreadID}
	_, _, err = c.account.EmailGet(c.ctx, emails, want, func(e *jmap.Email) error {
		threads = append(threads, e.ThreadID)
		return nil
	})
	return threads, err
}
