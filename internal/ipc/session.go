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

// KeeperHeld is porter's question which of the sessions whose passwords it holds
// are over: Alive -> Ended. Those are ended everywhere. A notice may have been
// lost, and a keeper that was restarted knows nothing of sessions that nobody has
// used since.
const KeeperHeld = "/keeper/sessions/held"
