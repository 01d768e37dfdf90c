package managesieve

import "time"

// What a hostile or broken server may make us hold.
const (
	// MaxString bounds one string in bytes. The largest is a script; Dovecot keeps
	// none over 1 MiB.
	MaxString = 1 << 20
	// MaxResponse bounds the strings of one response together.
	MaxResponse = 2 << 20
	// MaxLines bounds the lines of one response: scripts of a person (Dovecot has
	// no limit of its own; people have a handful), or capabilities (about ten).
	MaxLines = 1000
	// maxItems bounds the items of one line; the longest has two.
	maxItems = 16
	// maxAtom is the longest atom (RFC 5804, section 4).
	maxAtom = 1024
	// maxCode bounds what stands in the parentheses of a response code.
	maxCode = 4096
	// maxAuthRounds bounds the challenges of one AUTHENTICATE; LOGIN needs two.
	maxAuthRounds = 4
)

// What a caller may ask.
const (
	// MaxName is the longest name of a script that each server takes: 128
	// characters (RFC 5804, section 1.6).
	MaxName = 512
	// MaxUser and MaxSecret bound credentials, as in package submission.
	MaxUser   = 255
	MaxSecret = 8192
	// maxQuoted is the longest quoted string (RFC 5804, section 4); what is longer
	// goes as a literal.
	maxQuoted = 1024
)

// Timeouts of a step.
const (
	// DefaultDialTimeout covers TCP connect and, apart, the TLS handshake.
	DefaultDialTimeout = 10 * time.Second
	// DefaultCommandTimeout covers a command and its response. Storing a script
	// compiles it.
	DefaultCommandTimeout = 30 * time.Second
	// logoutTimeout covers a polite LOGOUT; nobody waits longer for a goodbye.
	logoutTimeout = time.Second
)
