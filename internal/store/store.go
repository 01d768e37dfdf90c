package store

import (
	"context"
	"time"

	"cofferdam/internal/user"
)

// Store is all that keeper may ask of a database. Methods block on the disk or
// the network and end with their context.
type Store interface {
	Logins
	Slots
	Sessions
	Records
	Leases
	// DeleteUser removes a person with every row of theirs, and leaves the
	// generation of their logins. ErrNotFound if there is none.
	DeleteUser(ctx context.Context, uid user.ID) error
	// Close releases the database. It may be called twice.
	Close() error
}

// LoginID is the keyed hash of a login that vault computes.
type LoginID [32]byte

// Mapping says who signs in with a login.
type Mapping struct {
	UID user.ID
	// Generation counts the people that have had this login: an address that is
	// created again belongs to somebody else.
	Generation int64
}

// Logins maps logins to people.
type Logins interface {
	// Login looks a login up. ErrNotFound if it is nobody's (any more).
	Login(ctx context.Context, id LoginID) (Mapping, error)
	// AddLogin makes uid the owner of a login that is nobody's, and makes the
	// person if uid is new. ErrConflict if the login is somebody's.
	AddLogin(ctx context.Context, id LoginID, uid user.ID) (Mapping, error)
	// MoveLogin renames: the person of one login becomes that of another, which
	// must be nobody's (ErrConflict).
	MoveLogin(ctx context.Context, from, to LoginID) (Mapping, error)
	// RetireLogin makes a login nobody's. The person stays.
	RetireLogin(ctx context.Context, id LoginID) error
}

// Slot is one sealed copy of a person's master key.
type Slot struct {
	UID        user.ID
	Number     uint32
	Kind       uint8
	Generation int64
	// Revision counts the writes to this slot, from 1.
	Revision int64
	Sealed   []byte
	Changed  time.Time
}

// UserKeys is a person's key pair; the private half is sealed.
type UserKeys struct {
	UID           user.ID
	Generation    int64
	Public        []byte
	SealedPrivate []byte
}

// Slots keeps what leads to a person's keys.
type Slots interface {
	// PutSlot writes a slot whose stored revision is Revision-1 (none for 1),
	// else ErrConflict. ErrNotFound if there is no such person.
	PutSlot(ctx context.Context, s Slot) error
	// Slots returns a person's slots by number.
	Slots(ctx context.Context, uid user.ID) ([]Slot, error)
	// DeleteSlot removes a slot at a revision; ErrConflict at another.
	DeleteSlot(ctx context.Context, uid user.ID, number uint32, revision int64) error
	// PutUserKeys writes a person's key pair. A generation below the stored one
	// gives ErrConflict, and so does the same with another public key.
	PutUserKeys(ctx context.Context, k UserKeys) error
	// UserKeys reads it.
	UserKeys(ctx context.Context, uid user.ID) (UserKeys, error)
}

// SessionHash is SHA-256 of a session's name.
type SessionHash [32]byte

// SessionKind is how a session is presented.
type SessionKind string

// Kinds of a session.
const (
	Cookie SessionKind = "cookie"
	Bearer SessionKind = "bearer"
	Basic  SessionKind = "basic"
)

// Session is a session's row.
type Session struct {
	Hash SessionHash
	UID  user.ID
	Kind SessionKind
	// Revision counts the writes of the envelope, from 1.
	Revision int64
	Epoch    int64  // number of the epoch key Sealed is under
	Sealed   []byte // the envelope
	Label    []byte // sealed description for the owner's list; may be nil
	// Created and Expires are to the second, LastSeen to the minute.
	Created, LastSeen, Expires time.Time
}

// Sessions keeps session envelopes.
type Sessions interface {
	// AddSession stores a new session. ErrConflict if the hash exists, ErrLimit
	// if the person has MaxSessions, ErrNotFound if there is no such person.
	AddSession(ctx context.Context, s Session) error
	// Session reads one, expired or not.
	Session(ctx context.Context, hash SessionHash) (Session, error)
	// UserSessions returns a person's sessions, oldest first.
	UserSessions(ctx context.Context, uid user.ID) ([]Session, error)
	// TouchSession moves LastSeen forward, to the minute, never back.
	TouchSession(ctx context.Context, hash SessionHash, seen time.Time) error
	// ReplaceSession writes the envelope, epoch, label and expiry of a session
	// whose stored revision is Revision-1, else ErrConflict: for re-sealing, and
	// when its content changes. Hash and UID must be the session's.
	ReplaceSession(ctx context.Context, s Session) error
	// SessionsNotOf returns up to limit sessions whose epoch is not the given
	// one, for re-sealing.
	SessionsNotOf(ctx context.Context, epoch int64, limit int) ([]Session, error)
	// DeleteSession removes one; ErrNotFound if it is gone.
	DeleteSession(ctx context.Context, hash SessionHash) error
	// DeleteUserSessions removes a person's sessions except those kept, and
	// returns the removed hashes.
	DeleteUserSessions(ctx context.Context, uid user.ID, keep ...SessionHash) ([]SessionHash, error)
	// DeleteExpiredSessions removes what expired by now, and returns how many.
	DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error)
}

