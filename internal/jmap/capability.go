package jmap

// Capabilities that this server may announce.
const (
	CapabilityCore       = "urn:ietf:params:jmap:core"       // RFC 8620
	CapabilityMail       = "urn:ietf:params:jmap:mail"       // RFC 8621
	CapabilitySubmission = "urn:ietf:params:jmap:submission" // RFC 8621
	CapabilityWebSocket  = "urn:ietf:params:jmap:websocket"  // RFC 8887
)

// CapabilityVendor is the one extension of ours: MessageView, EmailSearch, AccountFault, UndoSend.
// It is the path of its documentation: outside, the capability is called by the
// whole URL at this installation (RFC 8620, sections 1.8 and 2; docs/decisions/0011).
const CapabilityVendor = "/docs/jmap-extension-1"
