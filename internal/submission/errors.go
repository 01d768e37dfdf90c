package submission

import (
	"errors"
	"fmt"
)

// Outcome says what a failure means for the message.
type Outcome int

// The three ways to fail. The zero Outcome is none of them.
const (
	// NotSent: the server cannot have taken the message. Trying again cannot
	// deliver it twice.
	NotSent Outcome = iota + 1
	// Refused: the server answered no; Reply says why. Nothing was taken.
	Refused
	// Uncertain: the end of the message may have reached the server and no
	// answer reached us. Trying again may deliver it twice.
	Uncertain
)

// String returns the word that logs use.
func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Refused:
		return "refused"
	case Uncertain:
		return "uncertain"
	}
	return "unknown"
}

// Stage names the step in which a failure happened.
type Stage string

// The steps in their order.
const (
	StageDial     Stage = "dial"
	StageGreeting Stage = "greeting"
	StageHello    Stage = "hello"
	StageTLS      Stage = "starttls"
	StageXClient  Stage = "xclient"
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageData     Stage = "data"  // before the first byte of the message
	StageBody     Stage = "body"  // within the message, before its end
	StageFinal    Stage = "final" // from the end of the message on
)

// Causes a caller may have to decide by, wrapped by *Error.
var (
	ErrAddress        = errors.New("not a mail address")
	ErrEnvelope       = errors.New("bad envelope")
	ErrProtocol       = errors.New("server broke the SMTP protocol")
	ErrUnusable       = errors.New("connection no longer usable")
	ErrNoStartTLS     = errors.New("server does not offer STARTTLS")
	ErrNoMechanism    = errors.New("server offers no suitable AUTH mechanism")
	ErrCredentials    = errors.New("bad credentials")
	ErrTooLarge       = errors.New("message larger than allowed")
	ErrNeedUTF8       = errors.New("server does not offer SMTPUTF8, which this message needs")
	ErrNeed8Bit       = errors.New("server does not offer 8BITMIME, which this message needs")
	ErrNeedRelease    = errors.New("server does not offer FUTURERELEASE: it holds no message back")
	ErrHoldTooLong    = errors.New("message is to be held longer than allowed")
	ErrNeedRequireTLS = errors.New("server does not offer REQUIRETLS")
)

// Error is what every failing call of a Conn returns.
type Error struct {
	Outcome Outcome
	Stage   Stage
	// Reply is the server's answer; its Code is 0 where none was read.
	Reply Reply
	// Temporary says that the same call may succeed later. It is never set on
	// an Uncertain outcome.
	Temporary bool
	// Err is the cause where it is not a reply.
	Err error
}

// Error describes the failure without addresses or secrets. Text of a reply is
// the server's own and may name addresses: it is for the person, see Reply.
func (e *Error) Error() string {
	s := fmt.Sprintf("submission %s at %s", e.Outcome, e.Stage)
	if e.Reply.Code != 0 {
		s += fmt.Sprintf(": reply %d", e.Reply.Code)
		if e.Reply.Status.Class != 0 {
			s += " " + e.Reply.Status.String()
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// BadCredentials reports whether the server rejected user and secret, and not
// the mechanism or the moment (RFC 4954, section 6).
func (e *Error) BadCredentials() bool {
	return e.Stage == StageAuth && e.Outcome == Refused && !e.Temporary &&
		(e.Reply.Code == 535 || e.Reply.Status == EnhancedStatus{5, 7, 8})
}

// notSent is a failure of the way, before the end of the message.
func notSent(stage Stage, temporary bool, err error) *Error {
	return &Error{Outcome: NotSent, Stage: stage, Temporary: temporary, Err: err}
}

// refused turns a negative reply into an error.
func refused(stage Stage, r Reply) *Error {
	return &Error{Outcome: Refused, Stage: stage, Reply: r, Temporary: r.Code/100 == 4}
}

// uncertain is a failure after the end of the message was begun.
func uncertain(err error) *Error {
	return &Error{Outcome: Uncertain, Stage: StageFinal, Err: err}
}
