package ipc

// Calls that keeper answers on gate's line.
const (
	KeeperOffer    = "/keeper/offer"           // None -> SignInOffer
	KeeperSignIn   = "/keeper/sign-in"         // SignInRequest -> SignedIn
	KeeperOpen     = "/keeper/session/open"    // OpenRequest -> Grant
	KeeperSignOut  = "/keeper/session/end"     // SessionKey -> None
	KeeperSessions = "/keeper/sessions/list"   // SessionKey -> SessionList
	KeeperRevoke   = "/keeper/sessions/revoke" // RevokeRequest -> None
	KeeperToken    = "/keeper/token"           // TokenRequest -> SignedIn
)

// Calls that keeper answers on a cell's line. Each carries the capability.
const (
	KeeperRecordPut     = "/keeper/records/put"     // RecordPut -> RecordMark
	KeeperRecordGet     = "/keeper/records/get"     // RecordGet -> Record
	KeeperRecordList    = "/keeper/records/list"    // RecordList -> RecordPage
	KeeperRecordChanges = "/keeper/records/changes" // RecordChanges -> RecordPage
)

// SessionKey is the two halves of a session cookie or bearer token.
type SessionKey struct {
	SID  []byte `json:"sid"`  // 16 bytes
	SKey []byte `json:"skey"` // 32 bytes
}

// Kinds of a session.
const (
	KindCookie = "cookie"
	KindBearer = "bearer"
	KindBasic  = "basic"
)

// SignInRequest is a sealed sign-in with what gate knows of the asker.
type SignInRequest struct {
	Box     Box    `json:"box"`
	Kind    string `json:"kind"`
	Network string `json:"network"`          // IP address
	Agent   string `json:"agent"`            // User-Agent, at most 256 bytes
	Shared  bool   `json:"shared"`           // a shared computer: short session, nothing kept
	Device  []byte `json:"device,omitempty"` // the device token of an earlier sign-in
}

// SignedIn is a new session.
type SignedIn struct {
	Key    SessionKey `json:"key"`
	Grant  Grant      `json:"grant"`
	Device []byte     `json:"device,omitempty"` // token that marks this browser as known to this account
}

// OpenRequest opens a session for gate. Stale is a capability that its cell did
// not know any more.
type OpenRequest struct {
	Key     SessionKey `json:"key"`
	Network string     `json:"network"`
	Stale   []byte     `json:"stale,omitempty"`
}

// Grant is what gate needs to pass a person's requests on.
type Grant struct {
	Session    []byte `json:"session"`    // SHA-256(sid): what ended-notices name
	Capability []byte `json:"capability"` // 32 bytes, for this session, cell and lease
	Cell       string `json:"cell"`       // whose line to use
	Login      string `json:"login"`      // for the page's greeting only
	Expires    int64  `json:"expires"`    // unix seconds
	Locked     bool   `json:"locked"`     // sealed classes wait for the old password
}

// SessionList is one person's live sessions.
type SessionList struct {
	Sessions []SessionInfo `json:"sessions"`
}

// SessionInfo describes a session to its owner.
type SessionInfo struct {
	ID       []byte `json:"id"` // SHA-256(sid)
	Kind     string `json:"kind"`
	Current  bool   `json:"current"`
	Created  int64  `json:"created"`
	LastSeen int64  `json:"lastSeen"`
	Expires  int64  `json:"expires"`
	Agent    string `json:"agent"`
	Network  string `json:"network"`
	Name     string `json:"name,omitempty"` // of a bearer token
}

// RevokeRequest ends sessions of the asking person: those named, or all others.
type RevokeRequest struct {
	Key    SessionKey `json:"key"`
	IDs    [][]byte   `json:"ids,omitempty"`
	Others bool       `json:"others,omitempty"`
}

// TokenRequest makes a named bearer token for another JMAP client.
type TokenRequest struct {
	Key  SessionKey `json:"key"`
	Name string     `json:"name"` // at most 64 bytes
}

// Auth is what each call of a cell carries.
type Auth struct {
	Capability []byte `json:"capability"`
}

// Record is one sealed record. Keeper cannot read Data.
type Record struct {
	Class      string `json:"class"`
	ID         []byte `json:"id"` // at most 64 bytes without meaning: a keyed hash
	Revision   int64  `json:"revision"`
	Generation int64  `json:"generation"`
	Change     int64  `json:"change"` // position in the class's change order
	Deleted    bool   `json:"deleted,omitempty"`
	Data       []byte `json:"data,omitempty"`
}

// ClassRoot is the sealed root of a class (docs/formats/record.md). Keeper cannot
// read Sealed.
type ClassRoot struct {
	Counter    int64  `json:"counter"`
	Generation int64  `json:"generation"`
	Sealed     []byte `json:"sealed"`
}

// RootFault says in what a class did not fit its root. Empty: it fits.
type RootFault string

// Faults of a class, the gravest first.
const (
	FaultRolledBack RootFault = "rolledBack" // the counter is older than vault's mirror of it
	FaultRoot       RootFault = "root"       // the root is missing or does not open
	FaultRows       RootFault = "rows"       // rows were set back, taken out or put in
	FaultUnreadable RootFault = "unreadable" // a row is where it belongs and does not open
)

// Known says whether f is one of the faults above.
func (f RootFault) Known() bool {
	switch f {
	case FaultRolledBack, FaultRoot, FaultRows, FaultUnreadable:
		return true
	}
	return false
}

// RootWrite replaces a class's root, together with the record that changes it.
type RootWrite struct {
	Root   ClassRoot `json:"root"`   // its counter is Expect+1
	Expect int64     `json:"expect"` // counter of the root that it replaces; 0: none
	// Fault says that the cell found this and makes the root anew over what there
	// is. The counter is then one more than Expect and vault's mirror.
	Fault RootFault `json:"fault,omitempty"`
}

// RecordPut writes a record if its stored revision is one less than its own. One
// that is Deleted has no data. Root must be there, except for derived classes
// (keeper knows which), which have none. A record without id, revision and data
// names the class of a root that is written alone.
type RecordPut struct {
	Auth
	Record Record     `json:"record"`
	Root   *RootWrite `json:"root,omitempty"`
}

// RecordMark is where a write landed in the class's order of changes.
type RecordMark struct {
	Change int64 `json:"change"`
}

// RecordGet reads one record.
type RecordGet struct {
	Auth
	Class string `json:"class"`
	ID    []byte `json:"id"`
}

// RecordList reads live records of a class after an id, in order of id.
type RecordList struct {
	Auth
	Class string `json:"class"`
	After []byte `json:"after,omitempty"`
	Limit int    `json:"limit"`
}

// RecordChanges reads what changed after a position, deletions included.
type RecordChanges struct {
	Auth
	Class string `json:"class"`
	Since int64  `json:"since"`
	Limit int    `json:"limit"`
}

// RecordPage is a page of records.
type RecordPage struct {
	Records []Record `json:"records"`
	More    bool     `json:"more"`
	// Root is the class's root as it stood when the page was read, nil if there is
	// none; of lists alone.
	Root *ClassRoot `json:"root,omitempty"`
	// Mirror is the highest counter of that root that vault saw before the page
	// was read: a lower one in Root is a rollback. On a list's first page alone.
	Mirror int64 `json:"mirror,omitempty"`
}
