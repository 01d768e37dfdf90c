package imap

import "time"

// Every limit of the package, with its reason. Those that a caller may want
// otherwise are defaults of Options.
const (
	// maxLine bounds the bytes kept of one response line. A SEARCH answer over
	// a million messages has 8 MB; an ENVELOPE with 10,000 recipients 1 MB.
	maxLine = 16 << 20

	// maxResponse bounds the bytes kept of one response, lines and literals
	// together: a row of a few in-memory literals.
	maxResponse = 32 << 20

	// maxLiteralInMemory bounds one literal that no caller streams. Bigger ones
	// are skipped and marked. It is above any sane text part and header.
	maxLiteralInMemory = 8 << 20

	// maxLiteral bounds a literal that is streamed or skipped: the largest
	// message anybody accepts, with room. More is taken for a broken frame.
	maxLiteral = 4 << 30

	// maxSkip bounds the bytes skipped of one line that is too long, after
	// which the frame is taken for broken.
	maxSkip = 256 << 20

	// maxDepth bounds the nesting of lists. Servers cap MIME nesting near 100;
	// a BODYSTRUCTURE nests two levels a part.
	maxDepth = 256

	// maxTokens bounds the tokens kept of one response (16 bytes each). A
	// BODYSTRUCTURE of 5,000 parts has 100,000.
	maxTokens = 1 << 20

	// keepBuffer and keepTokens bound what a connection keeps allocated
	// between responses: one monster must not stay for the session.
	keepBuffer = 256 << 10
	keepTokens = 16 << 10

	// maxCodeArgs bounds the kept arguments of a response code. COPYUID of
	// 30,000 scattered uids has 400 KB.
	maxCodeArgs = 2 << 20

	// maxText bounds the kept human-readable text of a response.
	maxText = 1000

	// maxCaps and maxCapName bound the capability list.
	maxCaps    = 512
	maxCapName = 128

	// maxFlags bounds the flags of one list (FLAGS, PERMANENTFLAGS, a row).
	maxFlags = 4096

	// maxRanges bounds the ranges of one set that a server sends: VANISHED of
	// a million scattered uids.
	maxRanges = 1 << 20

	// maxFound bounds the numbers of one SEARCH, SORT or THREAD answer.
	maxFound = 4 << 20

	// maxListRows bounds the rows that List and the like collect: no account
	// has 200,000 folders, and a server must not fill memory by inventing them.
	maxListRows = 200_000

	// maxRowParts bounds the parts of one decoded BODYSTRUCTURE and the
	// addresses of one ENVELOPE.
	maxRowParts     = 20_000
	maxRowAddresses = 20_000

	// maxQueued bounds the commands started and not yet answered.
	maxQueued = 4096

	// maxInterned bounds the table of flag names seen on a connection.
	maxInterned = 512

	// defaultMaxCommandLine bounds a command line without its literals. RFC
	// 9051, section 4.1 has no figure for clients; RFC 7162, section 4 asks
	// for 8,192 octets, the tag and CRLF included.
	defaultMaxCommandLine = 8000

	// literalMinus is the largest non-synchronizing literal of LITERAL-
	// (RFC 7888, section 5).
	literalMinus = 4096

	// maxNonSync bounds a literal sent without asking first. Bigger ones wait a
	// round trip, so that a refusal (quota, size) does not cost the upload.
	maxNonSync = 64 << 10

	// maxBatch bounds the commands of one write, so that answers are not
	// matched against a list of thousands.
	maxBatch = 256

	// tailLen is how much of a too long line's end is kept, to see whether a
	// literal follows: longer than any marker.
	tailLen = 32

	// maxOddLines bounds the lines that are no response at all before the
	// server is given up.
	maxOddLines = 1000

	// defaultStallTimeout is how long the server may stay silent while a
	// command waits. A cold SORT over a million mails took tens of seconds.
	defaultStallTimeout = 2 * time.Minute

	// defaultWriteTimeout bounds one write of a command to the socket.
	defaultWriteTimeout = time.Minute

	// defaultIdleRefresh renews IDLE. RFC 2177 says at least every 29 minutes;
	// address translators forget connections sooner.
	defaultIdleRefresh = 9 * time.Minute

	// idleSettle is how long the connection rests before IDLE starts again
	// after a command, so that a burst of commands costs one DONE.
	idleSettle = 50 * time.Millisecond

	// idleBackoff is the rest before IDLE starts again when the server ends it
	// by itself sooner than that: no IDLE twenty times a second.
	idleBackoff = 30 * time.Second

	// logoutTimeout bounds the good-bye.
	logoutTimeout = 2 * time.Second

	// readBuffer is the size of a connection's read buffer in bytes, while there is
	// something to read.
	readBuffer = 64 << 10

	// firstRead is what a connection reads first, in bytes, after a silence: what a
	// server says by itself fits.
	firstRead = 512
)

// Limits of the verb scanner and the guard.
const (
	// maxScanLine is twice what our own client writes and well below what
	// servers take (Dovecot 64 KiB), so that no server cuts a line that the
	// scanner passed whole.
	maxScanLine = 16 << 10

	// maxScanHead bounds tag and verbs together, which are held back.
	maxScanHead = 96

	// maxScanLiteral bounds a literal of a client: a message it appends.
	maxScanLiteral = 1 << 30

	// maxScanTags bounds the commands a client may have in flight.
	maxScanTags = maxQueued

	// maxReplyHead is how much of a server's line is looked at to tell its kind.
	maxReplyHead = 128
)
