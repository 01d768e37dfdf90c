package jmapserver

import "time"

// Limits is what the Session announces and the server enforces (RFC 8620,
// section 2).
type Limits struct {
	MaxSizeUpload         int64
	MaxConcurrentUpload   int
	MaxSizeRequest        int64
	MaxConcurrentRequests int
	MaxCallsInRequest     int
	MaxObjectsInGet       int
	MaxObjectsInSet       int
	// MaxConcurrentStreams is announced in the vendor capability: the RFC has no
	// name for it.
	MaxConcurrentStreams int
}

// DefaultLimits are the values that the RFC suggests as a minimum, and more
// where more costs nothing.
func DefaultLimits() Limits {
	return Limits{
		MaxSizeUpload:         50_000_000, // suggested; what mail platforms take as a rule
		MaxConcurrentUpload:   4,          // suggested; each holds a stream to the store
		MaxSizeRequest:        10_000_000, // suggested; a draft with a large body fits
		MaxConcurrentRequests: 8,          // twice the suggestion: several tabs of one browser
		MaxCallsInRequest:     32,         // twice the suggestion: one view is 5 to 10 calls
		MaxObjectsInGet:       500,        // suggested
		MaxObjectsInSet:       500,        // suggested
		MaxConcurrentStreams:  16,         // one a browser or device; tabs share theirs
	}
}

const (
	// maxValuesInRequest bounds the memory of a decoded request (about 80 octets
	// a value): 500 changed Emails with 20 properties each need 10,000. It is
	// announced in the vendor capability.
	maxValuesInRequest = 200_000
	// maxDepthInRequest bounds recursion; a filter of 25 levels of operators
	// fits. It is announced in the vendor capability.
	maxDepthInRequest = 64
	// maxReferencedValues bounds what result references of one request may make
	// us parse of our own responses.
	maxReferencedValues = 400_000
	// maxWalkedValues bounds what the result references of one request may lead
	// through, at some 80 octets of copies each: one over 500 Emails with all their
	// properties takes 14,000.
	maxWalkedValues = 2_000_000
	// maxResponseOctets bounds the memory of one answer. A call that would
	// exceed it is answered requestTooLarge; the client asks for fewer objects
	// or cuts body values.
	maxResponseOctets = 32 << 20
	// maxDataSources bounds the sources of one Blob/upload: RFC 9404, section 3.1
	// asks for 64 at least.
	maxDataSources = 100
	// maxQueryLimit is the most ids in one answer (RFC 8620, section 5.5): about
	// 150 kB.
	maxQueryLimit = 5000
	// maxChangesAsked is what a larger maxChanges counts as: no result is so
	// long, and it fits into an int of any size.
	maxChangesAsked = 1 << 30
	// maxFilterConditions bounds the conditions and operators of a filter: each
	// condition may cost a search on the mail platform.
	maxFilterConditions = 256
	// maxComparators is more than there are properties to sort by.
	maxComparators = 16
	// maxReferencesInCall is more than any method has arguments. Each may walk
	// over a whole response.
	maxReferencesInCall = 16
	// maxProperties is the most properties that may be named in a /get or given
	// in a create: Email has 26, and header fields come on top.
	maxProperties = 200
	// maxPaths is the most paths of one PatchObject, and the most members of one
	// set of keywords or Mailboxes; both are compared with each other.
	maxPaths = 1000
	// maxPathOctets is the longest path: a keyword has 255 octets, which a JSON
	// Pointer may double.
	maxPathOctets = 600
	// maxNewParts bounds the parts of an Email to be created.
	maxNewParts = 1000

	// requestTimeout is the time that all calls of a request have together. The
	// slowest of them is a search without an index on the mail platform.
	requestTimeout = 60 * time.Second
	// writeTimeout is how long one event may take to be read by gate before the
	// stream is given up.
	writeTimeout = 30 * time.Second

	// minPing and maxPing clamp what a client asks for, in seconds. RFC 8620,
	// section 7.3: the minimum MUST NOT be over 30, the maximum not below 300.
	minPing = 5
	maxPing = 900
	// pushInterval is the least time between two state events of a stream: a
	// burst of changes becomes one event (RFC 8620, section 7).
	pushInterval = 200 * time.Millisecond
	// maxLastEventID bounds a header that comes back from a client.
	maxLastEventID = 8 << 10
)
