package jmap

import "time"

// AccountInfo is what the Session says of one account (RFC 8620, section 2).
type AccountInfo struct {
	ID         AccountID
	Name       string // to show to the person, as a rule their address
	IsPersonal bool
	IsReadOnly bool // every /set is answered accountReadOnly

	Mail       MailCapability
	Submission *SubmissionCapability // nil: this account may not send
	UndoSend   *UndoSend             // nil: this account may not send
	HasQuota   bool                  // the account is a QuotaReader with quotas
	Faults     []Fault               // of its sealed records, until they are acknowledged
	Sieve      *SieveCapability      // nil: the platform has no Sieve, or it is not known yet
	Vacation   bool                  // the account has a VacationResponse
}

// Fault is something in the person's sealed records that did not fit, in the words
// of docs/formats/record.md.
type Fault struct {
	Class string // of records
	Kind  string
	Found time.Time
	Rows  int // that cannot be read; 0: none
}

// UndoSend is for how long the person can take a sent mail back, in seconds.
type UndoSend struct {
	Seconds *uint64 // what they chose; nil: nothing
	Default uint64  // what the operator chose for those who did not
	Most    uint64
}

// MailCapability is the account's part of urn:ietf:params:jmap:mail (RFC 8621,
// section 1.3.1).
type MailCapability struct {
	MaxMailboxesPerEmail       uint64 // 0: no limit
	MaxMailboxDepth            uint64 // 0: no limit
	MaxSizeMailboxName         uint64 // octets of UTF-8, at least 100
	MaxSizeAttachmentsPerEmail uint64 // octets, before any encoding
	EmailQuerySortOptions      []SortProperty
	MayCreateTopLevelMailbox   bool
}

// SubmissionCapability is the account's part of urn:ietf:params:jmap:submission
// (RFC 8621, section 1.3.2).
type SubmissionCapability struct {
	MaxDelayedSend       uint64 // seconds
	SubmissionExtensions map[string][]string
}
