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

// IdentitySet is one Identity/set (RFC 8621, section 6.3).
type IdentitySet struct {
	IfInState State // "" is null
	Create    []IdentityCreate
	Update    []IdentityUpdate
	Destroy   []IdentityID
}

// IdentityCreate is an Identity to be made. What is nil has its default; ID is
// not used.
type IdentityCreate struct {
	CreationID CreationID
	Email      string
	IdentityUpdate
}

// IdentityUpdate changes the properties that are not nil.
type IdentityUpdate struct {
	ID            IdentityID
	Name          *string
	ReplyTo       *[]Address // to an empty list: null
	Bcc           *[]Address // the same
	TextSignature *string
	HTMLSignature *string
}

// IdentitySetResult is the outcome of an IdentitySet. A created Identity is
// returned whole; of an updated one HTMLSignature alone, if it was made harmless.
type IdentitySetResult = SetResult[IdentityID, Identity]
