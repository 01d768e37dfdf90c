package jmap

// Each kind of object has its own type of id. The form of all of them is that
// of RFC 8620, section 1.2; see ValidID.
type (
	// AccountID names an account. It carries a generation: when ids have to be
	// given out anew, the account gets a new id (RFC 8620, section 1.6.2).
	AccountID string
	// MailboxID names a Mailbox.
	MailboxID string
	// EmailID names an Email. It does not change when the mail moves (RFC 8621,
	// section 2).
	EmailID string
	// ThreadID names a Thread.
	ThreadID string
	// IdentityID names an Identity.
	IdentityID string
	// SubmissionID names an EmailSubmission.
	SubmissionID string
	// BlobID names bytes that never change (RFC 8620, section 6).
	BlobID string
	// CreationID is what a client calls an object that it is about to create;
	// "#" is not part of it.
	CreationID string
)

// State is an opaque string that changes when any object of a type changes
// (RFC 8620, section 5.1). The zero value means "not known".
type State string

// QueryState is an opaque string that changes when the result of one query
// changes (RFC 8620, section 5.5).
type QueryState string

// ValidID reports whether s has the form of an Id: 1 to 255 octets of
// A-Za-z0-9, "-" and "_" (RFC 8620, section 1.2).
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > MaxIDOctets {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !idOctet[s[i]] {
			return false
		}
	}
	return true
}

// idOctet is the base64url alphabet without padding; an array is a value and
// nobody assigns to it after this line.
var idOctet = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

// Type is the name of a data type, as it stands in front of the slash of a
// method and in a StateChange (RFC 8620, section 7.1).
type Type string

// The data types that have a state.
const (
	TypeMailbox         Type = "Mailbox"
	TypeThread          Type = "Thread"
	TypeEmail           Type = "Email"
	TypeEmailDelivery   Type = "EmailDelivery" // push only: RFC 8621, section 1.5
	TypeIdentity        Type = "Identity"
	TypeEmailSubmission Type = "EmailSubmission"
)

// TypeStates is the current state of some types of one account.
type TypeStates map[Type]State

// Changes is what happened to the objects of one type since a state (RFC 8620,
// section 5.2). The ids are of the type that was asked for.
type Changes struct {
	OldState, NewState State
	HasMore            bool // NewState is an intermediate state: ask again
	Created            []string
	Updated            []string
	Destroyed          []string

	// CountsOnly is of use for TypeMailbox alone: every Mailbox in Updated has
	// changed in nothing but its four counts (RFC 8621, section 2.2).
	CountsOnly bool
}
