package jmap

// CapabilitySieve is that of SieveScript (RFC 9661).
const CapabilitySieve = "urn:ietf:params:jmap:sieve"

// ScriptID names a SieveScript.
type ScriptID string

// TypeSieveScript has a state, and no /changes (RFC 9661, section 2).
const TypeSieveScript Type = "SieveScript"

// Errors of SieveScript/set and SieveScript/validate (RFC 9661, section 2.4).
const (
	SetInvalidSieve  SetErrorType = "invalidSieve" // Description should name the line
	SetSieveIsActive SetErrorType = "sieveIsActive"
)

// SieveCapability is what an account's Sieve can (RFC 9661, section 1.2.1).
type SieveCapability struct {
	Implementation      string   // of the Session; never ""
	MaxSizeScriptName   uint64   // octets, at least 512
	MaxSizeScript       uint64   // octets; 0: no limit
	MaxNumberScripts    uint64   // 0: no limit
	MaxNumberRedirects  *uint64  // nil: no limit
	SieveExtensions     []string // never nil
	NotificationMethods []string // nil: no enotify
	ExternalLists       []string // nil: no extlists
}

// SieveScript is a script that filters mail on delivery (RFC 9661, section 2.1).
type SieveScript struct {
	ID       ScriptID
	Name     string
	BlobID   BlobID
	IsActive bool
}

// SieveProps are properties of a SieveScript.
type SieveProps uint8

// One bit a property; ParseSieveProp has their names.
const (
	SievePropID SieveProps = 1 << iota
	SievePropName
	SievePropBlobID
	SievePropIsActive

	AllSieveProps = SievePropIsActive<<1 - 1
)

// ParseSieveProp returns the property of a SieveScript with this name, or 0.
func ParseSieveProp(name string) SieveProps {
	for i, n := range [...]string{"id", "name", "blobId", "isActive"} {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// AppendJSON appends the properties of s that p names.
func (s *SieveScript) AppendJSON(dst []byte, p SieveProps) []byte {
	o := object(dst)
	o.str(p&SievePropID != 0, "id", string(s.ID))
	o.str(p&SievePropName != 0, "name", s.Name)
	o.str(p&SievePropBlobID != 0, "blobId", string(s.BlobID))
	o.bool(p&SievePropIsActive != 0, "isActive", s.IsActive)
	return o.Close()
}

// SieveCondition is a condition of SieveScript/query (RFC 9661, section 2.5).
type SieveCondition struct {
	Name     string // contained in the name; "": any
	IsActive *bool
}

// SieveSet is what a SieveScript/set asks for (RFC 9661, section 2.4).
type SieveSet struct {
	IfInState State
	Create    []SieveCreate
	Update    []SieveUpdate
	Destroy   []ScriptID
	// Deactivate and Activate happen only if all of the above succeed, in this
	// order. Activate names a script or, by ActivateCreated, one that this call
	// creates; one that does not exist is ignored.
	Deactivate      bool
	Activate        ScriptID
	ActivateCreated CreationID
}

// SieveCreate is one new script.
type SieveCreate struct {
	CreationID CreationID
	Name       *string // nil: the server makes one up
	BlobID     BlobID
}

// SieveUpdate is one change; nil leaves a property as it is.
type SieveUpdate struct {
	ID     ScriptID
	Name   *string
	BlobID *BlobID
}

// SieveChanged is what a SieveScript/set tells of one script: the properties that
// are not as the client asked for.
type SieveChanged struct {
	SieveScript
	Props SieveProps
}

// AppendJSON appends them.
func (s *SieveChanged) AppendJSON(dst []byte) []byte { return s.SieveScript.AppendJSON(dst, s.Props) }

// SieveSetResult is the outcome of a SieveScript/set.
type SieveSetResult = SetResult[ScriptID, SieveChanged]
