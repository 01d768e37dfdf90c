package upstream

import (
	"context"
	"errors"
	"fmt"
)

// What a caller decides by. All but ErrUnavailable are permanent: the same call
// fails again until something else has changed.
var (
	// ErrUnavailable: the mail platform is away, or the connection was lost and
	// could not be made again in time. Temporary. A change may have been made.
	ErrUnavailable = errors.New("mail platform not available")
	// ErrStale: the mailbox has another UIDVALIDITY now, the uids mean nothing.
	ErrStale = errors.New("mailbox was made anew")
	// ErrNoBox: no such mailbox, or it cannot be selected.
	ErrNoBox = errors.New("no such mailbox")
	// ErrGone: no such mail any more.
	ErrGone = errors.New("mail is gone")
	// ErrOverQuota: there is no room.
	ErrOverQuota = errors.New("over quota")
	// ErrTooLarge: the mail is larger than the server takes.
	ErrTooLarge = errors.New("mail too large")
	// ErrForbidden: the server does not let this person do this.
	ErrForbidden = errors.New("not permitted by the mail platform")
	// ErrExists: there is such a mailbox already.
	ErrExists = errors.New("mailbox exists already")
	// ErrBadName: the server can have no mailbox of this name.
	ErrBadName = errors.New("name cannot be a mailbox's")
	// ErrUnsupported: the server has no way to do this.
	ErrUnsupported = errors.New("not supported by the mail platform")
	// ErrPartial: a part was done; which one, Sync will tell.
	ErrPartial = errors.New("done in part")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("store closed")
)

// Error is a failed call.
type Error struct {
	Doing string // "selecting", "moving": no names of mailboxes, as errors reach logs
	Kind  error  // one of the above
	Err   error  // the cause; may be nil
}

// Error names what was being done, the kind and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %v", e.Doing, e.Kind)
	}
	return fmt.Sprintf("%s: %v: %v", e.Doing, e.Kind, e.Err)
}

// Unwrap returns kind and cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// Temporary reports whether the same call may succeed later.
func Temporary(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}
