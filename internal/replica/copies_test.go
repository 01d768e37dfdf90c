package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// every returns what the index knows of all mails.
func every(t *testing.T, ix *Index) []Meta {
	t.Helper()
	res, err := ix.Query(&jmap.EmailQuery{Window: jmap.Window{Limit: 1000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, _, _ := ix.Emails(res.IDs)
	return list
}

// Trap 3: one mail in two folders with different flags.
func TestCopiesAreOneEmail(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	uid := a.Deliver("INBOX", mailText(1, 1), time.Now(), `\Seen`, "$Label1")
	r := opened(t, a)
	st := a.Open()
	at := upstream.Place{Box: "INBOX", Validity: r.boxNamed("INBOX").marks.UIDValidity}
	if _, err := st.Copy(t.Context(), at, one(uid), "Archive"); err != nil {
		t.Fatal(err)
	}
	to := upstream.Place{Box: "Archive", Validity: r.boxNamed("Archive").marks.UIDValidity}
	if err := st.SetFlags(t.Context(), to, one(1), []string{`\Flagged`, "$Label2"}, []string{`\Seen`, "$Label1"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := every(t, r.Index)
	if len(list) != 1 || len(list[0].MailboxIDs) != 2 {
		t.Fatalf("mails: %+v", list)
	}
	slices.Sort(list[0].Keywords)
	if want := []jmap.Keyword{"$flagged", "$label1", "$label2"}; !slices.Equal(list[0].Keywords, want) {
		t.Errorf("keywords %v, want %v: $seen is the AND, the others are the OR", list[0].Keywords, want)
	}
	// Query total and Mailbox count agree (trap 13).
	boxes, _ := r.Mailboxes()
	for _, b := range boxes {
		res, _ := r.Query(queryOf(r.byID[b.ID], 0, false), nil)
		if res.Total != int(b.TotalEmails) {
			t.Errorf("%s: total %d, totalEmails %d", b.Name, res.Total, b.TotalEmails)
		}
	}
}

// Trap 9: mails without Message-ID, without Date, without anything, and twins.
func TestPoorMails(t *testing.T) {
	for _, opts := range []memup.Options{{Identity: upstream.IdentityGUID}, {}} {
		a := memup.New(opts)
		for i, raw := range []string{"\r\n", "Subject: x\r\n\r\n", "Subject: y\r\n\r\nbody", "From: a\r\n\r\n", "no header at all", "\x00\xff: \r\n\r\n"} {
			a.Deliver("INBOX", []byte(raw), day(i))
		}
		r := opened(t, a)
		ids := make(map[jmap.EmailID]bool)
		threads := make(map[jmap.ThreadID]bool)
		for _, m := range every(t, r.Index) {
			ids[m.ID], threads[m.ThreadID] = true, true
			if !jmap.ValidID(string(m.ID)) || !jmap.ValidID(string(m.ThreadID)) {
				t.Errorf("not an id: %+v", m)
			}
		}
		if len(ids) != 6 || len(threads) != 6 {
			t.Errorf("%s: %d mails in %d threads, want 6 in 6", opts.Identity, len(ids), len(threads))
		}
	}
}

// Dates outside of 32 bits keep their order and their value.
func TestOddDates(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	dates := []time.Time{time.Date(1950, 1, 2, 0, 0, 0, 0, time.UTC), time.Unix(0, 0).UTC(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i, n := range []int{2, 0, 3, 1} {
		a.Deliver("INBOX", mailText(i, i), dates[n])
	}
	r := opened(t, a)
	list := every(t, r.Index)
	slices.Reverse(list) // newest first
	for i, m := range list {
		if !m.ReceivedAt.Equal(dates[i]) {
			t.Errorf("place %d: %v, want %v", i, m.ReceivedAt, dates[i])
		}
	}
}

// Trap 8 and RFC 8621, section 4.1.1: keywords are in lower case, \Recent and
// \Deleted are none, and what JMAP cannot say is left out.
func TestKeywordsRead(t *testing.T) {
	k := newKeywords()
	m, deleted := k.read([]string{`\SEEN`, `\Recent`, "$Forwarded", "Work", "bad(keyword", `\XNew`, "$Seen"})
	got := k.appendKeywords(nil, m)
	if want := []jmap.Keyword{"$seen", "$forwarded", "work"}; !slices.Equal(got, want) || deleted {
		t.Errorf("%v, %v; want %v", got, deleted, want)
	}
	if _, deleted := k.read([]string{`\deleted`}); !deleted {
		t.Error(`\deleted was not seen`)
	}
	var many []string
	for i := range MaxKeywordsPerMail + 10 {
		many = append(many, fmt.Sprintf("k%04d", i))
	}
	if m, _ := k.read(many); len(k.sets[m.set()]) != MaxKeywordsPerMail {
		t.Errorf("%d keywords kept, want %d", len(k.sets[m.set()]), MaxKeywordsPerMail)
	}
}

// A server whose \Noselect parents and missing SPECIAL-USE need sense.
func TestMailboxTree(t *testing.T) {
	ix := newIndex(upstream.IdentityGUID, testKey, "e")
	ix.renewBoxes([]upstream.Box{
		{Name: "INBOX", Delimiter: ".", Inbox: true, Selectable: true},
		{Name: "INBOX.Sent Items", Delimiter: ".", Selectable: true},
		{Name: "INBOX.Work", Delimiter: "."},
		{Name: "INBOX.Work.2026", Delimiter: ".", Selectable: true},
		{Name: "Trash", Delimiter: ".", Selectable: true, Role: jmap.RoleTrash},
		{Name: "Trash2", Delimiter: ".", Selectable: true, Role: jmap.RoleTrash},
	})
	boxes, _ := ix.Mailboxes()
	got := map[string]string{}
	names := map[jmap.MailboxID]string{}
	for _, b := range boxes {
		names[b.ID] = b.Name
	}
	for _, b := range boxes {
		got[b.Name] = names[b.ParentID] + " " + string(b.Role)
	}
	for name, want := range map[string]string{"Inbox": " inbox", "Sent Items": "Inbox sent", "Work": "Inbox ", "2026": "Work ", "Trash": " trash", "Trash2": " "} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestPackedIDs(t *testing.T) {
	for _, id := range []upstream.Identity{upstream.IdentityObject, upstream.IdentityGUID, upstream.IdentityNone, upstream.IdentityGmail} {
		n := newNamer(id, testKey)
		for _, text := range []string{"M0123456789abcdef01234567", "short", "a", "0123456789abcde", "x0123456789abcdef0", "UPPERCASEHEX0123456789ABCDEF", "1795475499.M123P4.host,S=5,W=6", "0123456789abcdef0123456789abcdef", string(make([]byte, 0)) + "q_-Z0123456789012345678901234567890123456789"} {
			k := n.email(&upstream.Row{ID: text}, &fields{})
			out := n.emailID(k)
			if !jmap.ValidID(string(out)) && jmap.ValidID(text) {
				t.Errorf("%s %q became %q", id, text, out)
			}
			if id == upstream.IdentityObject && string(out) != text {
				t.Errorf("%q became %q: EMAILIDs are passed through (RFC 8621, section 1.6)", text, out)
			}
			if back, ok := n.parseEmail(out); !ok || back != k {
				t.Errorf("%s %q: %x read back as %x", id, text, k, back)
			}
		}
		for _, bad := range []jmap.EmailID{"", "g", "g0123456789ABCDEF0123456789ABCDEF"} {
			if _, ok := n.parseEmail(bad); ok && id != upstream.IdentityObject {
				t.Errorf("%s: %q was taken for an id", id, bad)
			}
		}
	}
}

func TestTable(t *testing.T) {
	var tb table
	hash := func(r uint32) uint64 { return mix(uint64(r%50), 7) } // many collisions
	have := map[uint32]bool{}
	for step := range 20_000 {
		r := uint32(step*7919) % 1000
		if have[r] {
			tb.remove(r, hash)
			delete(have, r)
		} else {
			tb.insert(r, hash)
			have[r] = true
		}
		if step%997 == 0 {
			for q := range uint32(1000) {
				if _, ok := tb.find(hash(q), func(x uint32) bool { return x == q }); ok != have[q] {
					t.Fatalf("step %d: row %d found %v, want %v", step, q, ok, have[q])
				}
			}
		}
	}
}
