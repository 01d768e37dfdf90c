package seal

import "time"

const (
	// KeySize is the length of every symmetric key, in bytes.
	KeySize = 32
	// SaltSize is the length of an Argon2id salt (RFC 9106, section 3.1).
	SaltSize = 16

	// MinMemory, MaxMemory, MinTime, MaxTime and MaxThreads bound the Argon2id
	// parameters that a slot may ask for. The floor keeps somebody who can
	// write the database from making a password cheap to guess (OWASP: 19 MiB,
	// t=2); the ceiling keeps them from tying porter up.
	MinMemory  = 19 << 10 // KiB
	MaxMemory  = 1 << 20  // KiB: 1 GiB
	MinTime    = 2
	MaxTime    = 16
	MaxThreads = 4
	// MaxStretchWaiting bounds the sign-ins that wait for the stretching gate.
	// At 130 ms each and two at a time the last of them waits 17 s, by when its
	// person has left.
	MaxStretchWaiting = 256

	// MaxLogin bounds a login within sealed sign-ins and credentials, in bytes.
	MaxLogin = 512
	// MaxSecret bounds a password or token, in bytes; OAuth access tokens of
	// large identity providers reach 4 KiB.
	MaxSecret = 8 << 10

	// MaxRecordID bounds the id of a record, in bytes.
	MaxRecordID = 64
	// MaxRecord bounds the plaintext of one record, in bytes: a page of sealed
	// index of a large account. Larger things are cut into several records.
	MaxRecord = 4 << 20

	// MaxCredentialBox bounds a sealed credential inside a session envelope.
	MaxCredentialBox = 16 << 10

	// ChallengeLife is how long a challenge may be answered. People take
	// minutes to type a password; the page fetches a new one when it is old.
	ChallengeLife = 5 * time.Minute
	// challengeSkew is how far ahead of our clock a challenge of our own may
	// be, when the clock was set back meanwhile.
	challengeSkew = 5 * time.Second
	// MaxChallengesSeen bounds the boxes remembered so that each is accepted
	// once, for each half of the memory: 870 sign-ins a second without pause.
	// When it is full new boxes are refused, as forgetting an old one would
	// allow it to be replayed.
	MaxChallengesSeen = 1 << 18

	// MaxSigninKeyLife bounds the validity of a sign-in key document, so that a
	// stolen porter key is of use for a bounded time.
	MaxSigninKeyLife = 400 * 24 * time.Hour
	// MaxSigninKeyDoc bounds the JSON of the document, in bytes.
	MaxSigninKeyDoc = 1024

	// MaxSessionLife bounds the expiry inside a session envelope.
	MaxSessionLife = 400 * 24 * time.Hour

	// pushRecord is the record size that a push message states, above what it has
	// (RFC 8291, section 4).
	pushRecord = 4096
	// MaxPush bounds a pushed text, in bytes: the states of all types of an account
	// take some 500.
	MaxPush = 1023
	// PushSize is what every encrypted message has, whatever it says, so that a push
	// service learns nothing by it and a hostile cell sends no more by one.
	PushSize = pushHeader + MaxPush + 1 + pushTag
)
