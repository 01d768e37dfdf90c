package imap

// Arg is an argument of a raw command.
type Arg interface{ encodeArg(*encoder) }

// RawArg is written as it stands. Control characters, braces and non-ASCII
// bytes are refused, so that it can neither end the line nor open a literal.
type RawArg string

// StringArg is written as atom, quoted string or literal, as it needs.
type StringArg string

// MailboxArg is a mailbox name.
type MailboxArg string

// ListArg is a parenthesized list.
type ListArg []Arg

func (a RawArg) encodeArg(e *encoder)     { e.label(string(a)) }
func (a StringArg) encodeArg(e *encoder)  { e.astring(string(a)) }
func (a MailboxArg) encodeArg(e *encoder) { e.mailbox(string(a)) }
func (a ListArg) encodeArg(e *encoder) {
	e.raw("(")
	for i, x := range a {
		if i > 0 {
			e.sp()
		}
		x.encodeArg(e)
	}
	e.raw(")")
}

// RawResult is the tagged answer of a raw command.
type RawResult struct {
	Code Code
	Text string
}

// Raw sends a command this package has no method for, as ("X-UID THING", ...).
// untagged sees every untagged response while the command is the oldest in
// flight and returns whether it took it; nil takes none. Verbs that change the
// stream (STARTTLS, COMPRESS, AUTHENTICATE, IDLE) are refused.
func (c *Client) Raw(verb string, untagged func(*Response) bool, args ...Arg) *Future[RawResult] {
	e := c.encode("")
	switch upperString([]byte(verb)) {
	case "STARTTLS", "COMPRESS", "AUTHENTICATE", "IDLE", "LOGIN", "LOGOUT":
		e.fail("verb %s has a method of its own", verb)
	}
	e.label(verb)
	for _, a := range args {
		e.sp()
		a.encodeArg(e)
	}
	v := new(RawResult)
	cmd := &command{name: verb, enc: e, finish: func(r *Response) { *v = RawResult{r.Code, r.Text} }}
	if untagged != nil {
		cmd.claim = func(r *Response, deliver bool) bool {
			return deliver && c.reached(cmd) && untagged(r)
		}
	}
	return start(c, v, cmd)
}
