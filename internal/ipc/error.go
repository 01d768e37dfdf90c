package ipc

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code says what a caller may decide by. Codes are part of the wire format.
type Code string

const (
	CodeInvalid     Code = "invalid"     // the call itself is malformed; retrying is useless
	CodeRefused     Code = "refused"     // wrong password, account disabled: the platform said no
	CodeForbidden   Code = "forbidden"   // a guard said no: capability, fence, MAIL FROM
	CodeUnknown     Code = "unknown"     // capability or session is not known (any more): open it again
	CodeFenced      Code = "fenced"      // a newer owner exists
	CodeNotFound    Code = "notFound"    // no such record
	CodeConflict    Code = "conflict"    // the record changed since
	CodeThrottled   Code = "throttled"   // too many; RetryAfter says when
	CodeExpired     Code = "expired"     // challenge, session or key is over its time
	CodeLocked      Code = "locked"      // sealed data cannot be opened with this password
	CodeUnavailable Code = "unavailable" // mail platform or a role is away: temporary
	CodeUncertain   Code = "uncertain"   // sent, but nobody knows whether it was taken
	CodeInternal    Code = "internal"    // our own fault; the log of that role has it
)

// Error is what crosses a line when a call does not succeed.
type Error struct {
	Code       Code          `json:"code"`
	Detail     string        `json:"detail,omitempty"`     // one sentence, no content of a person
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // nanoseconds
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Code)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Errorf makes an *Error. The text crosses a line: it must not name a person or
// a secret.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf is the code of the *Error in err's chain, "" for nil, and CodeInternal
// for any other error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// status maps a code to the HTTP status that carries it.
func (c Code) status() int {
	switch c {
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeRefused, CodeExpired, CodeLocked:
		return http.StatusUnauthorized
	case CodeForbidden, CodeFenced:
		return http.StatusForbidden
	case CodeUnknown:
		return http.StatusMisdirectedRequest
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict:
		return http.StatusConflict
	case CodeThrottled:
		return http.StatusTooManyRequests
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	case CodeUncertain:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}
