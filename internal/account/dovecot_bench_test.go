package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// BenchmarkDovecot measures what a person does most beside the same data fetched
// by a bare connection.
func BenchmarkDovecot(b *testing.B) {
	s := imaptest.Dovecot(b, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "bench", imaptest.Password)
	store := imapup.New(imapup.Config{Dial: dial})
	ctx := context.Background()
	const n = 2000
	for i := range n {
		raw := strings.Replace(letter, "<one@", fmt.Sprintf("<%d@", i), 1)
		if _, err := store.Append(ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Date: time.Unix(int64(1_700_000_000+i), 0)}); err != nil {
			b.Fatal(err)
		}
	}
	a, err := account.New(ctx, account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: store, Key: testKey, HeaderBytes: 8 << 20, Uploads: account.NewMemoryUploads()})
	if err != nil {
		b.Fatal(err)
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(run) }()
	defer func() { stop(); <-done; a.Close() }()
	began := time.Now()
	if err := a.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	b.Logf("index of %d built in %v", n, time.Since(began))
	boxes, _, _, _ := a.MailboxGet(ctx, nil)
	inbox := boxes[slices.IndexFunc(boxes, func(m jmap.Mailbox) bool { return m.Role == jmap.RoleInbox })].ID
	page := func(pos int64) []jmap.EmailID {
		res, err := a.EmailQuery(ctx, &jmap.EmailQuery{Filter: inMailbox(inbox), Window: jmap.Window{Position: pos, Limit: 50}})
		if err != nil {
			b.Fatal(err)
		}
		return res.IDs
	}
	get := func(fields *jmap.EmailFields, ids []jmap.EmailID) {
		if _, _, err := a.EmailGet(ctx, ids, fields, func(*jmap.Email) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	bare := func() *imap.Client {
		conn, err := dial(ctx)
		if err != nil {
			b.Fatal(err)
		}
		c, err := imap.New(ctx, conn, imap.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Select("INBOX", imap.SelectOptions{}).Wait(ctx); err != nil {
			b.Fatal(err)
		}
		return c
	}
	b.Run("list floor", func(b *testing.B) {
		c := bare()
		defer c.Close()
		items := []imap.FetchItem{imap.ItemUID, imap.ItemEnvelope, imap.ItemBodyStructure, imap.ItemPreview, imap.ItemFlags}
		i := 0
		for b.Loop() {
			from := imap.SeqNum(1 + 50*(i%30))
			i++
			if _, err := c.FetchSeq(imap.SeqRange(from, from+49), items, imap.FetchOptions{}, func(*imap.FetchRow) {}).Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list floor headers", func(b *testing.B) {
		c := bare()
		defer c.Close()
		items := []imap.FetchItem{imap.ItemUID, imap.HeaderFields("", "From", "Subject"), imap.ItemPreview}
		i := 0
		for b.Loop() {
			from := imap.SeqNum(1 + 50*(i%30))
			i++
			if _, err := c.FetchSeq(imap.SeqRange(from, from+49), items, imap.FetchOptions{}, func(*imap.FetchRow) {}).Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list fetched", func(b *testing.B) {
		i := 0
		for b.Loop() {
			account.ForgetHeaders(a)
			get(listFields, page(int64(50*(i%30))))
			i++
		}
	})
	b.Run("list from memory", func(b *testing.B) {
		for b.Loop() {
			get(listFields, page(0))
		}
	})
	b.Run("open floor", func(b *testing.B) {
		c := bare()
		defer c.Close()
		i := 0
		for b.Loop() {
			i++
			if _, err := c.Fetch(imap.UIDs(imap.UID(1+i%n)), []imap.FetchItem{imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{}, func(*imap.FetchRow) {}).Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	ids := page(0)
	b.Run("open", func(b *testing.B) {
		i := 0
		for b.Loop() {
			get(allFields, ids[i%50:i%50+1])
			i++
		}
	})
	b.Run("flag floor", func(b *testing.B) {
		c := bare()
		defer c.Close()
		i := 0
		for b.Loop() {
			i++
			op := []imap.StoreOp{imap.StoreAdd, imap.StoreRemove}[i%2]
			if _, err := c.Store(imap.UIDs(7), op, []imap.Flag{imap.FlagFlagged}, imap.StoreOptions{Silent: true}).Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("flag", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			p := &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}
			if i%2 == 0 {
				p = &jmap.SetPatch[jmap.Keyword]{Remove: []jmap.Keyword{"$flagged"}}
			}
			res, err := a.EmailSet(ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: ids[0], Keywords: p}}})
			if err != nil || len(res.NotUpdated) > 0 {
				b.Fatal(err, res.NotUpdated[ids[0]])
			}
		}
	})
}
