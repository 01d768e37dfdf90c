package courier

import (
	"time"

	"cofferdam/internal/seal"
)

const (
	// pushTime is all of a push: connect, TLS, request, answer. A cell waits for it,
	// and a person has room for maxPerson of them.
	pushTime = 10 * time.Second
	// coverTime is keeper's part of it.
	coverTime = 2 * time.Second
	// maxCall bounds a call: a body in base64, a URL, a capability.
	maxCall = 16 << 10
	// maxBody is of a push in clear. An encrypted one has seal.PushSize bytes, neither
	// more nor less. What a hostile cell can send out is these, at personRate and
	// cellRate, and maxURL for each of newTargets.
	maxBody = seal.MaxPush
	// maxURL bounds a URL, in bytes: those of browsers' push services have up to
	// about 600.
	maxURL = 1024
	// maxTTL is four weeks: no push service keeps a message for longer.
	maxTTL = 28 * 24 * 60 * 60

	// personRate is pushes an hour for one person, all devices together: four
	// devices, each told once a minute.
	personRate = 240
	// cellRate is the same for a cell: what a hostile one can send in the name of
	// all its people.
	cellRate = 20 * personRate
	// newTargets is how many URLs that were not posted to before one person may name
	// in an hour: the first push goes to somebody who did not ask for it (RFC 8620,
	// section 8.6).
	newTargets = 20
	// cellTargets is the same for a cell.
	cellTargets = 20 * newTargets
	// maxPerson and maxAtOnce bound the pushes under way.
	maxPerson = 4
	maxAtOnce = 256

	// knownFor is how long a URL counts as known after the last push to it.
	knownFor = 24 * time.Hour
	// maxTargets and maxPauses bound what is remembered of URLs, at 56 bytes each.
	maxTargets = 200_000
	maxPauses  = 50_000

	// firstPause is for a 429 that does not say for how long; longestPause bounds
	// what a service may ask for.
	firstPause   = time.Minute
	longestPause = 24 * time.Hour

	// tokenLife is how long a VAPID token is good for: RFC 8292, section 2 allows 24
	// hours, and clocks differ.
	tokenLife = 12 * time.Hour

	maxHeader    = 16 << 10         // bytes of an answer's header
	idleConn     = 90 * time.Second // large services get many pushes over one connection
	maxIdleConns = 64               // some large services, and many small ones
	drainTime    = pushTime         // for pushes under way when courier ends
)
