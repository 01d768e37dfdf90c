package jmap

// Capabilities that this server may announce.
const (
	CapabilityCore       = "urn:ietf:params:jmap:core"       // RFC 8620
	CapabilityMail       = "urn:ietf:params:jmap:mail"       // RFC 8621
	CapabilitySubmission = "urn:ietf:params:jmap:submission" // RFC 8621
	CapabilityWebSocket  = "urn:ietf:params:jmap:websocket"  // RFC 8887
	CapabilityVendor     = "urn:x-cofferdam:jmap:1"          // MessageView, EmailSearch
)
