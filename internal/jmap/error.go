package jmap

import (
	"errors"
	"time"
)

// ErrNotFound says that a blob does not exist in this account, or that it does
// and this person may not know.
var ErrNotFound = errors.New("not found")

// ErrRange says that no byte of the wanted range exists in a blob.
var ErrRange = errors.New("range not satisfiable")

// ErrorType is the type of a method-level error. It is an error by itself, so
// that `return jmap.CannotCalculateChanges` is all that is needed where the type
// says everything; MethodError adds words.
type ErrorType string

// Error returns the type.
func (t ErrorType) Error() string { return string(t) }

// Errors that any method may return (RFC 8620, section 3.6.2).
const (
	ServerUnavailable           ErrorType = "serverUnavailable" // temporary: the same call may succeed later
	ServerFail                  ErrorType = "serverFail"        // permanent until somebody repairs the server
	ServerPartialFail           ErrorType = "serverPartialFail" // some of the changes were made
	UnknownMethod               ErrorType = "unknownMethod"
	InvalidArguments            ErrorType = "invalidArguments"
	InvalidResultReference      ErrorType = "invalidResultReference"
	Forbidden                   ErrorType = "forbidden"
	AccountNotFound             ErrorType = "accountNotFound"
	AccountNotSupportedByMethod ErrorType = "accountNotSupportedByMethod"
	AccountReadOnly             ErrorType = "accountReadOnly"
)

// Errors of the standard methods (RFC 8620, section 5).
const (
	RequestTooLarge                 ErrorType = "requestTooLarge"                 // /get, /set
	CannotCalculateChanges          ErrorType = "cannotCalculateChanges"          // /changes, /queryChanges
	StateMismatch                   ErrorType = "stateMismatch"                   // /set, /copy
	AnchorNotFound                  ErrorType = "anchorNotFound"                  // /query
	UnsupportedSort                 ErrorType = "unsupportedSort"                 // /query
	UnsupportedFilter               ErrorType = "unsupportedFilter"               // /query
	TooManyChanges                  ErrorType = "tooManyChanges"                  // /queryChanges
	FromAccountNotFound             ErrorType = "fromAccountNotFound"             // /copy
	FromAccountNotSupportedByMethod ErrorType = "fromAccountNotSupportedByMethod" // /copy
)

// MethodError is a method-level error with an explanation for whoever writes a
// client. Description is English, never shown to people, and never holds mail,
// addresses or an error of a server behind us.
type MethodError struct {
	Type        ErrorType
	Description string
}

// Error returns type and description.
func (e *MethodError) Error() string {
	if e.Description == "" {
		return string(e.Type)
	}
	return string(e.Type) + ": " + e.Description
}

// Unwrap makes errors.Is(err, jmap.StateMismatch) true for a MethodError of
// that type.
func (e *MethodError) Unwrap() error { return e.Type }

// SetErrorType is the type of the error of one object in a /set.
type SetErrorType string

// Errors of any /set (RFC 8620, section 5.3) and /copy (section 5.4).
const (
	SetForbidden         SetErrorType = "forbidden"
	SetOverQuota         SetErrorType = "overQuota"
	SetTooLarge          SetErrorType = "tooLarge" // for a submission MaxSize must be given
	SetRateLimit         SetErrorType = "rateLimit"
	SetNotFound          SetErrorType = "notFound"
	SetInvalidPatch      SetErrorType = "invalidPatch"
	SetWillDestroy       SetErrorType = "willDestroy"
	SetInvalidProperties SetErrorType = "invalidProperties" // Properties should be given
	SetSingleton         SetErrorType = "singleton"
	SetAlreadyExists     SetErrorType = "alreadyExists" // ExistingID must be given
	// SetServerFail is for an object that could not be written for a reason
	// that is not the client's; RFC 8620, section 5.3 lets a method add types,
	// and a client treats an unknown one as a failure.
	SetServerFail SetErrorType = "serverFail"
)

// Errors of the mail types (RFC 8621, sections 2.5, 4.6, 4.8, 6.3 and 7.5).
const (
	SetMailboxHasChild   SetErrorType = "mailboxHasChild"
	SetMailboxHasEmail   SetErrorType = "mailboxHasEmail"
	SetBlobNotFound      SetErrorType = "blobNotFound" // NotFound must be given
	SetTooManyKeywords   SetErrorType = "tooManyKeywords"
	SetTooManyMailboxes  SetErrorType = "tooManyMailboxes"
	SetInvalidEmail      SetErrorType = "invalidEmail"      // Properties should be given
	SetTooManyRecipients SetErrorType = "tooManyRecipients" // MaxRecipients must be given
	SetNoRecipients      SetErrorType = "noRecipients"
	SetInvalidRecipients SetErrorType = "invalidRecipients" // InvalidRecipients must be given
	SetForbiddenMailFrom SetErrorType = "forbiddenMailFrom"
	SetForbiddenFrom     SetErrorType = "forbiddenFrom"
	SetForbiddenToSend   SetErrorType = "forbiddenToSend" // Description may be shown to the person
	SetCannotUnsend      SetErrorType = "cannotUnsend"
	SetMDNAlreadySent    SetErrorType = "mdnAlreadySent" // RFC 9007, section 2.1
)

// SetError says why one object was not created, changed or destroyed.
type SetError struct {
	Type        SetErrorType
	Description string   // "" is left out
	Properties  []string // invalidProperties, invalidEmail

	ExistingID        string   // alreadyExists
	NotFound          []BlobID // blobNotFound
	MaxSize           uint64   // tooLarge of a submission, in octets; 0 is left out
	MaxRecipients     uint64   // tooManyRecipients; 0 is left out
	InvalidRecipients []string // invalidRecipients

	// RetryAfter is when a rateLimit ends; 0: not known. It has no place in the
	// object: an answer over HTTP says it in its header.
	RetryAfter time.Duration `json:"-"`
}

// Error returns type and description.
func (e *SetError) Error() string {
	if e.Description == "" {
		return string(e.Type)
	}
	return string(e.Type) + ": " + e.Description
}
