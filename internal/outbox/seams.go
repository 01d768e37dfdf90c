package outbox

import (
	"context"
	"errors"
	"io"

	"cofferdam/internal/jmap"
)

// Mails opens drafts.
type Mails interface {
	// OpenMail opens the whole message, which never changes under its id.
	// jmap.ErrNotFound: no such mail.
	OpenMail(ctx context.Context, id jmap.EmailID) (*Mail, error)
}

// Mail is an open message.
type Mail struct {
	Body     io.ReadCloser
	Size     int64 // bytes
	ThreadID jmap.ThreadID
}

// Sender hands mail to the platform. It is called once for each attempt.
type Sender interface {
	// Submit returns nil when the platform took the mail for the recipients that
	// are not in Result.Rejected; else ErrAway (nothing was sent), ErrUncertain,
	// or a *Refusal. size is that of body in bytes.
	//
	// The platform must not be told that the mail is complete before body
	// answered io.EOF: a mail whose end was not read counts as not sent, whatever
	// error is returned. A read of body may take as long as Records does. After
	// Submit returned, body gives nothing.
	Submit(ctx context.Context, e *jmap.Envelope, body io.Reader, size int64) (Result, error)
}

// Result is the platform's answer.
type Result struct {
	Reply    string            // its last line
	Rejected map[string]string // by recipient, the server's reply
}

// Refusal is a permanent no.
type Refusal struct {
	Kind  RefusalKind
	Reply string // the server's words, or ours
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

// Errors of a Sender and of Records.
var (
	ErrAway      = errors.New("the mail server cannot be reached, nothing was sent")
	ErrUncertain = errors.New("nobody knows whether the mail was taken")
	ErrConflict  = errors.New("the record changed since")
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
