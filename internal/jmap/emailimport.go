package jmap

import (
	"context"
	"time"
)

// EmailImport is one Email/import (RFC 8621, section 4.8), or what an Email/copy
// writes (section 4.7): messages that are stored as they are.
type EmailImport struct {
	IfInState State // "" is null
	Emails    []ImportedEmail
}

// ImportedEmail is a message to be stored.
type ImportedEmail struct {
	CreationID CreationID
	BlobID     BlobID // of this account; not looked at if Open is given
	MailboxIDs []MailboxID
	Keywords   []Keyword
	// ReceivedAt zero is the time in the newest Received field, or now if there
	// is none.
	ReceivedAt time.Time
	// Open opens a message that is elsewhere; it may be called again and again.
	// ErrNotFound: it is gone.
	Open func(ctx context.Context) (*Blob, error)
}
