package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/memup"
	"cofferdam/internal/upstream/upstreamtest"
)

// limited is a store in memory with quotas.
type limited struct {
	upstream.Store
	mu  sync.Mutex // guards the rest
	now []upstream.Quota
	err error
}

func (l *limited) set(now ...upstream.Quota) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = now
}

func (l *limited) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *limited) Info(ctx context.Context) (upstream.Info, error) {
	i, err := l.Store.Info(ctx)
	i.Quota = true
	return i, err
}

func (l *limited) Quotas(context.Context) ([]upstream.Quota, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now, l.err
}

// RFC 9425 over a server whose quotas come and go.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		messages := upstream.Quota{Root: "", Resource: upstream.QuotaMessages, Used: 2, Limit: 9}
		store := &limited{Store: mem.Open(), now: []upstream.Quota{
			{Root: "User quota", Resource: upstream.QuotaStorage, Used: 3, Limit: 100}, messages,
			{Root: "huge", Resource: upstream.QuotaStorage, Used: 3, Limit: 1 << 60}, {Root: "x", Resource: "ANNOTATION-STORAGE", Limit: 3},
		}}
		a, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"ann@example.org"}, Store: store, Key: testKey, Uploads: account.NewMemoryUploads()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		defer func() { stop(); <-done; a.Close() }()
		if !a.Info().HasQuota {
			t.Error("not announced")
		}
		get := func() ([]jmap.Quota, jmap.State) {
			t.Helper()
			list, _, state, err := a.QuotaGet(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			return list, state
		}
		list, first := get()
		want := []jmap.Quota{
			{ID: list[0].ID, ResourceType: "octets", Used: 3 << 10, HardLimit: 100 << 10, Scope: "account", Name: "User quota", Types: []jmap.Type{"Email"}},
			{ID: list[1].ID, ResourceType: "count", Used: 2, HardLimit: 9, Scope: "account", Name: "Mail", Types: []jmap.Type{"Email"}},
		}
		if diff := cmp.Diff(want, list); diff != "" || list[0].ID == list[1].ID {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		octets, count := string(list[0].ID), string(list[1].ID)
		changes := func(since jmap.State, want jmap.Changes) jmap.State {
			t.Helper()
			time.Sleep(3 * time.Second)
			got, err := a.Changes(ctx, jmap.TypeQuota, since, 100)
			want.OldState, want.NewState = since, got.NewState
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
			return got.NewState
		}
		store.set(upstream.Quota{Root: "User quota", Resource: upstream.QuotaStorage, Used: 4, Limit: 100}, messages)
		used := changes(first, jmap.Changes{Updated: []string{octets}, CountsOnly: true})
		store.set(upstream.Quota{Root: "User quota", Resource: upstream.QuotaStorage, Used: 4, Limit: 200})
		changes(used, jmap.Changes{Updated: []string{octets}, Destroyed: []string{count}})
		changes(first, jmap.Changes{Updated: []string{octets}, Destroyed: []string{count}})
		if _, missing, _, _ := a.QuotaGet(ctx, []jmap.QuotaID{jmap.QuotaID(count)}); len(missing) != 1 {
			t.Error("a quota that is gone is there")
		}
		// A mail that comes makes the account look, and those who wait hear of it.
		have := jmap.TypeStates{jmap.TypeQuota: func() jmap.State { _, s := get(); return s }()}
		time.Sleep(time.Minute)
		store.set(upstream.Quota{Root: "User quota", Resource: upstream.QuotaStorage, Used: 7, Limit: 200})
		mem.Deliver("INBOX", []byte("Subject: x\r\n\r\nx\r\n"), time.Now())
		if now, err := a.WaitChange(ctx, have); err != nil || now[jmap.TypeQuota] == have[jmap.TypeQuota] {
			t.Errorf("pushed: %v, %v", now, err)
		}
		time.Sleep(3 * time.Second)
		store.fail(errors.New("away"))
		if _, _, _, err := a.QuotaGet(ctx, nil); err == nil {
			t.Error("a server that is away has quotas")
		}
	})
}

// Real servers' quotas: Dovecot's plugin and Cyrus.
func TestQuotaOfServers(t *testing.T) {
	for name, server := range map[string]func(testing.TB) *imaptest.Server{
		"dovecot": func(t testing.TB) *imaptest.Server { return imaptest.Dovecot(t, imaptest.DovecotOptions{}) },
		"cyrus":   imaptest.Cyrus,
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			store := imapup.New(imapup.Config{Dial: upstreamtest.SignedIn(s.Addr, fmt.Sprintf("u%d", people.Add(1)), imaptest.Password)})
			r := newRig(t, store, store)
			list, _, _, err := r.a.QuotaGet(r.ctx, nil)
			r.must(err)
			if len(list) != 1 || list[0].ResourceType != jmap.QuotaOctets || list[0].HardLimit < 90_000<<10 || list[0].HardLimit > 110_000<<10 || list[0].Name == "" {
				t.Fatalf("%+v", list)
			}
			before := list[0].Used
			r.deliver("INBOX", "Subject: large\r\n\r\n"+strings.Repeat("0123456789 0123456789 0123456789\r\n", 3000))
			time.Sleep(2100 * time.Millisecond)
			list, _, _, err = r.a.QuotaGet(r.ctx, nil)
			r.must(err)
			if list[0].Used < before+90<<10 {
				t.Errorf("after 100 kB: %d octets are used, %d before", list[0].Used, before)
			}
		})
	}
	bare := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: "IMAP4rev1 IDLE"})
	store := imapup.New(imapup.Config{Dial: upstreamtest.SignedIn(bare.Addr, fmt.Sprintf("u%d", people.Add(1)), imaptest.Password)})
	if r := newRig(t, store, store); r.a.Info().HasQuota {
		t.Error("announced without the server's word")
	}
}
