package submission

import "time"

// What a hostile or broken server may make us hold.
const (
	// MaxReplyLine bounds one reply line in bytes. RFC 5321, section 4.5.3.1.5
	// allows 512; Exchange and some filters write longer ones.
	MaxReplyLine = 4096
	// MaxReplyLines bounds the lines of one reply: EHLO of the busiest server
	// we know has 25.
	MaxReplyLines = 100
	// MaxAuthRounds bounds challenges of one AUTH exchange; LOGIN needs 2.
	MaxAuthRounds = 4
	// minIterations is what RFC 7677, section 4 asks of a server at least: fewer
	// would make a password cheap to guess for whoever plays the server.
	// maxIterations bounds what a server can have us compute: half a second.
	minIterations = 4096
	maxIterations = 1_000_000
)

// What a caller may ask of one transaction.
const (
	// MaxAddress is the longest address: RFC 5321, section 4.5.3.1.3 allows a
	// path of 256 octets including its angle brackets.
	MaxAddress = 254
	// MaxDomain is the longest domain, RFC 5321, section 4.5.3.1.2.
	MaxDomain = 255
	// MaxRecipients bounds one transaction. Servers must take 100 (RFC 5321,
	// section 4.5.3.1.8), Postfix takes 1,000 by default.
	MaxRecipients = 1000
	// MaxEnvID is the longest envelope identifier before encoding (RFC 3461,
	// section 4.4 allows 100 octets).
	MaxEnvID = 100
	// maxParameter is the longest further parameter in bytes: a command line has 512
	// (RFC 5321, section 4.5.3.1.4), of which the address and ours need most.
	maxParameter = 128
	// maxHoldDigits is how long an interval of FUTURERELEASE may be: 1 to 9 digits
	// (RFC 4865).
	maxHoldDigits = 9
	// MaxSecret bounds a password or token in bytes; a base64 AUTH response may
	// have 12,288 octets (RFC 4954, section 4).
	MaxSecret = 8192
	// MaxUser bounds a user name in bytes (RFC 4616, section 2: 255 octets).
	MaxUser = 255
	// DefaultMaxMessage is the largest body in bytes when Config names none:
	// above what common servers accept, below what would fill a disk unseen.
	DefaultMaxMessage = 150 << 20
)

// How we write.
const (
	// commandLine is the longest command line of RFC 5321, section 4.5.3.1.4;
	// a longer initial AUTH response is sent after a challenge instead.
	commandLine = 512
	// pipelineGroup is how many commands go out before their replies are read.
	// 64 replies of 512 bytes fit the smallest socket buffer in use, so that
	// neither side can block the other (RFC 2920, section 3.1).
	pipelineGroup = 64
	// chunkSize is the size of a BDAT chunk: one reply a chunk without PIPELINING.
	chunkSize = 256 << 10
	// chunkWindow is how many BDAT replies may be outstanding under PIPELINING.
	chunkWindow = 4
)

// Timeouts, the minimum values of RFC 5321, section 4.5.3.2.
const (
	// DefaultDialTimeout covers TCP connect and, apart, the TLS handshake.
	DefaultDialTimeout = 30 * time.Second
	// DefaultCommandTimeout covers greeting, EHLO, AUTH, MAIL, RCPT, DATA.
	DefaultCommandTimeout = 5 * time.Minute
	// DefaultBlockTimeout covers each write of message data.
	DefaultBlockTimeout = 3 * time.Minute
	// DefaultFinalTimeout covers the wait after the end of data. A shorter one
	// would turn slow servers into uncertain mails.
	DefaultFinalTimeout = 10 * time.Minute
	// quitTimeout covers a polite QUIT; nobody waits longer for a goodbye.
	quitTimeout = 2 * time.Second
	// lastWordTimeout covers reading why a server hung up while we wrote.
	lastWordTimeout = 2 * time.Second
)
