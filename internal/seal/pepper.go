package seal

import (
	"cofferdam/internal/user"
)

// Proof is what vault is given of A: V = HKDF-Expand(A, "cofferdam/pw-vault/v1").
// Vault needs something that only the right password yields; it must not get A
// itself, as A and P together are KEK_pw and vault has the slot in its hands.
type Proof struct{ key }

// ParseProof reads V as it came over a line.
func ParseProof(b []byte) (Proof, error) {
	k, err := keyFrom(b)
	return Proof{k}, err
}

// Proof derives V.
func (a Stretched) Proof() (Proof, error) {
	k, err := a.expand("cofferdam/pw-vault/v1")
	return Proof{k}, err
}

// PepperKey is one version of vault's pepper.
type PepperKey struct{ key }

// NewPepperKey makes a random pepper.
func NewPepperKey() PepperKey { return PepperKey{newKey()} }

// ParsePepperKey reads a pepper.
func ParsePepperKey(b []byte) (PepperKey, error) {
	k, err := keyFrom(b)
	return PepperKey{k}, err
}

// Peppered is P: vault's half of a password slot's key.
type Peppered struct{ key }

// ParsePeppered reads P as it came over a line.
func ParsePeppered(b []byte) (Peppered, error) {
	k, err := keyFrom(b)
	return Peppered{k}, err
}

// Pepper computes P = HMAC-SHA-256(pepper, "pep/v1" | uid | V).
func (k PepperKey) Pepper(uid user.ID, v Proof) (Peppered, error) {
	vb, err := v.usable()
	if err != nil {
		return Peppered{}, err
	}
	// uid and V are of fixed length, so plain concatenation is injective.
	t := append(transcript("pep/v1"), uid[:]...).fixed(vb)
	defer clear(t)
	sum, err := k.mac(t)
	if err != nil {
		return Peppered{}, err
	}
	return Peppered{key{hide(&sum)}}, nil
}

// KEK is the key of a slot's inner layer. Only keeper has it, for one sign-in.
type KEK struct{ key }

// PasswordKEK computes KEK_pw = HKDF-SHA-256(A | P, "cofferdam/kek-pw/v1").
func PasswordKEK(a Stretched, p Peppered) (KEK, error) {
	ab, err := a.usable()
	if err != nil {
		return KEK{}, err
	}
	pb, err := p.usable()
	if err != nil {
		return KEK{}, err
	}
	k, err := extract("cofferdam/kek-pw/v1", ab, pb)
	return KEK{k}, err
}

// LoginKey keys the map from logins to people. It lives in vault.
type LoginKey struct{ key }

// NewLoginKey makes a random key.
func NewLoginKey() LoginKey { return LoginKey{newKey()} }

// ParseLoginKey reads a key.
func ParseLoginKey(b []byte) (LoginKey, error) {
	k, err := keyFrom(b)
	return LoginKey{k}, err
}

// LoginIDSize is the length of a LoginID in bytes.
const LoginIDSize = 32

// LoginID is the keyed hash under which the database maps a login to a person.
type LoginID [LoginIDSize]byte

// LoginID computes HMAC-SHA-256(key, "cofferdam/login/v1" 0x00 | login) of a
// canonical login (user.ParseLogin).
func (k LoginKey) LoginID(canonical string) (LoginID, error) {
	sum, err := k.mac(newTranscript("cofferdam/login/v1").fixed([]byte(canonical)))
	return LoginID(sum), err
}
