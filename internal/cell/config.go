package cell

import "time"

// Config is what the supervisor tells a cell.
type Config struct {
	Name string `json:"name"` // the provider's
	// HeaderMemory is for the parsed headers of one person, in bytes.
	HeaderMemory int64 `json:"headerMemory"`
	// Submission is what operators say of a platform's submission server.
	Submission map[string]Submission `json:"submission,omitempty"`
	// UndoSend is for how many seconds those can take a sent mail back who have not
	// chosen, UndoSendMost for how many one can at all.
	UndoSend     int `json:"undoSend"`
	UndoSendMost int `json:"undoSendMost"`
	// AsSaid: charsets of texts are not guessed.
	AsSaid bool `json:"asSaid,omitempty"`
	// Forget is after how long of silence a person's account is closed, with its
	// index saved; IndexEvery is how often it is saved meanwhile.
	Forget     time.Duration `json:"forget"`
	IndexEvery time.Duration `json:"indexEvery"`
	// PushKey is the installation's public VAPID key in base64url; "": there is no
	// courier, and no push.
	PushKey string `json:"pushKey,omitempty"`
}

// Submission is of one platform.
type Submission struct {
	Extensions map[string][]string `json:"extensions"` // told to JMAP programs
	Parameters []string            `json:"parameters"` // further ones of MAIL FROM, in upper case
}
