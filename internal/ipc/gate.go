package ipc

// Calls that gate answers on keeper's line.
const (
	GateEnded = "/gate/ended" // Ended -> None
)

// Ended tells gate to forget sessions and to end their streams.
type Ended struct {
	Sessions [][]byte `json:"sessions"` // SHA-256(sid)
}
