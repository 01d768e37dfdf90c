package ipc

// Calls that a cell answers on keeper's line.
const (
	CellPerson    = "/cell/person"     // PersonRequest -> PersonTaken
	CellPersonEnd = "/cell/person/end" // EndRequest -> None
)

// On gate's line a cell answers the person's own requests: paths below /jmap/
// and /body/, with HeaderCapability. A capability that it does not know gets
// CodeUnknown (421) before anything is done, so that gate may open the session
// again and repeat the request.
const (
	CellJMAP = "/jmap/"
	CellBody = "/body/"
)

// CellMessage takes one message of a WebSocket (RFC 8887) as a POST, and answers
// one message of type MessageType; for WebSocketPushEnable messages without end, of
// type PushType, one a line; for WebSocketPushDisable nothing (204).
const (
	CellMessage = "/jmap/ws"
	MessageType = "application/json"
	PushType    = "application/x-ndjson"
)

// PersonRequest hands a live person to a cell.
type PersonRequest struct {
	Capability []byte     `json:"capability"` // the cell shows it to keeper and porter
	Session    []byte     `json:"session"`    // SHA-256(sid), for the end
	UID        []byte     `json:"uid"`
	Fence      int64      `json:"fence"`
	Resume     bool       `json:"resume"` // only if the cell has the person already, at this fence
	Login      string     `json:"login"`
	Addresses  []string   `json:"addresses"`
	Platform   string     `json:"platform"`
	Keys       []ClassKey `json:"keys,omitempty"`
	UploadKey  []byte     `json:"uploadKey"` // of this session's uploads, 32 bytes
	Basic      bool       `json:"basic,omitempty"`
	Locked     bool       `json:"locked"` // keys open nothing of the person's: store nothing
	Expires    int64      `json:"expires"`
}

// ClassKey is the key of one class of sealed records.
type ClassKey struct {
	Class      string `json:"class"` // mail, contacts, settings, outbox
	Generation int64  `json:"generation"`
	Key        []byte `json:"key"` // 32 bytes
}

// PersonTaken is the cell's answer. Held is false when Resume was asked and the
// cell does not have the person at that fence: nothing was done then.
type PersonTaken struct {
	Held bool `json:"held"`
	// Beside says that the cell has the person at that fence for sessions of the
	// other kind of Locked alone, whose keys this one must not get or give. Asked
	// again without Resume, it takes this one beside them.
	Beside bool `json:"beside,omitempty"`
}
