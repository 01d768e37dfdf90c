package jmapserver_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/sanitize"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// settingsRecords keeps records of class settings in memory, in those of the
// outbox.
type settingsRecords struct{ *mailRoom }

func (r settingsRecords) All(context.Context) (list []settings.Stored, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.rows {
		list = append(list, settings.Stored(s))
	}
	return list, nil
}

// Identities as people have them: RFC 8621, sections 6 and 9.6.
func TestIdentities(t *testing.T) {
	w := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}
	kept := settingsRecords{&mailRoom{rows: map[string]outbox.Stored{}}}
	sent := &mailRoom{rows: map[string]outbox.Stored{}}
	open := func() {
		var err error
		w.settings, err = settings.Open(t.Context(), settings.Config{Addresses: []string{"anna@example.org"}, Records: kept, Snippet: sanitize.Snippet})
		if err == nil {
			w.out, err = outbox.Open(t.Context(), outbox.Config{Sender: sent, Records: sent,
				Identities: func() []jmap.Identity { list, _ := w.settings.Identities(); return list }})
		}
		if err != nil {
			t.Fatal(err)
		}
		w.open()
	}
	open()
	type object struct {
		ID, Name, Email, HTMLSignature string
		MayDelete                      bool
	}
	var set struct {
		Created    map[string]object
		NotCreated map[string]jmap.SetError
	}
	w.ask(&set, "Identity/set", `"create":{
		"own":{"email":"anna@example.org","name":"Anna","htmlSignature":"<html><head><style>p{}</style></head><body><p onclick=x>Anna</p></body></html>"},
		"boss":{"email":"boss@example.org"}}`)
	// Section 9.6: no identity for an address that is not the person's.
	if len(set.NotCreated) != 1 || set.NotCreated["boss"].Type != jmap.SetForbiddenFrom {
		t.Errorf("an address of another: %+v", set)
	}
	// Section 6: a snippet that can stand in a body.
	if got := set.Created["own"].HTMLSignature; got != "<p>Anna</p>" {
		t.Errorf("htmlSignature %q", got)
	}
	var before, after struct {
		State string
		List  []object
	}
	w.ask(&before, "Identity/get", "")
	open()
	w.ask(&after, "Identity/get", "")
	if diff := cmp.Diff(before, after); diff != "" || len(after.List) != 2 {
		t.Errorf("in another process (-before +after)\n%s", diff)
	}
	// Mail goes out by the new identity.
	email := w.set(`"create":{"k":{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"subject":"by identity",` +
		`"from":[{"name":"Anna","email":"anna@example.org"}],"to":[{"email":"bob@example.com"}]}}`)["k"]
	var done struct {
		Created map[string]struct{ ID string }
	}
	w.ask(&done, "EmailSubmission/set", `"create":{"s":{"identityId":"`+set.Created["own"].ID+`","emailId":"`+email+`"}}`)
	if done.Created["s"].ID == "" || len(sent.sent) != 1 || !strings.Contains(sent.sent[0], "From: Anna <anna@example.org>") {
		t.Errorf("sent %q, %+v", sent.sent, done)
	}
}
