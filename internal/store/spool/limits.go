package spool

import "time"

const (
	// Life is how long an upload is kept at least after it was made or used: RFC
	// 8620, section 6 asks for an hour.
	Life = 70 * time.Minute
	// recheck is after how many bytes of an upload the file system is asked again
	// whether it has room.
	recheck = 8 << 20
)

// Limits bound what lies in a spool.
type Limits struct {
	// Person and PersonFiles bound one person's uploads, in bytes as they lie there
	// and in files. Beyond them the oldest go.
	Person      int64
	PersonFiles int
	// Cell and Total bound those of one cell's people, and of the node. Beyond them
	// nothing more is taken.
	Cell, Total int64
	// Free is what the file system must have left for others, in bytes.
	Free int64
}

// DefaultLimits are those of a node.
func DefaultLimits() Limits {
	return Limits{
		Person:      256 << 20, // five times what one mail may have attached
		PersonFiles: 256,       // photographs of one journey
		Cell:        8 << 30,   // 32 people who fill theirs
		Total:       32 << 30,
		Free:        1 << 30, // the database is on the same disk
	}
}