// Record is a stored revision of a sealed record.
type Record struct {
	ID         []byte
	Revision   int64
	Generation int64  // of the class key
	Change     int64  // position in the order of changes of its class
	Deleted    bool   // then Sealed is nil
	Sealed     []byte //
}

// Write is one record of a Batch.
type Write struct {
	ID []byte
	// Revision is the new revision; the stored one must be one less (no row for
	// 1). A deleted record keeps its revision, so an id is not used again.
	Revision   int64
	Generation int64
	Deleted    bool
	Sealed     []byte // nil if Deleted
}

// Root is the sealed root of a class.
type Root struct {
	Counter    int64 // grows with each root; vault mirrors it
	Generation int64
	Sealed     []byte
}

// Batch is what one Put writes, all or nothing.
type Batch struct {
	UID   user.ID
	Class string
	// Fence is the writer's lease. Unfenced is for keeper's own class, which no
	// cell writes.
	Fence    int64
	Unfenced bool
	// Derived says that the class can be made again from elsewhere (an index):
	// replaced revisions are not kept. Keeper says so by class, never a cell.
	Derived bool
	Writes  []Write
	// Root, if any, replaces a root whose counter is ExpectRoot (0: none yet).
	Root       *Root
	ExpectRoot int64
}

// Page is one page of records.
type Page struct {
	Records []Record
	More    bool  // there are more after the last one
	Change  int64 // newest change position of the class
	Root    Root  // the class's root in the same state; zero if there is none
}

// Kept is a revision that was replaced or deleted.
type Kept struct {
	ID         []byte
	Revision   int64
	Generation int64
	Sealed     []byte
	Replaced   time.Time
}

// Records keeps sealed records by class.
type Records interface {
	// Put writes a batch and returns the change position of its last record.
	// ErrConflict if a revision or the root is not the expected one, ErrFenced
	// if the lease is not the newest, ErrNotFound if there is no such person.
	Put(ctx context.Context, b Batch) (int64, error)
	// Get reads a record, also a deleted one. ErrNotFound if there never was one
	// (or its mark is purged).
	Get(ctx context.Context, uid user.ID, class string, id []byte) (Record, error)
	// List returns live records in the order of their ids, after an id (nil:
	// from the start).
	List(ctx context.Context, uid user.ID, class string, after []byte, limit int) (Page, error)
	// Changes returns records changed after a position, oldest first, each in
	// its newest revision, deleted ones included. ErrChangesLost if that is not
	// known.
	Changes(ctx context.Context, uid user.ID, class string, since int64, limit int) (Page, error)
	// Root reads a class's root; ErrNotFound if there is none.
	Root(ctx context.Context, uid user.ID, class string) (Root, error)
	// Kept returns up to limit kept revisions of a record below a revision (0:
	// from the newest), newest first.
	Kept(ctx context.Context, uid user.ID, class string, id []byte, below int64, limit int) ([]Kept, error)
	// Purge removes kept revisions and marks of deletion from before a time, and
	// returns how many rows. Callers pass now - KeptFor.
	Purge(ctx context.Context, before time.Time) (int, error)
}

// Lease says which cell owns a person.
type Lease struct {
	UID        user.ID
	Node, Cell string
	// Fence grows each time the person changes hands.
	Fence             int64
	Acquired, Expires time.Time
}

// Leases keeps who owns whom.
type Leases interface {
	// AcquireLease gives a person to (Node, Cell) until Expires, with a fence
	// higher than all before, also if the same cell held it: cells get leases
	// once for each time they take a person on. If another holds a lease that
	// has not expired by now, the answer is that lease and ErrHeld, unless
	// takeover says that its holder is known to be gone.
	AcquireLease(ctx context.Context, want Lease, now time.Time, takeover bool) (Lease, error)
	// Lease reads the lease that is in force; ErrNotFound if there is none.
	Lease(ctx context.Context, uid user.ID, now time.Time) (Lease, error)
	// RenewLeases moves the expiry of all leases that (node, cell) holds, and
	// returns how many. An expired one that nobody took is renewed too.
	RenewLeases(ctx context.Context, node, cell string, expires time.Time) (int, error)
	// ReleaseLease ends a lease if its fence is the newest, else ErrFenced.
	ReleaseLease(ctx context.Context, uid user.ID, fence int64) error
	// ReleaseNode ends all leases of a node (or one cell of it, if cell is not
	// empty), and returns how many.
	ReleaseNode(ctx context.Context, node, cell string) (int, error)
}
