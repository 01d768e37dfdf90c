package keeper

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// epochVault keeps epoch keys as vault does, and can be away.
type epochVault struct {
	mu   sync.Mutex // guards the rest
	held []ipc.Epochs
	away bool
}

func (v *epochVault) client(t *testing.T) *ipc.Client {
	t.Helper()
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	ipc.Handle(m, ipc.VaultEpochPut, 4<<10, time.Second, func(_ context.Context, e ipc.Epochs) (ipc.None, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.away {
			return ipc.None{}, ipc.Errorf(ipc.CodeUnavailable, "away")
		}
		v.held = append(v.held, e)
		return ipc.None{}, nil
	})
	ipc.Handle(m, ipc.VaultEpochGet, 1<<10, time.Second, func(context.Context, ipc.None) (ipc.Epochs, error) {
		return v.last(), nil
	})
	a, b, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ipc.NewLine("keeper", a)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ipc.NewLine("vault", b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = ipc.Serve(ctx, theirs.Listener(), m, time.Second) }()
	c := ipc.NewClient(ours)
	t.Cleanup(func() {
		c.Close()
		cancel()
		<-done
		theirs.Close()
		ours.Close()
		a.Close()
		b.Close()
	})
	return c
}

func (v *epochVault) last() ipc.Epochs {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.held) == 0 {
		return ipc.Epochs{}
	}
	return v.held[len(v.held)-1]
}

// row stores a session of a new person under an epoch.
func row(t *testing.T, db store.Store, e seal.Epoch) (store.Session, seal.SessionToken, seal.UMK) {
	t.Helper()
	token, uid, umk := seal.NewSessionToken(), user.NewID(), seal.NewUMK()
	if _, err := db.AddLogin(t.Context(), store.LoginID(token.Hash()), uid); err != nil {
		t.Fatal(err)
	}
	expires := now().Add(time.Hour)
	sealed, err := seal.SealSession(e, token, uid, seal.Session{UMK: umk, Expiry: expires})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Session{Hash: store.SessionHash(token.Hash()), UID: uid, Kind: store.Cookie, Revision: 1, Epoch: e.Number, Sealed: sealed,
		Created: now(), LastSeen: now(), Expires: expires}
	if err := db.AddSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s, token, umk
}

// TestTurn: every row gets a new outer layer without any cookie, opens as before,
// and the old key opens nothing any more. What cannot be moved is gone.
func TestTurn(t *testing.T) {
	v := &epochVault{}
	k, db := bare(t, Config{Cells: 1}, v.client(t))
	old := k.epochs.current()
	old.Created = old.Created.Add(-2 * resealEvery)
	k.epochs.set([]seal.Epoch{old})
	const many = resealBatch + 10
	rows, tokens, umks := make([]store.Session, many), make([]seal.SessionToken, many), make([]seal.UMK, many)
	for i := range rows {
		rows[i], tokens[i], umks[i] = row(t, db, old)
	}
	lost, _, _ := row(t, db, seal.NewEpoch(old.Number+1<<40)) // of an epoch that nobody holds
	moved, _, _ := row(t, db, old)                            // its envelope belongs to another row
	moved.Sealed, moved.Revision = rows[0].Sealed, 2
	if err := db.ReplaceSession(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if err := k.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := k.epochs.current()
	if e.Number <= old.Number {
		t.Errorf("epoch %d after %d", e.Number, old.Number)
	}
	for i, r := range rows {
		got, err := db.Session(t.Context(), r.Hash)
		if err != nil || got.Epoch != e.Number || got.Revision != 2 {
			t.Fatalf("row %d: %+v, %v", i, got, err)
		}
		env, err := seal.OpenSession(e, tokens[i], r.UID, got.Sealed)
		if err != nil || !bytesEqual(env.UMK.Reveal(), umks[i].Reveal()) {
			t.Fatalf("row %d does not open: %v", i, err)
		}
	}
	for name, r := range map[string]store.Session{"of a lost epoch": lost, "tampered with": moved} {
		if _, err := db.Session(t.Context(), r.Hash); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a row %s: %v", name, err)
		}
	}
	if _, ok := k.epochs.find(old.Number); ok || len(v.last().Keys) != 1 || v.last().Keys[0].Number != e.Number {
		t.Error("the old key is still held")
	}
	if _, err := seal.OpenSession(old, tokens[0], rows[0].UID, rows[0].Sealed); err == nil {
		t.Error("an old copy of the table opens: the old key was not wiped")
	}
	if len(v.held[0].Keys) != 2 {
		t.Error("vault did not know both keys while rows were under both")
	}
}

// TestTurnVaultAway: no row is put under a key that vault does not have, else a
// restart of keeper would lose it.
func TestTurnVaultAway(t *testing.T) {
	v := &epochVault{away: true}
	k, db := bare(t, Config{Cells: 1}, v.client(t))
	old := k.epochs.current()
	old.Created = old.Created.Add(-2 * resealEvery)
	k.epochs.set([]seal.Epoch{old})
	r, token, _ := row(t, db, old)
	if err := k.turn(t.Context()); err == nil {
		t.Fatal("turned without vault")
	}
	got, err := db.Session(t.Context(), r.Hash)
	if err != nil || got.Epoch != old.Number || k.epochs.current().Number != old.Number {
		t.Fatalf("%+v, %v", got, err)
	}
	v.mu.Lock()
	v.away = false
	v.mu.Unlock()
	if err := k.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err = db.Session(t.Context(), r.Hash)
	if err != nil || got.Epoch == old.Number {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := seal.OpenSession(k.epochs.current(), token, r.UID, got.Sealed); err != nil {
		t.Error(err)
	}
}

// TestInherit: a successor opens its predecessor's rows, whatever moment of a
// turn it died in, and ends the turn.
func TestInherit(t *testing.T) {
	v := &epochVault{}
	client := v.client(t)
	k, db := bare(t, Config{Cells: 1}, client)
	old, next := k.epochs.current(), seal.NewEpoch(k.epochs.current().Number)
	before, _, _ := row(t, db, old)
	after, token, _ := row(t, db, next)
	if err := k.deposit(t.Context(), []seal.Epoch{next, old}); err != nil {
		t.Fatal(err)
	}
	k.epochs.set(nil)
	if err := k.inherit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := k.epochs.all(); len(list) != 2 || list[0].Number != next.Number {
		t.Fatalf("%d epochs", len(list))
	}
	if err := k.turnIfDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []store.Session{before, after} {
		if got, err := db.Session(t.Context(), r.Hash); err != nil || got.Epoch != k.epochs.current().Number {
			t.Errorf("%+v, %v", got, err)
		}
	}
	got, _ := db.Session(t.Context(), after.Hash)
	if _, err := seal.OpenSession(k.epochs.current(), token, after.UID, got.Sealed); err != nil {
		t.Error(err)
	}
	if len(k.epochs.all()) != 1 || len(v.last().Keys) != 1 {
		t.Error("the turn did not end")
	}
}

// TestFirstEpoch: without an heirloom the first epoch is vault's too.
func TestFirstEpoch(t *testing.T) {
	v := &epochVault{}
	k, _ := bare(t, Config{Cells: 1}, v.client(t))
	k.epochs.set(nil)
	if err := k.inherit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := v.last().Keys; len(keys) != 1 || keys[0].Number != k.epochs.current().Number {
		t.Errorf("vault holds %d keys", len(keys))
	}
	if err := k.turnIfDue(t.Context()); err != nil || len(v.held) != 1 {
		t.Errorf("turned before its hour: %v", err)
	}
}

func bytesEqual(a, b []byte) bool { return len(a) > 0 && string(a) == string(b) }
