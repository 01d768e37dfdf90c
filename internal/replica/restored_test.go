package replica

import (
	"slices"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// RFC 8620, section 1.6.2: a mail store that is restored from an older copy gives uids
// again that meant other mails. No id does: what is gone is destroyed, what is back is
// created, and the same account goes on.
func TestRestoredFromOlderCopy(t *testing.T) {
	for name, opts := range map[string]memup.Options{
		"x-guid":           {Identity: upstream.IdentityGUID},
		"no mod-sequences": {Identity: upstream.IdentityGUID, NoModSeq: true},
		"fingerprint":      {},
	} {
		t.Run(name, func(t *testing.T) { restored(t, memup.New(opts)) })
	}
}

func restored(t *testing.T, a *memup.Account) {
	st := a.Open()
	for n := range 5 {
		a.Deliver("INBOX", mailText(n, 0), day(n))
	}
	r := opened(t, a)
	restore := a.Copy()
	uids, m, err := st.UIDs(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	first := uids.Ranges()[0].Start
	back := idAt(t, r, first)
	if err := st.Remove(t.Context(), upstream.Place{Box: "INBOX", Validity: m.UIDValidity}, one(first)); err != nil {
		t.Fatal(err)
	}
	lost := a.Deliver("INBOX", mailText(10, 0), day(10))
	lostToo := a.Deliver("INBOX", mailText(11, 0), day(11))
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone := []string{idAt(t, r, lost), idAt(t, r, lostToo)}
	since := r.States()[jmap.TypeEmail]

	restore()
	again := a.Deliver("INBOX", mailText(20, 0), day(20))
	if again != lost {
		t.Fatalf("uid %d, want that of a mail that was lost, %d", again, lost)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := idAt(t, r, again)
	if slices.Contains(gone, fresh) || idAt(t, r, first) != back {
		t.Errorf("uid %d is %s now, which was another mail", again, fresh)
	}
	ch, err := r.Changes(jmap.TypeEmail, since, 0)
	slices.Sort(ch.Created)
	slices.Sort(ch.Destroyed)
	slices.Sort(gone)
	want := []string{back, fresh}
	slices.Sort(want)
	if err != nil || !slices.Equal(ch.Destroyed, gone) || !slices.Equal(ch.Created, want) && !slices.Equal(slices.Sorted(slices.Values(slices.Concat(ch.Created, ch.Updated))), want) {
		t.Errorf("created %v, updated %v, destroyed %v, %v; want %v and %v", ch.Created, ch.Updated, ch.Destroyed, err, want, gone)
	}
}

// idAt is the id of the mail that has a uid of the inbox.
func idAt(t *testing.T, r *Replica, uid upstream.UID) string {
	t.Helper()
	ix := r.Index
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for _, at := range ix.byName["INBOX"].uids {
		if ix.uidOf(at) == uint32(uid) {
			return string(ix.names.emailID(ix.rows[ix.emailOf(at)].key))
		}
	}
	t.Fatalf("uid %d is not in the index", uid)
	return ""
}
