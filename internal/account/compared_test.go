package account_test

import (
	"fmt"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// Of many mails of one Message-ID and size an import is compared with maxCompared
// of them; beyond it a mail is stored once more, and none is lost.
func TestImportComparesABoundedNumber(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	r := newRig(t, a.Open(), a.Open())
	mail := func(n int) string { return crlf(fmt.Sprintf("Message-ID: <same@x>\nSubject: s\n\n%03d\n", n)) }
	const all = account.MaxCompared + 3
	for n := range all {
		r.deliver("INBOX", mail(n))
	}
	inbox := r.box(jmap.RoleInbox)
	r.waitFor(inbox, all)
	there, made := 0, 0
	for n := range all {
		res := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{{CreationID: "k", BlobID: r.upload(mail(n)), MailboxIDs: []jmap.MailboxID{inbox}}}})
		switch {
		case res.Created["k"] != nil:
			made++
		case res.NotCreated["k"].Type == jmap.SetAlreadyExists:
			there++
		default:
			t.Fatalf("%v", res.NotCreated["k"])
		}
	}
	if there != account.MaxCompared || made != all-account.MaxCompared {
		t.Errorf("%d of %d were found, %d stored again; want %d found", there, all, made, account.MaxCompared)
	}
}
