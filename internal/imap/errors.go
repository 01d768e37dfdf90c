package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// Sentinels a caller decides by.
var (
	// ErrClosed is returned for commands after Close or Hijack. Permanent for
	// this client; a new connection works.
	ErrClosed = errors.New("imap: client closed")

	// ErrTooLarge marks an item that was streamed away, or exceeded a limit and
	// was skipped.
	ErrTooLarge = errors.New("imap: item not kept in memory")

	// ErrNotPresent marks an item that the server did not send.
	ErrNotPresent = errors.New("imap: item not present")

	// ErrUnsupported is returned, wrapped, when the server lacks the
	// capability that a command needs. Permanent.
	ErrUnsupported = errors.New("imap: not supported by the server")

	// ErrBadArgument is returned, wrapped, for an argument that cannot be
	// written: a CR, LF or NUL, an unknown character in an atom. Permanent.
	ErrBadArgument = errors.New("imap: argument cannot be sent")

	// ErrBusy is returned when too many commands wait. Temporary.
	ErrBusy = errors.New("imap: too many commands in flight")
)

// StatusKind is the kind of a status response (RFC 9051, section 7.1).
type StatusKind uint8

// The kinds of status responses.
const (
	StatusNone StatusKind = iota
	StatusOK
	StatusNO
	StatusBAD
	StatusBYE
	StatusPREAUTH
)

// String returns the word of the wire.
func (k StatusKind) String() string {
	return [...]string{"", "OK", "NO", "BAD", "BYE", "PREAUTH"}[k]
}

// StatusError is a command refused by the server with NO or BAD, or a
// connection ended with BYE.
type StatusError struct {
	Command string     // the verb, as "UID FETCH"
	Kind    StatusKind // StatusNO, StatusBAD or StatusBYE
	Code    Code       // the response code; zero when none
	Text    string     // the server's text; may name people and folders: not for logs
}

// Error names command, kind and code. It leaves the server's text out, because
// that text may hold addresses and folder names and errors reach logs.
func (e *StatusError) Error() string {
	if e.Code.Name == "" {
		return fmt.Sprintf("imap: %s refused: %s", e.Command, e.Kind)
	}
	return fmt.Sprintf("imap: %s refused: %s [%s]", e.Command, e.Kind, e.Code.Name)
}

// Temporary reports whether the same command may succeed later (RFC 5530).
// BAD is a fault of ours or theirs and permanent; BYE ends this connection
// only. A NO without a code is permanent: retrying it blindly harms.
func (e *StatusError) Temporary() bool {
	switch e.Kind {
	case StatusBYE:
		return true
	case StatusNO:
		return e.Code.temporary()
	}
	return false
}

// Is makes errors.Is(err, ErrUnsupported) true for UNKNOWN-CTE and the like
// no more than needed: a BAD answer is not a missing capability, so only the
// code CANNOT matches.
func (e *StatusError) Is(target error) bool {
	return target == ErrUnsupported && e.Code.Name == CodeCannot
}

// ConnError is a lost connection: end of stream, reset, timeout. Temporary.
type ConnError struct {
	Doing string // what was being done, as "reading"
	Err   error
}

// Error says what was being done.
func (e *ConnError) Error() string {
	return "imap: connection lost while " + e.Doing + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *ConnError) Unwrap() error { return e.Err }

// Temporary is true: a new connection may work.
func (e *ConnError) Temporary() bool { return true }

// ProtocolError is a server that broke the frame of the protocol. The
// connection is closed. Permanent: the same exchange would break again.
type ProtocolError struct{ Reason string }

// Error names the violation, never the bytes.
func (e *ProtocolError) Error() string { return "imap: protocol violation: " + e.Reason }

// Temporary is false.
func (e *ProtocolError) Temporary() bool { return false }

// LimitError is a limit of this package that the server or the caller
// exceeded. Permanent.
type LimitError struct {
	What  string
	Limit int64
}

// Error names the limit.
func (e *LimitError) Error() string { return fmt.Sprintf("imap: more than %d %s", e.Limit, e.What) }

// Temporary is false.
func (e *LimitError) Temporary() bool { return false }

// Temporary reports whether trying again later, perhaps on a new connection,
// makes sense. Errors of a context are temporary: the caller ended the wait.
func Temporary(err error) bool {
	var t interface{ Temporary() bool }
	switch {
	case err == nil:
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, ErrBusy), errors.Is(err, ErrClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return true
	case errors.As(err, &t):
		return t.Temporary()
	}
	return false
}

// HasCode reports whether err is a StatusError with the given response code.
func HasCode(err error, name string) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code.Name == name
}
