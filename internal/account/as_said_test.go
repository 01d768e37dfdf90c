package account_test

import (
	"context"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// RFC 8621, section 9.1: the guesses at charsets can be turned off, for all that is
// shown of a text.
func TestCharsetsAsSaid(t *testing.T) {
	for said, want := range map[bool]string{false: "Die Fähre fährt.", true: "Die F\uFFFD\uFFFDhre f\uFFFD\uFFFDhrt."} {
		mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		r := rigOf(t, mem, account.Config{Store: mem.Open(), AsSaid: said})
		r.deliver("INBOX", "Subject: x\r\nMessage-ID: <f@x>\r\n\r\nDie Fähre fährt.")
		id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
		fields := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropBodyValues | jmap.EmailPropPreview, FetchTextBodyValues: true}
		got := r.get(fields, id)[id]
		if v := got.BodyValues[0]; v.Value != want || !v.IsEncodingProblem {
			t.Errorf("as said %v: value %q, problem %v, want %q", said, v.Value, v.IsEncodingProblem, want)
		}
		if got.Preview != want {
			t.Errorf("as said %v: preview %q, want %q", said, got.Preview, want)
		}
		if shown, err := r.a.Body(t.Context(), id); err != nil || shown.Value != want {
			t.Errorf("as said %v: shown %q, %v, want %q", said, shown.Value, err, want)
		}
		list, _, err := r.a.SearchSnippets(t.Context(), &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Body: "Fähre"}}, []jmap.EmailID{id})
		if found := err == nil && list[0].Preview != nil; found == said {
			t.Errorf("as said %v: a snippet with the guessed word: %v, %v", said, found, err)
		}
	}
}

// rigOf is a rig over an account in memory that is configured otherwise. Store is
// over mem, which other programs use, too.
func rigOf(t *testing.T, mem *memup.Account, cfg account.Config) *rig {
	t.Helper()
	cfg.ID, cfg.Addresses, cfg.Key, cfg.Uploads = "a1", []string{"ann@example.org"}, testKey, account.NewMemoryUploads()
	a, err := account.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; a.Close() })
	r := &rig{T: t, ctx: t.Context(), a: a, other: mem.Open()}
	r.must(a.Ready(ctx))
	return r
}
