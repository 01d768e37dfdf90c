package replica

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC) }

// filled makes an index of n mails in one mailbox, in conversations of four.
func filled(n int) (*Index, *box) {
	ix := newIndex(upstream.IdentityGUID, testKey, newEpoch())
	up := upstream.Box{Name: "INBOX", Inbox: true, Selectable: true, Role: jmap.RoleInbox, Rights: jmap.AllRights}
	b := ix.newBox(&up)
	if err := ix.expect(b, n, upstream.Marks{UIDValidity: 1}); err != nil {
		panic(err)
	}
	flags := [][]string{nil, {`\Seen`}, {`\Seen`, "$Forwarded"}, {`\Seen`, `\Answered`}}
	for at := n; at > 0; at -= buildChunk {
		t := ix.begin()
		t.quiet = true
		for i := max(at-buildChunk, 0); i < at; i++ {
			root := i - i%4
			row := upstream.Row{UID: upstream.UID(i + 1), ID: fmt.Sprintf("%032x", i), Flags: flags[i%4], Date: day(i), Size: int64(i),
				Header: []byte(fmt.Sprintf("Message-ID: <%d@example.org>\r\nReferences: <%d@example.org>\r\nSubject: Re: talk %d\r\n\r\n", i, root, root))}
			t.add(b, &row)
		}
		if _, err := t.commit(); err != nil {
			panic(err)
		}
	}
	b.synced = true
	ix.setComplete()
	return ix, b
}

// TestBytesPerMail holds issue 3's bound: 96 bytes a mail with lookups.
func TestBytesPerMail(t *testing.T) {
	if raceEnabled {
		t.Skip("memory figures mean nothing with the race detector")
	}
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ix, _ := filled(n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.1f bytes a mail at %d mails", per, n)
	if per > 96 {
		t.Errorf("%.1f bytes a mail, want 96 at most", per)
	}
	runtime.KeepAlive(ix)
}

func queryOf(b *box, position int64, collapse bool) *jmap.EmailQuery {
	return &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: b.id}},
		Sort: []jmap.Comparator{{Property: jmap.SortReceivedAt, Descending: true}}, CollapseThreads: collapse,
		Window: jmap.Window{Position: position, Limit: 50}}
}

func BenchmarkQuery(b *testing.B) {
	ix, inbox := filled(100_000)
	unread := queryOf(inbox, 0, false)
	unread.Filter = &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: inbox.id, NotKeyword: "$seen"}}
	for _, c := range []struct {
		name string
		q    *jmap.EmailQuery
	}{
		{"newest", queryOf(inbox, 0, false)}, {"at 50000", queryOf(inbox, 50_000, false)},
		{"newest collapsed", queryOf(inbox, 0, true)}, {"at 20000 collapsed", queryOf(inbox, 20_000, true)}, {"unread", unread},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if res, err := ix.Query(c.q, nil); err != nil || len(res.IDs) != 50 {
					b.Fatal(err, len(res.IDs))
				}
			}
		})
		b.Run(c.name+" after a change", func(b *testing.B) {
			for b.Loop() {
				ix.gen++
				if res, err := ix.Query(c.q, nil); err != nil || len(res.IDs) != 50 {
					b.Fatal(err, len(res.IDs))
				}
			}
		})
	}
}

func BenchmarkPage(b *testing.B) {
	ix, inbox := filled(100_000)
	res, _ := ix.Query(queryOf(inbox, 50_000, false), nil)
	b.Run("emails", func(b *testing.B) {
		for b.Loop() {
			ix.Emails(res.IDs)
		}
	})
	b.Run("changes of one", func(b *testing.B) {
		state := ix.States()[jmap.TypeEmail]
		t := ix.begin()
		t.setFlags(inbox, 5, []string{`\Flagged`})
		if _, err := t.commit(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if ch, err := ix.Changes(jmap.TypeEmail, state, 100); err != nil || len(ch.Updated) != 1 {
				b.Fatal(ch, err)
			}
		}
	})
	b.Run("flag one", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			t := ix.begin()
			t.setFlags(inbox, upstream.UID(1+n%100_000), [][]string{nil, {`\Flagged`}}[n/100_000%2])
			if _, err := t.commit(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		filled(100_000)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	ix, _ := filled(100_000)
	snap := ix.Snapshot()
	b.Run("save", func(b *testing.B) {
		b.ReportMetric(float64(len(snap))/100_000, "B/mail")
		for b.Loop() {
			ix.Snapshot()
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if _, err := decode(snap, upstream.IdentityGUID, testKey); err != nil {
				b.Fatal(err)
			}
		}
	})
}
