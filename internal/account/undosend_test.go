package account_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestUndoSend: what a person chose is there in the next process, up to what the
// operator allows by then; without a choice it is the operator's.
func TestUndoSend(t *testing.T) {
	mem, k := memup.New(memup.Options{Identity: upstream.IdentityGUID}), &kept{}
	k.rows = map[string]outbox.Stored{}
	start := func(hold time.Duration) *rig {
		t.Helper()
		set, err := settings.Open(t.Context(), settings.Config{Addresses: []string{"ann@example.org"}, Records: k})
		if err != nil {
			t.Fatal(err)
		}
		out, err := outbox.Open(t.Context(), outbox.Config{Sender: &platform{}, Records: &records{rows: map[string]outbox.Stored{}}, Hold: hold,
			Identities: func() []jmap.Identity { return nil }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return rigOf(t, mem, account.Config{Store: mem.Open(), Settings: set, Outbox: out, UndoSend: 10 * time.Second})
	}
	want := func(r *rig, seconds *uint64, otherwise, most uint64) {
		t.Helper()
		if diff := cmp.Diff(&jmap.UndoSend{Seconds: seconds, Default: otherwise, Most: most}, r.a.Info().UndoSend); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	r := start(30 * time.Second)
	want(r, nil, 10, 30)
	r.must(r.a.SetUndoSend(r.ctx, new(uint64(20))))
	want(r, new(uint64(20)), 10, 30)
	want(start(30*time.Second), new(uint64(20)), 10, 30)
	want(start(5*time.Second), new(uint64(5)), 5, 5)
	want(start(-1), new(uint64(0)), 0, 0)
	r.must(r.a.SetUndoSend(r.ctx, nil))
	want(start(0), nil, 10, 60)
	none := rigOf(t, mem, account.Config{Store: mem.Open()})
	if err := none.a.SetUndoSend(r.ctx, new(uint64(5))); !errors.Is(err, jmap.Forbidden) || none.a.Info().UndoSend != nil {
		t.Errorf("of an account that can neither send nor keep anything: %v, %+v", err, none.a.Info().UndoSend)
	}
}
