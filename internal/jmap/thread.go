package jmap

// Thread is a conversation (RFC 8621, section 3).
type Thread struct {
	ID ThreadID
	// EmailIDs is sorted by receivedAt, oldest first, then by id.
	EmailIDs []EmailID
}
