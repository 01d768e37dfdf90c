package jmap

// Identity is an address that the person may send from (RFC 8621, section 6).
type Identity struct {
	ID            IdentityID
	Name          string
	Email         string
	ReplyTo       []Address // nil is null
	Bcc           []Address // nil is null
	TextSignature string
	HTMLSignature string
	MayDelete     bool
}
