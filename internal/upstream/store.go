package upstream

import (
	"context"
	"io"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
)

// UID names a mail in one mailbox under one UIDVALIDITY. Sets of them keep
// IMAP's compact form whatever the Store is.
type (
	UID    = imap.UID
	UIDSet = imap.UIDSet
)

// Store is one person's mail elsewhere. Errors are those of errors.go.
type Store interface {
	Reader
	Finder
	Writer

	// Info says what the Store can do; the first call may connect and probe.
	// Later calls return the same value without a network.
	Info(ctx context.Context) (Info, error)

	// Boxes lists all mailboxes, with their Marks where they can be selected.
	Boxes(ctx context.Context) ([]Box, error)

	// Watch tells what changes, until ctx ends (then it returns ctx.Err()) or
	// the connection is lost (a temporary error: whatever happened since is not
	// told, so look at Boxes before watching again). It calls ready once when
	// nothing that happens from now on will be missed.
	Watch(ctx context.Context, ready func(), emit func(Event)) error

	// Close ends all connections. Calls under way fail. It is safe to call it
	// twice.
	Close() error
}

// Reader reads mails.
type Reader interface {
	// UIDs returns the uids of a mailbox. Marks.UIDValidity, UIDNext and ModSeq
	// are those of the same moment or an earlier one.
	UIDs(ctx context.Context, box string) (UIDSet, Marks, error)

	// Rows reads what an index needs of each of the uids, in any order. Those
	// that are gone are left out. The rows are fn's to keep.
	Rows(ctx context.Context, at Place, uids UIDSet, fn func(*Row)) error

	// Newest reads the n newest mails from offset, by uid, and calls fn in the
	// order of arrival, newest first. It serves the first page while there is no
	// index: a server's SORT would be exact, and read every mail for it. Of the
	// Marks it tells UIDValidity and Messages.
	Newest(ctx context.Context, box string, offset, n int, fn func(*Row)) (Marks, error)

	// Sync tells what happened to a mailbox since known, and its new Marks.
	// known.Marks.UIDValidity no longer being true is ErrStale.
	Sync(ctx context.Context, box string, known Known, sink Sink) (Marks, error)

	// Fetch reads content of mails of any number of mailboxes in one exchange.
	// fn gets them in any order; what is gone is left out. ErrStale of one
	// mailbox fails the call.
	Fetch(ctx context.Context, asks []Ask, fn func(*Content)) error

	// Chunk reads up to n bytes from offset of a section of a mail ("": the
	// whole mail, "1.2": the body of a part, still encoded). Fewer bytes than n
	// means that the section ends there. ErrGone: no such mail any more.
	Chunk(ctx context.Context, at Place, uid UID, section string, offset int64, n int) ([]byte, error)
}

// Finder is what only the words of the mails can answer.
type Finder interface {
	// Search finds the mails of a mailbox that match all terms.
	Search(ctx context.Context, at Place, terms []Term) (UIDSet, error)

	// Sort returns all uids of a mailbox, ordered. ErrUnsupported when the
	// server cannot.
	Sort(ctx context.Context, at Place, by []jmap.Comparator) ([]UID, error)
}

// Writer changes mails. Each call says what became of it: after an error
// that is not an ErrPartial nothing has changed, except where the connection
// was lost (ErrUnavailable) and the caller must look.
type Writer interface {
	// SetFlags adds and removes flags (as IMAP writes them) of the uids. It
	// never replaces flags that it does not name. ErrForbidden: the mailbox is
	// read only or cannot keep a keyword.
	SetFlags(ctx context.Context, at Place, uids UIDSet, add, remove []string) error

	// Copy copies mails to another mailbox. ErrNoBox, ErrOverQuota.
	Copy(ctx context.Context, at Place, uids UIDSet, to string) (Placed, error)

	// Move moves mails to another mailbox. Whatever happens each mail is in at
	// least one of the two.
	Move(ctx context.Context, at Place, uids UIDSet, to string) (Placed, error)

	// Remove removes exactly these mails. It never removes a mail that somebody
	// else has marked as deleted. ErrForbidden: this server cannot remove them
	// without touching others at this moment.
	Remove(ctx context.Context, at Place, uids UIDSet) error

	// Append stores a mail. ErrTooLarge, ErrOverQuota, ErrNoBox.
	Append(ctx context.Context, box string, m Message) (Appended, error)
}

// Boxmaker is the optional ability to make and change mailboxes. Names are those
// of Box.Name. After an error nothing has changed, except where the connection
// was lost (ErrUnavailable) and the caller must look at Boxes. A server that gives
// no reason makes ErrForbidden of each.
type Boxmaker interface {
	// CreateBox makes a mailbox and subscribes to it. role is one of Info.Roles
	// or "". ErrExists, ErrBadName, ErrForbidden, ErrOverQuota.
	CreateBox(ctx context.Context, name string, role jmap.Role) error

	// RenameBox renames a mailbox and all under it. The inbox is refused with
	// ErrForbidden: RENAME INBOX empties it and makes another mailbox (RFC 9051,
	// section 6.3.6). Subscriptions may stay at the old names. ErrNoBox,
	// ErrExists, ErrBadName.
	RenameBox(ctx context.Context, from, to string) error

	// DeleteBox deletes a mailbox with every mail in it; what lies under it
	// stays. The inbox is refused with ErrForbidden. ErrNoBox.
	DeleteBox(ctx context.Context, name string) error

	// SubscribeBox changes a subscription. It may exist without the mailbox.
	SubscribeBox(ctx context.Context, name string, on bool) error
}

// Place is a mailbox under one UIDVALIDITY.
type Place struct {
	Box      string
	Validity uint32
}

// Message is a mail to be stored.
type Message struct {
	Body  io.Reader // exactly Size bytes
	Size  int64
	Flags []string
	Date  time.Time // when it was received; zero: now
	// MessageID is the mail's own, without brackets: a server that does not say
	// which uid it gave is asked for it.
	MessageID string
}

// Appended says where a mail was stored. UID is zero when the server did not
// say and it could not be found out; then Sync will tell.
type Appended struct {
	Validity uint32
	UID      UID
}

// Placed says where copies went. Pairs is empty when the server does not tell;
// then Sync of the destination will.
type Placed struct {
	Validity uint32
	Pairs    []UIDPair
}

// UIDPair is the uid of a mail at its old and its new place.
type UIDPair struct{ From, To UID }
