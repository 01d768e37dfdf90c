package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// BenchmarkSort measures the first page of a mailbox and of all mailboxes sorted
// by words, with the server's SORT and without, and a search over all mailboxes.
func BenchmarkSort(b *testing.B) {
	for name, capability := range map[string]string{"SORT": "", "no SORT": "IMAP4rev1 IDLE"} {
		b.Run(name, func(b *testing.B) {
			s := imaptest.Dovecot(b, imaptest.DovecotOptions{Capability: capability})
			store := imapup.New(imapup.Config{Dial: upstreamtest.SignedIn(s.Addr, "bench", imaptest.Password)})
			a, inbox := filledAccount(b, store, 5000)
			for what, c := range map[string]jmap.EmailCondition{"inbox": {InMailbox: inbox}, "all": {MinSize: 1}} {
				for _, p := range []jmap.SortProperty{jmap.SortSubject, jmap.SortFrom} {
					b.Run(fmt.Sprintf("%s by %s", what, p), func(b *testing.B) {
						n := uint64(0)
						for b.Loop() {
							n++ // another filter each time, so that no result is remembered
							most := 1_000_000 + n
							c.MaxSize = &most
							page(b, a, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &c}, Sort: []jmap.Comparator{{Property: p}}})
						}
					})
				}
			}
			b.Run("search in all", func(b *testing.B) {
				for b.Loop() {
					page(b, a, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Subject: "talk"}}})
				}
			})
		})
	}
}

func page(b *testing.B, a *account.Account, q *jmap.EmailQuery) {
	q.Window = jmap.Window{Limit: 50}
	if res, err := a.EmailQuery(b.Context(), q); err != nil || len(res.IDs) != 50 {
		b.Fatal(len(res.IDs), err)
	}
}

// filledAccount has n mails, the half of them in the inbox.
func filledAccount(b *testing.B, store upstream.Store, n int) (*account.Account, jmap.MailboxID) {
	ctx := b.Context()
	for i := range n {
		raw := upstreamtest.Mail(fmt.Sprintf("talk %d of %d", i*7919%n, i))
		box := "INBOX"
		if i%2 == 1 {
			box = fmt.Sprintf("Box %d", i%10)
			if i < 10 {
				if err := store.(upstream.Boxmaker).CreateBox(ctx, box, ""); err != nil {
					b.Fatal(err)
				}
			}
		}
		if _, err := store.Append(ctx, box, upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Date: time.Unix(int64(1_700_000_000+i), 0)}); err != nil {
			b.Fatal(err)
		}
	}
	a, err := account.New(ctx, account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: store, Key: testKey, Uploads: account.NewMemoryUploads()})
	if err != nil {
		b.Fatal(err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(run) }()
	b.Cleanup(func() { stop(); <-done; a.Close() })
	if err := a.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	boxes, _, _, err := a.MailboxGet(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	return a, boxes[slices.IndexFunc(boxes, func(m jmap.Mailbox) bool { return m.Role == jmap.RoleInbox })].ID
}
