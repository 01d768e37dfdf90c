package imap

// Create makes a mailbox. use is optional: special uses such as `\Sent`
// (CREATE-SPECIAL-USE, RFC 6154, section 3). The value is the MAILBOXID
// (RFC 8474, section 4.2), "" when not told.
func (c *Client) Create(mailbox string, use ...string) *Future[string] {
	e := c.encode("CREATE")
	e.sp().mailbox(mailbox)
	if len(use) > 0 {
		e.raw(" (USE ").flags(asFlags(use)).raw(")")
	}
	v := new(string)
	return start(c, v, &command{name: "CREATE", enc: e, finish: func(r *Response) {
		if r.Code.Name == CodeMailboxID {
			*v = validObjectID(r.Code.Text())
		}
	}})
}

func asFlags(words []string) []Flag {
	out := make([]Flag, len(words))
	for i, w := range words {
		out[i] = Flag(w)
	}
	return out
}

// Delete removes a mailbox with all its messages.
func (c *Client) Delete(mailbox string) *Future[None] { return c.onMailbox("DELETE", mailbox) }

// Subscribe adds the mailbox to the subscribed ones.
func (c *Client) Subscribe(mailbox string) *Future[None] { return c.onMailbox("SUBSCRIBE", mailbox) }

// Unsubscribe removes the mailbox from the subscribed ones.
func (c *Client) Unsubscribe(mailbox string) *Future[None] {
	return c.onMailbox("UNSUBSCRIBE", mailbox)
}

func (c *Client) onMailbox(verb, mailbox string) *Future[None] {
	e := c.encode(verb)
	e.sp().mailbox(mailbox)
	return start(c, new(None), &command{name: verb, enc: e})
}

// Rename renames a mailbox and those below it (RFC 9051, section 6.3.6).
func (c *Client) Rename(from, to string) *Future[None] {
	e := c.encode("RENAME")
	e.sp().mailbox(from).sp().mailbox(to)
	return start(c, new(None), &command{name: "RENAME", enc: e})
}

// Noop does nothing but let the server speak.
func (c *Client) Noop() *Future[None] { return c.simple("NOOP") }

// Check asks for a checkpoint (RFC 3501, section 6.4.1; gone in rev2).
func (c *Client) Check() *Future[None] { return c.simple("CHECK") }

func (c *Client) simple(verb string) *Future[None] {
	return start(c, new(None), &command{name: verb, enc: c.encode(verb)})
}
