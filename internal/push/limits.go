package push

import "time"

const (
	// MaxSubscriptions is how many one person has (RFC 8620, section 8.6): more than
	// people have devices.
	MaxSubscriptions = 16
	// MaxCreated is how many one person makes in an hour: each is a request to
	// somebody who did not ask for it.
	MaxCreated = 20
	// verifyTime is how long a client may take to return its code. The message that
	// has it wakes the device.
	verifyTime = 2 * time.Hour
	// codeBytes is the entropy of a verification code.
	codeBytes = 16

	maxURL    = 1024 // bytes; as courier's
	maxDevice = 255  // bytes of a deviceClientId: the hash of something
	maxTypes  = 64   // there are not so many
	maxType   = 64   // bytes of a type's name

	// settleTime makes one message of a burst of changes.
	settleTime = time.Second
	// firstGap is the least time between two messages of a subscription; while
	// changes go on it grows to busyGap.
	firstGap = 5 * time.Second
	busyGap  = time.Minute
	// firstSlow and lastSlow bound the gap after a 429 or a failure.
	firstSlow = time.Minute
	lastSlow  = time.Hour
	// maxFails is how often in a row a push service may refuse a message for good
	// (a status of 3xx or 4xx) until the subscription is given up.
	maxFails = 10

	// messageLife is the TTL of a message (RFC 8030, section 5.2): a device that was
	// off for a day asks by itself.
	messageLife = 24 * time.Hour

	// watchPause is for an account whose states cannot be had.
	watchPause = 15 * time.Second
)
