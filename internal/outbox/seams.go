package outbox

import (
	"context"
	"errors"
	"io"
	"strings"

	"cofferdam/internal/jmap"
)

// Mails is the account's mail.
type Mails interface {
	// OpenMail opens the whole message, which never changes under its id.
	// jmap.ErrNotFound: no such mail.
	OpenMail(ctx context.Context, id jmap.EmailID) (*Mail, error)
	// PutBack moves a mail to where it was before its sender was told that it is
	// on its way; it does nothing to one that is there. A mail that is not there
	// any more is made anew from copied, unless that is nil or answers
	// jmap.ErrNotFound. ErrNoPlace: the mail cannot go back, however often one
	// tries.
	PutBack(ctx context.Context, id jmap.EmailID, to Home, copied func(context.Context) (io.ReadCloser, error)) error
}

// Home is where a mail lies, and whether it is a draft there.
type Home struct {
	Mailboxes []jmap.MailboxID `json:"mailboxes,omitempty"`
	Draft     bool             `json:"draft,omitempty"`
}

// Mail is an open message.
type Mail struct {
	Body     io.ReadCloser
	Size     int64 // bytes
	ThreadID jmap.ThreadID
	Home     Home
	// Known says that the account has seen every byte of the mail before, and
	// EightBit whether one was above 127. A mail is not handed over to its end if
	// that was wrong.
	Known, EightBit bool
}

// Sender hands mail to the platform. It is called once for each attempt.
type Sender interface {
	// Submit returns nil when the platform took the mail for the recipients that
	// are not in Result.Rejected; else ErrAway (nothing was sent), ErrUncertain,
	// or a *Refusal. size is that of body in bytes. attempt names the call for
	// Config.Learn; "" is not asked about.
	//
	// The platform must not be told that the mail is complete before body
	// answered io.EOF: a mail whose end was not read counts as not sent, whatever
	// error is returned. A read of body may take as long as Records does. After
	// Submit returned, body gives nothing.
	Submit(ctx context.Context, attempt string, e *jmap.Envelope, body io.Reader, size int64) (Result, error)
}

// Result is the platform's answer.
type Result struct {
	Reply    string            // its last line
	Taken    map[string]string // by recipient, the reply to RCPT TO of those that were taken
	Rejected map[string]string // by recipient, the server's reply
}

// Refusal is a permanent no.
type Refusal struct {
	Kind     RefusalKind
	Reply    string            // the server's words, or ours
	Rejected map[string]string // by recipient, the server's reply to each, if it refused them one by one
}

// RefusalKind says who refused.
type RefusalKind uint8

// Who refused.
const (
	ByServer RefusalKind = iota // the submission server
	BySender                    // the guard: the sender is not the person's
	ByRate                      // too many recipients in an hour
)

func (r *Refusal) Error() string { return "refused: " + r.Reply }

// reply is the refusal in the form that RFC 8621 section 7 wants of a reply that
// no server gave.
func (r *Refusal) reply() string {
	if code, _, _ := strings.Cut(r.Reply, " "); len(code) == 3 && strings.Trim(code, "0123456789") == "" {
		return r.Reply
	}
	return map[RefusalKind]string{ByServer: "554 5.6.0 ", BySender: "550 5.7.1 ", ByRate: "450 4.7.1 "}[r.Kind] + r.Reply
}

// Stash keeps copies of mails that are on their way, so that whoever deletes the
// mail does not cancel its sending (RFC 8621 section 7.5). A copy may be gone
// before its time.
type Stash interface {
	// Takes says whether a mail of so many bytes can be kept.
	Takes(size int64) bool
	// Put reads r until io.EOF and returns a name of the copy.
	Put(ctx context.Context, r io.Reader) (name []byte, err error)
	// Open opens a copy any number of times. jmap.ErrNotFound: it is gone.
	Open(ctx context.Context, name []byte) (io.ReadCloser, error)
}

// Errors of a Sender and of Records.
var (
	ErrAway      = errors.New("the mail server cannot be reached, nothing was sent")
	ErrUncertain = errors.New("nobody knows whether the mail was taken")
	ErrConflict  = errors.New("the record changed since")
	ErrNoPlace   = errors.New("the mail cannot be put back")
	ErrLocked    = errors.New("sealed records are locked")
)

// Records keeps outbox records of one person; what it stores is sealed. Its
// methods end within seconds whatever their ctx. An error other than those below
// leaves open whether the call was carried out.
type Records interface {
	// Put writes a record whose stored revision is revision-1, else ErrConflict.
	// It is durable when Put returns nil.
	Put(ctx context.Context, id string, revision int64, data []byte) error
	// Delete removes a record that is at revision.
	Delete(ctx context.Context, id string, revision int64) error
	// All reads every record. ErrLocked: this session cannot.
	All(ctx context.Context) ([]Stored, error)
}

// Stored is one record as Records keeps it.
type Stored struct {
	ID       string
	Revision int64
	Data     []byte
}
