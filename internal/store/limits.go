package store

import "time"

const (
	// MaxPage bounds the rows that one list call may ask for.
	MaxPage = 500
	// MaxPageBytes bounds the sealed bytes of one page: a page that reaches it
	// ends early with More set. In base64 it fits a call of 8 MiB.
	MaxPageBytes = 5 << 20
	// MaxSealed bounds one sealed record or root: the largest padded plaintext
	// (4.5 MiB) with room. It stays below MaxPageBytes, so a page always has one.
	MaxSealed = 5 << 20
	// MaxSealedSmall bounds slots, keys, session envelopes and labels: they hold
	// keys and one credential.
	MaxSealedSmall = 32 << 10
	// MaxRecordID bounds a record's id in bytes (as seal does).
	MaxRecordID = 64
	// MaxClass bounds a class name in bytes (as seal does).
	MaxClass = 16
	// MaxBatch bounds the records of one Put: it holds the one writer meanwhile.
	MaxBatch = 500
	// MaxBatchBytes bounds the sealed bytes of one Put.
	MaxBatchBytes = 8 << 20
	// MaxSlots bounds the slots of a person: a password and some passkeys and
	// recovery codes.
	MaxSlots = 64
	// MaxSessions bounds the live sessions of a person. A client that never
	// signs out meets it as an error instead of filling the table.
	MaxSessions = 256
	// MaxName bounds names of nodes and cells in bytes.
	MaxName = 64
	// KeptFor is how long replaced and deleted revisions, and the marks of
	// deleted records, are kept.
	KeptFor = 30 * 24 * time.Hour
	// purgeStep is how many rows one purging transaction removes, so that other
	// writers get their turn.
	purgeStep = 500
)
