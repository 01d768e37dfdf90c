package porter

import (
	"testing"

	"cofferdam/internal/imap"
)

// TestCellVerbs: EXPUNGE without uids passes where nothing else removes a mail.
func TestCellVerbs(t *testing.T) {
	for _, c := range []struct {
		caps, verb string
		passes     bool
	}{
		{"IMAP4rev1 UIDPLUS IDLE", "EXPUNGE", false},
		{"IMAP4rev1", "EXPUNGE", true},
		{"IMAP4rev1", "FETCH", true},
		{"IMAP4rev1", "CLOSE", false},
		{"IMAP4rev1", "SETACL", false},
	} {
		if err := cellVerbs(c.caps)(imap.ClientCommand{Verb: c.verb}); (err == nil) != c.passes {
			t.Errorf("%s to a server with %s: %v", c.verb, c.caps, err)
		}
	}
}
