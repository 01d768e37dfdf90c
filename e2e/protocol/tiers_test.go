package protocol

import (
	"testing"

	"cofferdam/e2e/platform"
)

// tier is one kind of mail server.
type tier struct {
	name, what string
	start      func(*testing.T) *site
}

// tiers are the columns of docs/results/tiers.md.
var tiers = []tier{
	{"memory", "a platform in memory below the account; no other role", startMemory},
	{"demo", "the embedded platform of `cofferdam demo`", startDemo},
	{"dovecot", "Dovecot 2.3.19 with all that it has", dovecot("")},
	{"no-condstore", "Dovecot without CONDSTORE, QRESYNC and NOTIFY", dovecot(
		"IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS UNSELECT CHILDREN NAMESPACE UIDPLUS " +
			"LIST-EXTENDED I18NLEVEL=1 ESEARCH ESORT SEARCHRES WITHIN LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW STATUS=SIZE SAVEDATE SPECIAL-USE")},
	{"bare", "Dovecot with IMAP4rev1 alone", dovecot("IMAP4rev1")},
	{"chatmail", "Dovecot with IMAP4rev1, IDLE, MOVE, QUOTA, CONDSTORE, NOTIFY, METADATA", dovecot("IMAP4rev1 IDLE MOVE QUOTA CONDSTORE NOTIFY METADATA")},
	{"cyrus", "Cyrus 3.6.1 of Debian", startCyrus},
}

func dovecot(capability string) func(*testing.T) *site {
	return func(t *testing.T) *site {
		p := platform.Start(t, platform.Options{People: len(families) + 1, Postfix: true, Capability: capability})
		return serve(t, p, instead{})
	}
}
