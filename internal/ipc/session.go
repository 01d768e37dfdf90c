package ipc

// KeeperAlive is gate's question which of the sessions that it remembers are
// over, in case a notice was lost: Alive -> Ended. It is not a use of the
// sessions: an idle one goes on being idle.
const KeeperAlive = "/keeper/sessions/alive"

// MaxAlive bounds the sessions of one question.
const MaxAlive = 1000

// Alive names sessions by SHA-256(sid).
type Alive struct {
	Sessions [][]byte `json:"sessions"`
}
