package seal

import "errors"

var (
	// ErrOpen says that a box did not open: wrong key, wrong place, or changed
	// bytes. Nothing tells these apart, on purpose.
	ErrOpen = errors.New("sealed data does not open")
	// ErrFormat says that bytes are not of the format they should be.
	ErrFormat = errors.New("malformed")
	// ErrLimit says that a value is over (or under) a limit of this package.
	ErrLimit = errors.New("outside of limits")
	// ErrNoKey says that a key is the zero value or was wiped.
	ErrNoKey = errors.New("no key, or a wiped one")
	// ErrSlotKind says that a slot is of a kind this version cannot open.
	ErrSlotKind = errors.New("slot kind not supported")
	// ErrBusy says that a bounded gate is full: the caller may try again.
	ErrBusy = errors.New("too many at once")
	// ErrExpired says that a challenge, document or session is over its time.
	ErrExpired = errors.New("expired")
	// ErrReplayed says that a sign-in box was shown a second time.
	ErrReplayed = errors.New("already used")
	// ErrSignature says that a signature is not by the expected key.
	ErrSignature = errors.New("signature does not verify")
)
