package keeper

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// bare is a keeper over a real database, with nobody around but a vault.
func bare(t *testing.T, cfg Config, vault *ipc.Client) (*Keeper, store.Store) {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "keeper.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cfg.DeviceKey = bytes.Repeat([]byte{7}, 32)
	k, err := New(cfg, db, vault, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k.epochs.set([]seal.Epoch{seal.NewEpoch(0)})
	return k, db
}

// TestCapabilityForgery: no byte of a capability can be changed, none can be left
// out or added, and it is of one cell and of this keeper's epochs.
func TestCapabilityForgery(t *testing.T) {
	k, _ := bare(t, Config{Cells: 2}, nil)
	want := capability{uid: user.NewID(), session: seal.NewSessionToken().Hash(), fence: 1 << 40}
	good, err := makeCapability(k.epochs.current(), want, "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.parseCapability(good, "cell/0"); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	again, _ := makeCapability(k.epochs.current(), want, "cell/0")
	if bytes.Equal(good, again) {
		t.Error("two capabilities are equal")
	}
	refused := func(name string, b []byte, cell string) {
		t.Helper()
		if _, err := k.parseCapability(b, cell); ipc.CodeOf(err) != ipc.CodeForbidden && ipc.CodeOf(err) != ipc.CodeUnknown {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(good)
			b[i] ^= bit
			refused("a changed bit", b, "cell/0")
		}
	}
	for n := range good {
		refused("cut", good[:n], "cell/0")
	}
	refused("longer", append(bytes.Clone(good), 0), "cell/0")
	refused("empty", nil, "cell/0")
	for _, cell := range []string{"cell/1", "cell/", "cell/00", "", "gate"} {
		refused("of "+cell, good, cell)
	}
	// The name of a cell is no part of the bytes: what moves from one to the other
	// must not fit.
	shifted := append(bytes.Clone(good[:capHead]), good[capHead:]...)
	refused("shifted", append(shifted[1:], 'c'), "ell/0")
	other := seal.NewEpoch(k.epochs.current().Number)
	stranger, _ := makeCapability(other, want, "cell/0")
	refused("of a foreign epoch", stranger, "cell/0")
	copy(stranger[1:9], binary.BigEndian.AppendUint64(nil, uint64(k.epochs.current().Number)))
	refused("of a foreign epoch under our number", stranger, "cell/0")
}

func FuzzParseCapability(f *testing.F) {
	e := seal.NewEpoch(0)
	k := &Keeper{epochs: &epochs{}, live: newLive()}
	k.epochs.set([]seal.Epoch{e})
	good, _ := makeCapability(e, capability{fence: 1}, "cell/0")
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := k.parseCapability(b, "cell/0"); err == nil && !bytes.Equal(b, good) {
			t.Fatalf("forged: %x", b)
		}
	})
}

// TestDeviceToken: a token is of one login and of this installation.
func TestDeviceToken(t *testing.T) {
	k, _ := bare(t, Config{Cells: 1}, nil)
	token := k.deviceToken("ann@example.org")
	hash, ok := k.openDevice(token)
	if !ok || !bytes.Equal(hash, deviceHash("ann@example.org")) || bytes.Equal(hash, deviceHash("bob@example.org")) {
		t.Fatalf("%x, %v", hash, ok)
	}
	for i := range token {
		b := bytes.Clone(token)
		b[i] ^= 1
		if _, ok := k.openDevice(b); ok {
			t.Errorf("byte %d can be changed", i)
		}
	}
	for _, b := range [][]byte{nil, token[:31], append(bytes.Clone(token), 0), make([]byte, 32)} {
		if _, ok := k.openDevice(b); ok {
			t.Errorf("%x was taken", b)
		}
	}
	stranger, _ := bare(t, Config{Cells: 1}, nil)
	stranger.cfg.DeviceKey = make([]byte, 32)
	if _, ok := stranger.openDevice(token); ok {
		t.Error("another installation takes it")
	}
}

// TestOver: the limits of a session's life.
func TestOver(t *testing.T) {
	k, _ := bare(t, Config{Cells: 1, Idle: time.Hour, Absolute: 10 * 24 * time.Hour}, nil)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		kind          store.SessionKind
		seen, expires time.Duration // from now
		want          bool
	}{
		"in use":              {store.Cookie, 0, time.Hour, false},
		"idle to the limit":   {store.Cookie, -time.Hour - time.Minute, time.Hour, false},
		"idle":                {store.Cookie, -time.Hour - time.Minute - time.Second, time.Hour, true},
		"basic, idle":         {store.Basic, -2 * time.Hour, time.Hour, true},
		"expires now":         {store.Cookie, 0, 0, true},
		"expired":             {store.Cookie, 0, -time.Second, true},
		"bearer may be off":   {store.Bearer, -9 * 24 * time.Hour, time.Hour, false},
		"bearer for too long": {store.Bearer, -11 * 24 * time.Hour, time.Hour, true},
		"bearer expired":      {store.Bearer, 0, -time.Second, true},
		"seen ahead of time":  {store.Cookie, time.Minute, time.Hour, false},
	} {
		row := store.Session{Kind: c.kind, LastSeen: at.Add(c.seen), Expires: at.Add(c.expires)}
		if got := k.over(row, at); got != c.want {
			t.Errorf("%s: over %v", name, got)
		}
	}
}
