package upstream

import (
	"time"

	"cofferdam/internal/jmap"
)

// Identity is how mails are told apart across mailboxes, best first. It decides
// what Row.ID holds.
type Identity uint8

// The tiers of DESIGN section 4.
const (
	// IdentityNone: the server has no such thing. Row.ID is empty, Row.Header
	// has the fields from which replica makes a keyed fingerprint.
	IdentityNone Identity = iota
	// IdentityObject: OBJECTID (RFC 8474). Row.ID is an EMAILID.
	IdentityObject
	// IdentityGUID: Dovecot's X-GUID.
	IdentityGUID
	// IdentityGmail: X-GM-MSGID, in decimal.
	IdentityGmail
)

// String names the tier, for logs and tables.
func (i Identity) String() string {
	return [...]string{"fingerprint", "objectid", "x-guid", "x-gm-msgid"}[i]
}

// Info is what a Store can do.
type Info struct {
	Identity Identity
	// ServerThreads: Row.ThreadID is filled in.
	ServerThreads bool
	// Push: Watch learns of changes in all mailboxes at once. Otherwise it
	// polls those that are not the inbox.
	Push bool
	// Resync names the cheapest way to find changes, for logs: "qresync",
	// "condstore" or "plain".
	Resync string
	// Sorts are what Sort can order by.
	Sorts []jmap.SortProperty
	// MaxSize is the largest mail that Append takes in bytes; 0: not known.
	MaxSize int64
	// Prefix is what the names of the person's own mailboxes begin with, the inbox
	// apart: "INBOX." or "". A mailbox directly behind it is at the top level.
	Prefix string
	// Roles are those that CreateBox can give to a mailbox.
	Roles []jmap.Role
	// Quota: the Store is a Quotaer whose server has quotas.
	Quota bool
	// Server is the name that the server gives itself, for logs.
	Server string
}

// Box is a mailbox.
type Box struct {
	Name      string // the handle in all calls; decoded, with delimiters
	Delimiter string // "" in a flat namespace
	ID        string // the server's own id if it is a valid JMAP id, else ""
	Role      jmap.Role
	Inbox     bool
	// Selectable is false for a name that only holds others (\Noselect): it is
	// shown as an empty Mailbox.
	Selectable bool
	// Blind is set when the server lists the mailbox and cannot say now what is in
	// it: ID and Marks are not known, and it counts as not Selectable.
	Blind bool
	// NoChildren is set for a name that can have none (\Noinferiors).
	NoChildren bool
	Subscribed bool
	Rights     jmap.Rights
	Marks      Marks
}

// Marks tell how far a mailbox has come. Equal Marks with a ModSeq that is not
// zero mean that nothing has changed.
type Marks struct {
	UIDValidity uint32
	UIDNext     UID
	ModSeq      uint64 // zero: the server has none
	Messages    uint32
	Unseen      uint32
}

// Row is what an index needs to know of a mail.
type Row struct {
	UID      UID
	ID       string // see Identity; empty when the server gave none
	ThreadID string // the server's, when ServerThreads
	Flags    []string
	Date     time.Time // INTERNALDATE
	Size     int64     // bytes
	// Header has the fields that IndexFields names.
	Header []byte
}

// IndexFields are the header fields that Row.Header has.
func IndexFields() []string {
	return []string{"Message-ID", "In-Reply-To", "References", "Subject", "Date", "From"}
}

// Known is what a caller of Sync knows of a mailbox.
type Known struct {
	Marks Marks // of the last Sync, UIDs or Newest
	// UIDs returns the uids that the caller has. It is asked only when the
	// server cannot tell what vanished.
	UIDs func() UIDSet
}

// Sink takes what Sync finds, in any order. Changes that the caller knows
// already, and uids that it never had, may be among them.
type Sink struct {
	Row      func(*Row)                    // a mail that came after Known.Marks.UIDNext
	Flags    func(uid UID, flags []string) // the flags of a mail
	Vanished func(UIDSet)                  // mails that are gone
}

// Event is something that Watch tells. The zero Event with Boxes set means that
// the list of mailboxes has changed.
type Event struct {
	Box   string // changed mails in this mailbox; "": not about one
	Boxes bool   // mailboxes were made, renamed or deleted
	// Marks are the new ones, if the server sent them.
	Marks *Marks
}
