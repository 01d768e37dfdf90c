package imap

// Event is what the server says by itself. The concrete types are listed
// here; a switch over them should ignore what it does not know.
type Event interface{ event() }

// ExistsEvent is a changed number of messages in the selected mailbox.
type ExistsEvent struct {
	Mailbox string // the selected mailbox
	Count   uint32
}

// RecentEvent is the obsolete RECENT count of RFC 3501.
type RecentEvent struct {
	Mailbox string
	Count   uint32
}

// ExpungeEvent is a message removed by sequence number: servers without
// QRESYNC enabled.
type ExpungeEvent struct {
	Mailbox string
	Seq     SeqNum
}

// VanishedEvent is a set of removed uids (RFC 7162, section 3.2.10).
type VanishedEvent struct {
	Mailbox string
	UIDs    UIDSet
	Earlier bool
}

// FetchEvent is message data nobody asked for: flags changed elsewhere, or new
// messages of NOTIFY. The row is valid until the handler returns. The uid may
// be missing (RFC 9051 servers send it, older ones need not).
type FetchEvent struct {
	Mailbox string
	Row     *FetchRow
}

// FlagsEvent is a changed list of the mailbox's flags, or of the permanent
// ones.
type FlagsEvent struct {
	Mailbox   string
	Flags     []Flag
	Permanent bool
}

// StatusEvent is an unsolicited STATUS (RFC 5465). Status.Mailbox names the
// mailbox.
type StatusEvent struct{ Status *Status }

// ListEvent is an unsolicited LIST: a mailbox created, renamed (OldName set),
// deleted (\NonExistent), subscribed (RFC 5465, section 5.4).
type ListEvent struct{ Entry *ListEntry }

// MetadataEvent is an unsolicited METADATA: names of changed entries.
type MetadataEvent struct {
	Mailbox string
	Entries []string
}

// SearchUpdateEvent is an ESEARCH with ADDTO or REMOVEFROM (RFC 5267) or one
// whose command is gone. Tag is the one of the command.
type SearchUpdateEvent struct{ Result *SearchResult }

// CapsEvent is a changed capability list.
type CapsEvent struct{ Caps Caps }

// StatusLineEvent is an untagged OK, NO or BAD that no command claimed, with
// its code: ALERT, NOTIFICATIONOVERFLOW, HIGHESTMODSEQ, ...
type StatusLineEvent struct {
	Kind StatusKind
	Code Code
	Text string // may be shown to a person when Code is ALERT
}

// ByeEvent says that the server ends the connection. The client's commands
// then fail with a StatusError of kind StatusBYE.
type ByeEvent struct {
	Code Code
	Text string
}

// UnknownEvent is any other untagged response, kept as tokens, valid until the
// handler returns.
type UnknownEvent struct{ Response *Response }

func (ExistsEvent) event()       {}
func (RecentEvent) event()       {}
func (ExpungeEvent) event()      {}
func (VanishedEvent) event()     {}
func (FetchEvent) event()        {}
func (FlagsEvent) event()        {}
func (StatusEvent) event()       {}
func (ListEvent) event()         {}
func (MetadataEvent) event()     {}
func (SearchUpdateEvent) event() {}
func (CapsEvent) event()         {}
func (StatusLineEvent) event()   {}
func (ByeEvent) event()          {}
func (UnknownEvent) event()      {}
