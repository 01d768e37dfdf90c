package replica

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// RFC 8620, section 5.2: a state that was given 29 days ago, and 29 sessions, tells
// what happened since, also what was destroyed; much later it tells nothing.
func TestStatesOfAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		st := a.Open()
		for n := range 40 {
			a.Deliver("INBOX", mailText(n, 0), day(n))
		}
		r := opened(t, a)
		first := r.States()[jmap.TypeEmail]
		dayOn := func() { // one mail goes, another comes, and the session ends
			time.Sleep(24 * time.Hour)
			uids, m, err := st.UIDs(t.Context(), "INBOX")
			if err != nil {
				t.Fatal(err)
			}
			for uid := range uids.All() {
				if err := st.Remove(t.Context(), upstream.Place{Box: "INBOX", Validity: m.UIDValidity}, one(uid)); err != nil {
					t.Fatal(err)
				}
				break
			}
			a.Deliver("INBOX", mailText(int(time.Now().Unix()), 0), time.Now())
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			r = open(t, a, r.Snapshot())
		}
		for range 29 {
			dayOn()
		}
		ch, err := r.Changes(jmap.TypeEmail, first, 0)
		if err != nil || len(ch.Destroyed) != 29 || len(ch.Created) != 29 || ch.HasMore {
			t.Errorf("after 29 days: %d created, %d destroyed, %v", len(ch.Created), len(ch.Destroyed), err)
		}
		for range 10 {
			dayOn()
		}
		if _, err := r.Changes(jmap.TypeEmail, first, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
			t.Errorf("after 39 days: %v", err)
		}
	})
}
