package upstream

import "context"

// Quotaer is the optional ability of a Store to tell what the person may use.
// Info.Quota says whether the server can.
type Quotaer interface {
	// Quotas returns the limits that hold for the inbox; what has no limit is left
	// out. It asks the server.
	Quotas(ctx context.Context) ([]Quota, error)
}

// Quota is one limit (RFC 9208).
type Quota struct {
	Root     string // the name that the server gives it
	Resource QuotaResource
	Used     uint64
	Limit    uint64
}

// QuotaResource is what a Quota counts.
type QuotaResource string

// The resources of RFC 9208, section 5, that are told.
const (
	QuotaStorage  QuotaResource = "STORAGE" // in units of 1,024 octets
	QuotaMessages QuotaResource = "MESSAGE"
	QuotaBoxes    QuotaResource = "MAILBOX"
)
