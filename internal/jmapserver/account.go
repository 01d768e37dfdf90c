package jmapserver

import (
	"context"
	"io"

	"cofferdam/internal/jmap"
)

// Person is who asks: one person that is unlocked in this cell.
type Person struct {
	// Key tells people apart in this process. It is never shown.
	Key      string
	Username string // what the person signs in with
	// Accounts is all that the person may use. The first is their own.
	Accounts []Account
	// Push has the PushSubscriptions of the session that asks; nil: nothing can be
	// pushed here.
	Push PushSubscriber
}

// Account is all that may be asked of one unlocked mail account. It is declared
// here, where it is used; internal/account implements it.
//
// # Contract of all methods
//
// They are safe for concurrent use, and return soon after ctx is done.
//
// An error that the RFC has a word for is that word: a jmap.ErrorType or a
// *jmap.MethodError, possibly wrapped. jmap.ServerUnavailable says that the same
// call may succeed later (the mail platform is away). Any other error reaches
// the client as serverFail, without its text. Beside an error, results mean
// nothing, and nothing has been changed.
//
// A list of ids holds none twice and at most as many as the server announces;
// an id that does not exist is not an error. Results are in the order of the
// ids unless something else is said, ids that do not exist are left out of them
// and named in notFound.
//
// A State that is returned with objects was true no later than they were read,
// so that nothing is missed by a client that asks for changes from it.
//
// Optional abilities are the further interfaces below: what no Account of the
// person implements is answered unknownMethod, and is not announced.
type Account interface {
	Stater
	MailboxReader
	EmailReader
	EmailSetter
	ThreadReader
	BlobStore
}

// Stater knows how far an account has come.
type Stater interface {
	// Info is cheap, never blocks on a network, and changes only when something
	// in it has truly changed: it is part of the Session's state.
	Info() jmap.AccountInfo

	// State is the current state of a type.
	State(ctx context.Context, t jmap.Type) (jmap.State, error)

	// Changes is what happened since a state: at most max ids in all (max > 0).
	// A move is an update. jmap.CannotCalculateChanges: since is unknown or too
	// old, or no intermediate state with so few ids exists.
	Changes(ctx context.Context, t jmap.Type, since jmap.State, max int) (jmap.Changes, error)

	// WaitChange blocks until the state of at least one type that have names
	// differs from what have says, then returns the current states of all types
	// that the account has (jmap.TypeEmailDelivery among them, whose state
	// changes only when mail arrives: RFC 8621, section 1.5). With have empty it
	// returns them at once. It is level-triggered: nothing is lost between two
	// calls. ctx ends it with ctx.Err().
	WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error)
}

// MailboxReader reads Mailboxes. Mailbox/query is done over them by the server.
type MailboxReader interface {
	// MailboxGet returns the Mailboxes with these ids, or all of them if ids is
	// nil (not merely empty).
	MailboxGet(ctx context.Context, ids []jmap.MailboxID) (list []jmap.Mailbox, notFound []jmap.MailboxID, state jmap.State, err error)
}

// EmailReader finds and reads Emails.
type EmailReader interface {
	// EmailQuery finds Emails (RFC 8621, section 4.4). The errors are
	// jmap.AnchorNotFound, jmap.UnsupportedSort and jmap.UnsupportedFilter. A
	// keyword in a filter is in lower case; a Mailbox that does not exist
	// matches nothing. Text is the raw string of the client: quotes and
	// backslashes in it are to be read as section 4.4.1 says.
	EmailQuery(ctx context.Context, q *jmap.EmailQuery) (jmap.EmailQueryResult, error)

	// EmailGet calls emit for each Email, in any order, as soon as it is there.
	// emit does not keep the Email or anything in it: the memory may be used
	// again for the next. An error of emit ends EmailGet and is returned by it.
	// want.Props always has EmailPropID.
	EmailGet(ctx context.Context, ids []jmap.EmailID, want *jmap.EmailFields, emit func(*jmap.Email) error) (notFound []jmap.EmailID, state jmap.State, err error)
}

// EmailSetter changes Emails.
type EmailSetter interface {
	// EmailSet makes, changes and destroys Emails, in this order (RFC 8621,
	// section 4.6). jmap.StateMismatch: IfInState is not the current state; then
	// nothing was done. Each object succeeds or fails whole; its error is in the
	// result and the others go on. Among the errors:
	//   create   invalidProperties (mailboxIds: no such Mailbox), blobNotFound,
	//            tooLarge, overQuota, tooManyKeywords, tooManyMailboxes, forbidden
	//   update   notFound, invalidProperties (mailboxIds: none would be left, or
	//            no such Mailbox; keywords: cannot be stored here),
	//            tooManyKeywords, tooManyMailboxes, forbidden, overQuota
	//   destroy  notFound, forbidden
	// When EmailSet returns, EmailGet and Changes know the result.
	EmailSet(ctx context.Context, set *jmap.EmailSet) (jmap.EmailSetResult, error)
}

// ThreadReader reads Threads.
type ThreadReader interface {
	ThreadGet(ctx context.Context, ids []jmap.ThreadID) (list []jmap.Thread, notFound []jmap.ThreadID, state jmap.State, err error)
}

