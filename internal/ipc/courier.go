package ipc

// CourierPush is the call that courier answers on a cell's line: CourierPushRequest
// -> CourierPushed. It is never repeated by itself: what it posts may have arrived.
//
// CodeInvalid: not a push that could be sent. CodeForbidden: the URL names what a
// push may not reach. CodeThrottled: one of courier's limits, or the push service
// asked for a pause, for RetryAfter. CodeUnavailable: no answer. CodeUnknown,
// CodeFenced, CodeExpired: keeper does not cover the session (any more).
const CourierPush = "/courier/push"

// KeeperCovers is the call that keeper answers on courier's line: CoversRequest ->
// Covered. The error is that of any call with such a capability.
const KeeperCovers = "/keeper/covers"

// AES128GCM is the one content coding of a push (RFC 8188).
const AES128GCM = "aes128gcm"

// CourierPushRequest asks for one POST to a push service (RFC 8030, section 5).
type CourierPushRequest struct {
	Auth
	URL      string `json:"url"` // https
	Body     []byte `json:"body"`
	Encoding string `json:"encoding,omitempty"` // AES128GCM, or "" for a body in clear
	TTL      int    `json:"ttl"`                // seconds
	Urgency  string `json:"urgency,omitempty"`  // RFC 8030, section 5.3
}

// CourierPushed is what the push service answered. Nothing of it is shown but this.
type CourierPushed struct {
	Status     int   `json:"status"`               // HTTP
	RetryAfter int64 `json:"retryAfter,omitempty"` // seconds; 0: the service did not say
}

// CoversRequest asks whether a capability that a cell showed is good for it now.
type CoversRequest struct {
	Auth
	Cell string `json:"cell"`
}

// Covered says whose session it is, by a name that means nothing elsewhere.
type Covered struct {
	Person []byte `json:"person"`
}
