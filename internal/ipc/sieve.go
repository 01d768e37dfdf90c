package ipc

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// Calls about mail filters that porter answers on a cell's line. Porter speaks
// ManageSieve itself, signed in as the person, and guards what is stored.
const (
	PorterSieveOffer = "/porter/sieve/offer" // SieveAsk -> SieveOffer
	PorterSieveRead  = "/porter/sieve/read"  // SieveAsk -> SieveScripts
	PorterSieveCheck = "/porter/sieve/check" // SieveCheck -> SieveDone
	PorterSieveApply = "/porter/sieve/apply" // SieveApply -> SieveDone
)

// SieveAsk asks in the name of a capability.
type SieveAsk struct {
	Auth Auth `json:"auth"`
}

// SieveOffer is what the platform's Sieve can. It is the platform's, not the
// person's, and porter answers it from memory as a rule.
type SieveOffer struct {
	Configured     bool     `json:"configured"` // false: the platform has none, and the rest is empty
	Implementation string   `json:"implementation,omitempty"`
	Extensions     []string `json:"extensions,omitempty"`
	Notify         []string `json:"notify,omitempty"`
	MaxRedirects   *uint64  `json:"maxRedirects,omitempty"`
}

// SieveScripts are all scripts of a person with what is in them.
type SieveScripts struct {
	Scripts []SieveScript `json:"scripts"`
}

// SieveScript is one of them.
type SieveScript struct {
	Name    string `json:"name"`
	Active  bool   `json:"active,omitempty"`
	Content []byte `json:"content"`
}

// SieveCheck asks whether a script is valid.
type SieveCheck struct {
	Auth    Auth   `json:"auth"`
	Content []byte `json:"content"`
}

// SieveApply changes scripts, step by step, until one does not succeed.
type SieveApply struct {
	Auth Auth `json:"auth"`
	// Seen is the SieveDigest of the scripts that the change was made for. If they
	// are others by now, nothing is done.
	Seen  []byte      `json:"seen,omitempty"`
	Steps []SieveStep `json:"steps"`
}

// SieveStep is one change.
type SieveStep struct {
	Verb    string `json:"verb"` // put, rename, delete, activate
	Name    string `json:"name"` // activate: "" for none
	To      string `json:"to,omitempty"`
	Content []byte `json:"content,omitempty"`
}

// Verbs of a SieveStep.
const (
	SievePut      = "put"
	SieveRename   = "rename"
	SieveDelete   = "delete"
	SieveActivate = "activate"
)

// SieveDone says how far it came. Guards look at all steps before the first is
// taken: with SieveForbidden Done is 0.
type SieveDone struct {
	Done int    `json:"done"`           // steps that were taken
	No   string `json:"no,omitempty"`   // why the next one was not; "": all were
	Text string `json:"text,omitempty"` // the server's or the guard's words, for the person
}

// Why a step was not taken.
const (
	SieveInvalid   = "invalid"   // the script is no valid Sieve
	SieveForbidden = "forbidden" // the guard wants the person to confirm it
	SieveNotFound  = "notFound"
	SieveExists    = "exists"
	SieveActive    = "active" // the script filters mail now
	SieveQuota     = "quota"
	SieveTooLarge  = "tooLarge"
	SieveRefused   = "refused" // for a reason that has no word
	SieveChanged   = "changed" // the scripts are not those of Seen
	SieveAway      = "away"    // the connection broke: the step may have been taken
)

// SieveDigest stands for scripts as they are, in whatever order.
func SieveDigest(list []SieveScript) []byte {
	list = slices.SortedFunc(slices.Values(list), func(a, b SieveScript) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, s := range list {
		active := byte(0)
		if s.Active {
			active = 1
		}
		sum.Write(binary.AppendUvarint([]byte{active}, uint64(len(s.Name))))
		sum.Write([]byte(s.Name))
		sum.Write(binary.AppendUvarint(nil, uint64(len(s.Content))))
		sum.Write(s.Content)
	}
	return sum.Sum(nil)
}