// BlobStore moves bytes.
type BlobStore interface {
	// BlobOpen opens a message, a part of one, or an upload. An account that
	// cannot seek may return the whole blob for any range: Blob.Offset says
	// where Body begins. jmap.ErrNotFound: no such blob. jmap.ErrRange: the blob
	// has no byte in r. ctx covers the reading of Body too.
	BlobOpen(ctx context.Context, id jmap.BlobID, r jmap.ByteRange) (*jmap.Blob, error)

	// BlobPut stores what r yields until io.EOF and keeps it for an hour at
	// least (RFC 8620, section 6). An error of r is returned wrapped and leaves
	// nothing behind. A *jmap.SetError of type overQuota or tooLarge says that
	// there is no room.
	BlobPut(ctx context.Context, r io.Reader) (jmap.BlobInfo, error)
}

// EmailQueryChanger is the optional ability to compare a result with an earlier
// one. An account that has it says so for each query in CanCalculateChanges.
type EmailQueryChanger interface {
	// EmailQueryChanges returns jmap.CannotCalculateChanges or
	// jmap.TooManyChanges, and the errors of EmailQuery.
	EmailQueryChanges(ctx context.Context, q *jmap.EmailQueryChanges) (jmap.QueryChanges[jmap.EmailID], error)
}

// MailboxSetter is the optional ability to change Mailboxes.
type MailboxSetter interface {
	// MailboxSet makes, changes and destroys Mailboxes (RFC 8621, section 2.5).
	MailboxSet(ctx context.Context, set *jmap.MailboxSet) (jmap.MailboxSetResult, error)
}

// IdentityReader is the optional ability to know whom the person may send as.
type IdentityReader interface {
	// IdentityGet returns all Identities if ids is nil.
	IdentityGet(ctx context.Context, ids []jmap.IdentityID) (list []jmap.Identity, notFound []jmap.IdentityID, state jmap.State, err error)
}

// IdentitySetter is the optional ability to change what the person sends as. An
// account that has it also is an IdentityReader.
type IdentitySetter interface {
	// IdentitySet makes, changes and destroys Identities (RFC 8621, section 6.3).
	// jmap.StateMismatch: nothing was done. Errors of an object: forbiddenFrom of
	// a create whose address is not the person's, notFound, forbidden (mayDelete is
	// false, or nothing can be kept), overQuota, invalidProperties, serverFail.
	IdentitySet(ctx context.Context, set *jmap.IdentitySet) (jmap.IdentitySetResult, error)
}

// Submitter is the optional ability to send. An account that has it also is an
// IdentityReader, and its Info has a Submission.
type Submitter interface {
	// SubmissionSet sends, cancels and forgets (RFC 8621, section 7.5). Once the
	// mail platform has taken a mail, its creation never fails: what goes wrong
	// later shows in the Submission. Errors of a create: invalidProperties
	// (identityId, emailId), invalidEmail, tooLarge with MaxSize,
	// tooManyRecipients, noRecipients, invalidRecipients, forbiddenMailFrom,
	// forbiddenFrom, forbiddenToSend, rateLimit. Of a cancel: notFound,
	// cannotUnsend. Of a destroy: notFound, forbidden.
	SubmissionSet(ctx context.Context, set *jmap.SubmissionSet) (jmap.SubmissionSetResult, error)

	// SubmissionGet returns all Submissions if ids is nil.
	SubmissionGet(ctx context.Context, ids []jmap.SubmissionID) (list []jmap.Submission, notFound []jmap.SubmissionID, state jmap.State, err error)
}

// QuotaReader is the optional ability to tell what the person may use (RFC 9425).
// An account that has it says so in Info.HasQuota.
type QuotaReader interface {
	// QuotaGet returns all Quotas if ids is nil. Its Changes have CountsOnly where
	// "used" alone changed.
	QuotaGet(ctx context.Context, ids []jmap.QuotaID) (list []jmap.Quota, notFound []jmap.QuotaID, state jmap.State, err error)
}

// FaultAcknowledger is the optional ability to tell what was found wrong with the
// person's sealed records: Info's Faults.
type FaultAcknowledger interface {
	// AcknowledgeFaults takes the Faults down that there are now: the person has
	// seen them.
	AcknowledgeFaults(ctx context.Context) error
}

// UndoSender is the optional ability to keep for how long the person wants to be
// able to take a sent mail back: Info's UndoSend.
type UndoSender interface {
	// SetUndoSend keeps seconds, at most UndoSend.Most; nil: whatever the operator
	// chose. jmap.Forbidden: this session can keep nothing.
	SetUndoSend(ctx context.Context, seconds *uint64) error
}

// Viewer is the optional ability to say what the rendering of a body found.
type Viewer interface {
	MessageView(ctx context.Context, ids []jmap.EmailID) (list []jmap.MessageView, notFound []jmap.EmailID, err error)
}

// Searcher is the optional ability to search by what a person typed: EmailQuery
// takes conditions with a Search.
type Searcher interface {
	// SearchExplain says what the parts of a text are taken for, and which
	// operators there are. It asks nothing of a network.
	SearchExplain(s *jmap.SearchText) (spans []jmap.SearchSpan, operators []string)

	// EmailSearch answers a query with what has been found so far. With the
	// SearchState of an earlier answer it waits until there is more, or for some
	// seconds. The search goes on between two calls, and ends when nobody asks
	// again or when ctx ends while nobody else waits for it.
	EmailSearch(ctx context.Context, q *jmap.EmailQuery, since string) (jmap.EmailSearchResult, error)
}

// SnippetReader is the optional ability to show where the words of a filter stand.
type SnippetReader interface {
	// SearchSnippets returns one SearchSnippet for each Email that exists.
	// jmap.UnsupportedFilter: the filter has too many words.
	SearchSnippets(ctx context.Context, f *jmap.Filter[jmap.EmailCondition], ids []jmap.EmailID) (list []jmap.SearchSnippet, notFound []jmap.EmailID, err error)
}
