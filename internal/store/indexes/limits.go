package indexes

import "time"

// Life is how long an index is kept that nobody uses: as long as it has a log of
// changes to go on from (RFC 8620, section 5.2).
const Life = 30 * 24 * time.Hour

// Limits bound what lies in a folder.
type Limits struct {
	// Total bounds all indexes, in bytes: beyond it those go that were not used for
	// longest.
	Total int64
	// Free is what the file system must have left for others, in bytes, before one
	// is begun.
	Free int64
}

// DefaultLimits are those of a node.
func DefaultLimits() Limits {
	return Limits{
		Total: 16 << 30, // 2,000 people of 100,000 mails, or 100,000 of 2,000
		Free:  2 << 30,  // uploads, which people wait for, want the last one
	}
}
