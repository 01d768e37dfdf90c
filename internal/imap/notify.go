package imap

// NotifyEvent is an event of NOTIFY (RFC 5465, section 5).
type NotifyEvent string

// The events.
const (
	NotifyMessageNew         NotifyEvent = "MessageNew"
	NotifyMessageExpunge     NotifyEvent = "MessageExpunge"
	NotifyFlagChange         NotifyEvent = "FlagChange"
	NotifyAnnotationChange   NotifyEvent = "AnnotationChange"
	NotifyMailboxName        NotifyEvent = "MailboxName"
	NotifySubscriptionChange NotifyEvent = "SubscriptionChange"
	NotifyMailboxMetadata    NotifyEvent = "MailboxMetadataChange"
	NotifyServerMetadata     NotifyEvent = "ServerMetadataChange"
)

// NotifyGroup asks for events of some mailboxes. No events means NONE.
type NotifyGroup struct {
	Scope  SearchScope
	Events []NotifyEvent
	// NewItems are fetched of each new message; for the selected mailbox only.
	NewItems []FetchItem
}

// NotifyOptions is a whole NOTIFY SET.
type NotifyOptions struct {
	// Status asks for a STATUS of every watched mailbox right away (section
	// 3.1); they come as StatusEvent.
	Status bool
	Groups []NotifyGroup
}

// Notify replaces what the server tells unasked (RFC 5465). No groups means
// NONE. What it tells comes to the handler: StatusEvent, ListEvent, FetchEvent,
// and StatusLineEvent with CodeNotificationOverflow when it gave up.
func (c *Client) Notify(opts NotifyOptions) *Future[None] {
	e := c.encode("NOTIFY")
	if len(opts.Groups) == 0 {
		e.raw(" NONE")
		return start(c, new(None), &command{name: "NOTIFY", enc: e})
	}
	e.raw(" SET")
	if opts.Status {
		e.raw(" STATUS")
	}
	for _, g := range opts.Groups {
		g.encode(e)
	}
	return start(c, new(None), &command{name: "NOTIFY", enc: e})
}

func (g NotifyGroup) encode(e *encoder) {
	e.raw(" (")
	g.Scope.encode(e)
	e.sp()
	if len(g.Events) == 0 {
		e.raw("NONE)")
		return
	}
	e.raw("(")
	for i, ev := range g.Events {
		if i > 0 {
			e.sp()
		}
		e.atom(string(ev))
		if ev == NotifyMessageNew && len(g.NewItems) > 0 {
			e.sp()
			encodeFetchItems(e, g.NewItems, false)
		}
	}
	e.raw("))")
}
