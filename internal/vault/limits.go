package vault

import "time"

const (
	// KeyLife is how long a vault key is used: what was deleted is beyond
	// recovery after at most twice that, without the backups of the key file.
	KeyLife = 24 * time.Hour
	// rekeyStep is how many rows one transaction of a rekey wraps anew, so that
	// sign-ins get their turn.
	rekeyStep = 500
	// sweepEvery is how often Run looks for a due rekey, due destructions and
	// attempts that can be forgotten.
	sweepEvery = 10 * time.Minute

	// defaultUserBurst and defaultUserEvery allow 30 different passwords at once
	// and 288 a day for a person, far more than people have and far less than
	// guessing needs. The same one again is free (recent.go).
	defaultUserBurst = 30
	defaultUserEvery = 5 * time.Minute
	// defaultTotalBurst and defaultTotalEvery carry the morning of a campus of
	// 200,000 and stop a stolen database from being guessed against at speed.
	defaultTotalBurst = 5000
	defaultTotalEvery = 20 * time.Millisecond

	// maxRecent bounds half of the proofs that are remembered: people who sign in
	// between two turns of the halves, some 12 MiB in all. Whoever was forgotten
	// pays one attempt.
	maxRecent = 100_000

	// maxLogin bounds a canonical login in bytes (user.MaxLocal, MaxDomain).
	maxLogin = 512
	// maxEpochs is the current and the previous epoch key.
	maxEpochs = 2
	// maxClass bounds a class name in bytes (as seal does).
	maxClass = 16

	// DestroyDelay is the declared time between closing an account and the
	// destruction of its keys.
	DestroyDelay = 72 * time.Hour
	// brakeFloor and brakeShare are what may be destroyed in a day (UTC) without
	// a signed batch: 20 people, or 1 of 200.
	brakeFloor = 20
	brakeShare = 200

	// callTimeout bounds one call; callBody its JSON.
	callTimeout = 5 * time.Second
	callBody    = 16 << 10
	// drainTime is what running calls get when vault stops.
	drainTime = 2 * time.Second
)
