package jmapserver_test

import (
	"strings"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// RFC 8621, section 1.5: an event stream tells of changes of every type, in an
// account with all of them; here of those that need no ManageSieve.
func TestEachTypeIsPushed(t *testing.T) {
	w := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}
	var err error
	w.settings, err = settings.Open(t.Context(), settings.Config{Addresses: []string{"anna@example.org"},
		Records: settingsRecords{&mailRoom{rows: map[string]outbox.Stored{}}}})
	if err == nil {
		sent := &mailRoom{rows: map[string]outbox.Stored{}}
		w.out, err = outbox.Open(t.Context(), outbox.Config{Sender: sent, Records: sent,
			Identities: func() []jmap.Identity { list, _ := w.settings.Identities(); return list }})
	}
	if err != nil {
		t.Fatal(err)
	}
	w.deliver("first", "", "")
	w.open()
	e := w.w.listen("types=*&closeafter=no&ping=0", "")
	defer e.stop()
	w.until(func() bool { return strings.Contains(e.said(), "Thread=") })
	told := func(what string, types ...jmap.Type) {
		t.Helper()
		w.until(func() bool {
			for _, typ := range types {
				if !strings.Contains(e.said(), `"`+string(typ)+`":`) {
					return false
				}
			}
			return true
		})
	}
	w.deliver("second", "", "")
	told("a mail that comes", jmap.TypeEmail, jmap.TypeThread, jmap.TypeMailbox, jmap.TypeEmailDelivery)
	var made struct {
		Created map[string]struct{ ID string }
	}
	w.ask(&made, "Identity/set", `"create":{"own":{"email":"anna@example.org","name":"Anna"}}`)
	told("an identity", jmap.TypeIdentity)
	email := w.set(`"create":{"k":{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"subject":"going out",` +
		`"from":[{"email":"anna@example.org"}],"to":[{"email":"bob@example.com"}]}}`)["k"]
	w.ask(&made, "EmailSubmission/set", `"create":{"s":{"identityId":"`+made.Created["own"].ID+`","emailId":"`+email+`"}}`)
	told("a mail that is sent", jmap.TypeEmailSubmission)
}
