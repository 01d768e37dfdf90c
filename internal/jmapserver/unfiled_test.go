package jmapserver_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestUnfiled: a submission is accepted, and the mail cannot be moved to where
// onSuccessUpdateEmail says (RFC 8621, section 7.5). The submission stands, the
// failure is told apart, the mail stays where it was and is sent from there, once.
func TestUnfiled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}, &mailRoom{rows: map[string]outbox.Stored{}}
		var err error
		w.out, err = outbox.Open(w.Context(), outbox.Config{Sender: m, Records: m, Log: slog.New(slog.DiscardHandler),
			Identities: func() []jmap.Identity { return account.Identities("", []string{"anna@example.org"}) }})
		if err != nil {
			t.Fatal(err)
		}
		w.open()
		drafts := w.mailbox("drafts")
		var who struct{ List []struct{ ID string } }
		w.ask(&who, "Identity/get", "")
		for sent, c := range []struct {
			to    string
			filed bool
		}{{"Mnowhere", false}, {w.mailbox("sent"), true}} {
			email := w.set(`"create":{"k":{"mailboxIds":{"` + drafts + `":true},"keywords":{"$draft":true},"subject":"going out",` +
				`"from":[{"email":"anna@example.org"}],"to":[{"email":"bob@example.com"}]}}`)["k"]
			_, body := w.w.post(`{"using":` + quoted([]string{jmap.CapabilityCore, jmap.CapabilityMail, jmap.CapabilitySubmission}) +
				`,"methodCalls":[["EmailSubmission/set",{"accountId":"a1","create":{"s":{"identityId":"` + who.List[0].ID + `","emailId":"` + email + `",` +
				`"envelope":{"mailFrom":{"email":"anna@example.org","parameters":{"HOLDFOR":"10"}},"rcptTo":[{"email":"bob@example.com"}]}}},` +
				`"onSuccessUpdateEmail":{"#s":{"mailboxIds":{"` + c.to + `":true},"keywords/$draft":null}}},"0"]]}`)
			var out struct{ MethodResponses [][]json.RawMessage }
			var submitted struct {
				Created map[string]struct{ ID string }
			}
			var filed struct{ Updated, NotUpdated map[string]any }
			if err := json.Unmarshal(body, &out); err != nil || len(out.MethodResponses) != 2 ||
				json.Unmarshal(out.MethodResponses[0][1], &submitted) != nil || json.Unmarshal(out.MethodResponses[1][1], &filed) != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if submitted.Created["s"].ID == "" || (len(filed.Updated) == 1) != c.filed || (len(filed.NotUpdated) == 1) == c.filed {
				t.Errorf("into %s: %s", c.to, body)
			}
			time.Sleep(15 * time.Second) // it was held for ten
			if got := m.all(); len(got) != sent+1 {
				t.Errorf("sent %d times", len(got)-sent)
			}
			want := drafts
			if c.filed {
				want = c.to
			}
			if box, draft := w.place(email); box != want || draft == c.filed {
				t.Errorf("into %s: it lies in %s, draft: %v", c.to, box, draft)
			}
		}
	})
}
