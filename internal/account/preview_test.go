package account_test

import (
	"context"
	"sync/atomic"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// previewing is a store whose server makes previews, each time in another way.
type previewing struct {
	upstream.Store
	says atomic.Value // a string; the account reads on while a test writes
}

func (p *previewing) Fetch(ctx context.Context, asks []upstream.Ask, fn func(*upstream.Content)) error {
	return p.Store.Fetch(ctx, asks, func(c *upstream.Content) {
		c.Preview, c.HasPreview = p.says.Load().(string), true
		fn(c)
	})
}

// RFC 8621, section 4.1.4: a preview that is made in another way than before does
// not make the Email another one.
func TestAnotherPreviewIsNoChange(t *testing.T) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	store := &previewing{Store: mem.Open()}
	store.says.Store("as it was")
	r := rigOf(t, mem, account.Config{Store: store})
	r.deliver("INBOX", letter)
	id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropPreview}
	state := r.state(jmap.TypeEmail)
	if got := r.get(want, id)[id].Preview; got != "as it was" {
		t.Fatalf("preview %q", got)
	}
	store.says.Store("made anew")
	if got := r.get(want, id)[id].Preview; got != "made anew" {
		t.Fatalf("preview %q, want the new one: nothing was remembered", got)
	}
	if now := r.state(jmap.TypeEmail); now != state {
		t.Errorf("the state is %s, was %s", now, state)
	}
	r.wantChanges(jmap.TypeEmail, state, nil, nil, nil)
}
