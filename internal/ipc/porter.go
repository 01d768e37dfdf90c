package ipc

// Calls that porter answers on keeper's line.
const (
	PorterSignIn = "/porter/sign-in"      // None -> SignInOffer
	PorterAuth   = "/porter/authenticate" // AuthRequest -> Authenticated
	PorterDerive = "/porter/derive"       // DeriveRequest -> Derived
	PorterLive   = "/porter/live"         // LiveRequest -> LiveAnswer
	PorterEnd    = "/porter/end"          // EndRequest -> None
)

// What porter answers on a cell's line. Both take the capability in
// HeaderCapability.
const (
	// PorterIMAP upgrades the connection to a guarded IMAP byte pipe, greeted
	// with PREAUTH. Upgrade protocol: "imap".
	PorterIMAP = "/porter/pipe/imap"
	// PorterSubmit takes a SubmitEnvelope as JSON in HeaderEnvelope (base64url)
	// and the message as the body; it answers Submitted. An envelope that is too
	// long for a header is the first line of the body, as JSON; HeaderEnvelope is
	// EnvelopeInBody then.
	PorterSubmit = "/porter/submit"
	// PorterSubmitOffer tells what the submission server can: SieveAsk -> SubmitOffer.
	PorterSubmitOffer = "/porter/submit/offer"
	// PorterSubmitOutcome tells what became of mails whose Submitted a cell did not
	// get, or could not store any more: OutcomeAsk -> OutcomeList.
	PorterSubmitOutcome = "/porter/submit/outcome"
)

// Headers between roles. Gate strips all of them from what comes from outside.
const (
	HeaderCapability = "Cofferdam-Capability"
	HeaderEnvelope   = "Cofferdam-Envelope"
	HeaderNetwork    = "Cofferdam-Network"
	HeaderOrigin     = "Cofferdam-Origin"
)

// EnvelopeInBody is what HeaderEnvelope says of an envelope over MaxEnvelopeHeader.
const EnvelopeInBody = "body"

// SignInOffer is what a page needs in order to seal a sign-in.
type SignInOffer struct {
	Key       []byte   `json:"key"`       // the signed sign-in key document, JSON (docs/formats)
	Challenge []byte   `json:"challenge"` // 24 bytes, valid 5 minutes
	Domains   []string `json:"domains"`   // mail domains served, for completion
}

// Box is a sealed sign-in (docs/formats). Only porter can open it.
type Box struct {
	KID       []byte `json:"kid"`
	Enc       []byte `json:"enc"`
	CT        []byte `json:"ct"`
	Challenge []byte `json:"challenge"`
}

// AuthRequest asks porter to open a box and to sign in at the platform.
type AuthRequest struct {
	Box     Box    `json:"box"`
	Network string `json:"network"`          // the person's address, handed to the platform where it takes it
	Known   bool   `json:"known"`            // the browser showed a device token of an earlier good sign-in
	Device  []byte `json:"device,omitempty"` // login hash inside the device token; see keeper
}

// Authenticated is the platform's yes.
type Authenticated struct {
	Ref        []byte   `json:"ref"`        // names the opened password in porter for PorterDerive; 60 s, once
	Login      string   `json:"login"`      // canonical
	Platform   string   `json:"platform"`   // name in the configuration
	Addresses  []string `json:"addresses"`  // what the person may send as; first is the main one
	Credential []byte   `json:"credential"` // sealed to porter's own key: nobody else can open it
}

// DeriveRequest asks for A = Argon2id(password, salt). It also forgets Ref.
type DeriveRequest struct {
	Ref     []byte `json:"ref"`
	Salt    []byte `json:"salt"`
	Memory  uint32 `json:"memory"` // KiB
	Time    uint32 `json:"time"`
	Threads uint8  `json:"threads"`
}

// Derived is A.
type Derived struct {
	A []byte `json:"a"`
}

// LiveRequest registers a capability: which cell may ask for pipes with it.
// An older fence of the same uid ends: its pipes are closed.
type LiveRequest struct {
	Capability []byte `json:"capability"` // SHA-256 of it
	Session    []byte `json:"session"`    // SHA-256(sid)
	UID        []byte `json:"uid"`
	Cell       string `json:"cell"`
	Fence      int64  `json:"fence"`
	Platform   string `json:"platform"`
	Credential []byte `json:"credential"` // as porter sealed it
	Network    string `json:"network"`
	Expires    int64  `json:"expires"` // unix seconds
}

// LiveAnswer says whose credential it is. Keeper checks the login against the
// uid; it is not stored anywhere in clear.
type LiveAnswer struct {
	Login     string   `json:"login"`
	Platform  string   `json:"platform"`
	Addresses []string `json:"addresses"`
}

// EndRequest ends sessions: pipes are closed, keys and credentials that no other
// session needs are wiped.
type EndRequest struct {
	Sessions [][]byte `json:"sessions"` // SHA-256(sid) of each
}

// SubmitOffer is what the platform's submission server can. It is the platform's,
// not the person's, and porter answers it from memory as a rule.
type SubmitOffer struct {
	MaxSize    int64               `json:"maxSize,omitempty"` // bytes; 0: it does not say
	MaxHold    int64               `json:"maxHold,omitempty"` // seconds for which it holds a mail (RFC 4865)
	Extensions map[string][]string `json:"extensions,omitempty"`
}

// SubmitEnvelope is one mail's way out.
type SubmitEnvelope struct {
	// From is an address of the person; "" is the null sender of a notice, which is
	// small and goes to few.
	From string `json:"from"`
	// Attempt names the hand-over for PorterSubmitOutcome, in at most
	// MaxAttemptName bytes; "" is not asked about.
	Attempt    string       `json:"attempt,omitempty"`
	FromParams Params       `json:"fromParams,omitempty"`
	To         []SubmitRcpt `json:"to"`
	Size       int64        `json:"size"`
}

// SubmitRcpt is one recipient.
type SubmitRcpt struct {
	Address string `json:"address"`
	Params  Params `json:"params,omitempty"`
}

// Params are SMTP parameters such as NOTIFY (RFC 3461).
type Params map[string]string

// Submitted is the submission server's answer. A mail that was not taken at all
// travels as an error: CodeForbidden (guard), CodeRefused (permanent, Detail is
// the server's text), CodeUnavailable (nothing was sent, safe to repeat),
// CodeUncertain (the connection broke after DATA). So it does not if the server
// refused each recipient for good: Taken is empty then.
type Submitted struct {
	Reply    string      `json:"reply"` // the server's last line
	Taken    []RcptReply `json:"taken,omitempty"`
	Rejected []RcptReply `json:"rejected,omitempty"`
}

// OutcomeAsk asks about hand-overs of the capability's person, MaxOutcomes at most.
type OutcomeAsk struct {
	Auth     Auth     `json:"auth"`
	Attempts []string `json:"attempts"`
}

// OutcomeList has those that porter remembers.
type OutcomeList struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is what PorterSubmit answered, or would have: Submitted, or an error's code
// and detail.
type Outcome struct {
	Attempt   string     `json:"attempt"`
	Pending   bool       `json:"pending,omitempty"`
	Submitted *Submitted `json:"submitted,omitempty"`
	Code      Code       `json:"code,omitempty"`
	Detail    string     `json:"detail,omitempty"`
}

// RcptReply is the server's answer to one recipient.
type RcptReply struct {
	Address string `json:"address"`
	Reply   string `json:"reply"`
}
