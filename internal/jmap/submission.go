package jmap

import "time"

// Submission is an EmailSubmission (RFC 8621, section 7).
type Submission struct {
	ID             SubmissionID
	IdentityID     IdentityID
	EmailID        EmailID
	ThreadID       ThreadID
	Envelope       *Envelope
	SendAt         time.Time
	UndoStatus     UndoStatus
	DeliveryStatus map[string]DeliveryStatus // by recipient; nil is null
	DSNBlobIDs     []BlobID
	MDNBlobIDs     []BlobID
}

// Envelope is what SMTP is told.
type Envelope struct {
	MailFrom EnvelopeAddress
	RcptTo   []EnvelopeAddress
}

// EnvelopeAddress is an address with the parameters of MAIL FROM or RCPT TO; a
// parameter without a value is nil.
type EnvelopeAddress struct {
	Email      string
	Parameters map[string]*string // nil is null
}

// UndoStatus says whether a submission may still be canceled.
type UndoStatus string

// The three of them.
const (
	UndoPending  UndoStatus = "pending"
	UndoFinal    UndoStatus = "final"
	UndoCanceled UndoStatus = "canceled"
)

// DeliveryStatus is what is known of one recipient.
type DeliveryStatus struct {
	SMTPReply string
	Delivered string // queued, yes, no or unknown
	Displayed string // unknown or yes
}

// SubmissionSet is one EmailSubmission/set without its onSuccess arguments:
// those become an EmailSet.
type SubmissionSet struct {
	IfInState State
	Create    []SubmissionCreate
	Cancel    []SubmissionID // set undoStatus to canceled
	Destroy   []SubmissionID // forget the record; deliveries go on
}

// SubmissionCreate is a mail to be sent.
type SubmissionCreate struct {
	CreationID CreationID
	IdentityID IdentityID
	EmailID    EmailID
	Envelope   *Envelope // nil: to be made from the Email as section 7 says
}

// SubmissionSetResult is the outcome of a SubmissionSet. A created Submission is
// returned whole.
type SubmissionSetResult = SetResult[SubmissionID, Submission]

// SubmissionCondition is the FilterCondition of EmailSubmission/query (RFC 8621,
// section 7.3). A nil list and a zero value are not asked.
type SubmissionCondition struct {
	IdentityIDs   []IdentityID
	EmailIDs      []EmailID
	ThreadIDs     []ThreadID
	UndoStatus    UndoStatus
	Before, After time.Time
}
