package ipc

import "time"

const (
	// MaxCallBody bounds one JSON call or answer. The largest is a page of
	// sealed records.
	MaxCallBody = 8 << 20
	// MaxCallDepth bounds the nesting of a call's JSON; ours are flat.
	MaxCallDepth = 8
	// MaxControl bounds one message on a control line; it must stay below the
	// kernel's default socket buffer (208 KiB), as a packet is sent whole.
	MaxControl = 128 << 10
	// MaxConns bounds the open connections that one line's peer may hold, so
	// that a hostile cell cannot use up keeper's or porter's descriptors. Each
	// stream of a browser and each IMAP pipe is one: a cell with more live people
	// than this should be several cells. server gives the roles descriptors to fit.
	MaxConns = 2048
	// largeCall is the size over which a call's body counts as large, and
	// maxLargeCalls how many of them one line's peer may have in our memory at
	// once: 8 times keeper's largest are 64 MiB.
	largeCall     = 256 << 10
	maxLargeCalls = 8
	// MaxError bounds the detail text of an error that crosses a line.
	MaxError = 512
	// CallTimeout is the deadline of a call that states no shorter one. No
	// request of a person may hang for more than 5 s because a role is away.
	CallTimeout = 5 * time.Second
	// headerTimeout and idleTimeout bound what a silent peer may hold open.
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
	// maxWhole is the body of a request that is written before its answer is looked
	// at: a socket's buffer holds 208 KiB. A larger one has goroutines of its own.
	maxWhole = 64 << 10
	// maxIdle is how many connections of a line wait for the next request.
	maxIdle = 32
	// MaxEnvelopeHeader bounds an envelope that stands in a header: with the
	// capability it stays below maxHeader. A hundred recipients have room.
	MaxEnvelopeHeader = 8 << 10
	// MaxSieveScripts and MaxSieveScript bound the scripts of a person and the bytes
	// of one, as porter takes them and a cell announces them. Servers allow fewer as
	// a rule; the largest that people export from filter editors have some 100 KiB.
	MaxSieveScripts = 200
	MaxSieveScript  = 512 << 10
	// MaxOutcomes and MaxAttemptName bound a question about hand-overs: a person has
	// a handful under way, named after the records of them.
	MaxOutcomes    = 100
	MaxAttemptName = 80
	// MaxEnvelope bounds an envelope in a body: 1,000 recipients with addresses and
	// parameters of full length (RFC 5321 section 4.5.3.1).
	MaxEnvelope = 1 << 20
)
