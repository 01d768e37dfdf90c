package ipc

// Calls that vault answers, on keeper's line alone.
const (
	VaultLoginID   = "/vault/login-id"   // LoginIDRequest -> LoginID
	VaultNewUser   = "/vault/new-user"   // NewUserRequest -> None
	VaultPepper    = "/vault/pepper"     // PepperRequest -> Pepper
	VaultWrap      = "/vault/wrap"       // ShredRequest -> ShredBox
	VaultUnwrap    = "/vault/unwrap"     // UnwrapRequest -> Unwrapped
	VaultEpochPut  = "/vault/epoch/put"  // Epochs -> None
	VaultEpochGet  = "/vault/epoch/get"  // None -> Epochs
	VaultRootCheck = "/vault/root/check" // RootRequest -> RootVerdict
	VaultRootSeen  = "/vault/root/seen"  // RootName -> RootSeen
)

// None is the empty call or answer.
type None struct{}

// LoginIDRequest asks for the keyed hash under which a login is stored.
type LoginIDRequest struct {
	Login string `json:"login"` // canonical, user.Canonical
}

// LoginID is HMAC(vault key, canonical login).
type LoginID struct {
	ID []byte `json:"id"` // 32 bytes
}

// NewUserRequest makes SHRED_u for a uid; repeating it is harmless.
type NewUserRequest struct {
	UID []byte `json:"uid"`
}

// PepperRequest asks for P = HMAC(pepper[v], "pep/v1" | uid | V) to make a slot.
// Version 0 means the newest. Proof is V = HKDF-Expand(A), never A: with A, vault
// could open the slot (docs/decisions/0006-proof.md).
type PepperRequest struct {
	UID     []byte `json:"uid"`
	Proof   []byte `json:"proof"` // 32 bytes
	Version int    `json:"version"`
}

// Pepper is P and the pepper's version, which the slot stores.
type Pepper struct {
	P       []byte `json:"p"`
	Version int    `json:"version"`
}

// ShredRequest asks for the outer layer around an inner slot box.
type ShredRequest struct {
	UID   []byte `json:"uid"`
	AAD   []byte `json:"aad"`
	Inner []byte `json:"inner"`
}

// ShredBox is SHRED_AEAD(inner).
type ShredBox struct {
	Outer []byte `json:"outer"`
}

// UnwrapRequest opens a slot's outer layer and answers P in the same call: one
// round trip a sign-in. A proof that was not shown lately counts against the
// limits of the uid.
type UnwrapRequest struct {
	UID     []byte `json:"uid"`
	Proof   []byte `json:"proof"` // 32 bytes
	Version int    `json:"version"`
	AAD     []byte `json:"aad"`
	Outer   []byte `json:"outer"`
}

// Unwrapped is the inner box and P.
type Unwrapped struct {
	Inner []byte `json:"inner"`
	P     []byte `json:"p"`
}

// Epochs are keeper's session epoch keys, newest first: vault holds them in
// memory for keeper's successor.
type Epochs struct {
	Keys []Epoch `json:"keys"`
}

// Epoch is one K_epoch.
type Epoch struct {
	Number  int64  `json:"number"`
	Key     []byte `json:"key"`     // 32 bytes
	Created int64  `json:"created"` // unix seconds
}

// RootRequest shows vault a class root's counter: vault remembers the highest.
type RootRequest struct {
	UID     []byte `json:"uid"`
	Class   string `json:"class"`
	Counter int64  `json:"counter"`
	Advance bool   `json:"advance"` // this is a write; else a check of what was read
	// Fault says that the root was made anew because the class did not fit it:
	// vault counts and logs it. With Advance alone.
	Fault RootFault `json:"fault,omitempty"`
}

// RootName asks for the mirror of one class root.
type RootName struct {
	UID   []byte `json:"uid"`
	Class string `json:"class"`
}

// RootSeen is the highest counter that vault saw; 0 for a root it knows nothing of.
type RootSeen struct {
	Highest int64 `json:"highest"`
}

// RootVerdict says whether the counter is older than what vault saw.
type RootVerdict struct {
	RolledBack bool  `json:"rolledBack"`
	Highest    int64 `json:"highest"`
}
