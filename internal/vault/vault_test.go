package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

func mustOpen(t *testing.T, cfg Config) *Vault {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	v, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newPerson(t *testing.T, v *Vault) user.ID {
	t.Helper()
	uid := user.NewID()
	must(t, v.NewUser(t.Context(), uid))
	return uid
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func proof(t *testing.T, password string) seal.Proof {
	t.Helper()
	sum := sha256.Sum256([]byte(password))
	a, err := seal.ParseStretched(sum[:])
	must(t, err)
	p, err := a.Proof()
	must(t, err)
	return p
}

// slot makes a slot as keeper does, with a stand-in for the stretched password.
type slot struct {
	header seal.SlotHeader
	outer  []byte
	umk    seal.UMK
}

func kek(t *testing.T, password string, p seal.Peppered) seal.KEK {
	t.Helper()
	sum := sha256.Sum256([]byte(password))
	a, err := seal.ParseStretched(sum[:])
	must(t, err)
	k, err := seal.PasswordKEK(a, p)
	must(t, err)
	return k
}

func newSlot(t *testing.T, v *Vault, uid user.ID, password string) slot {
	t.Helper()
	p, version, err := v.Pepper(t.Context(), uid, proof(t, password), 0)
	must(t, err)
	s := slot{header: seal.NewSlotHeader(1, 1, version), umk: seal.NewUMK()}
	inner, err := kek(t, password, p).SealInner(uid, s.header, s.umk)
	must(t, err)
	s.outer, err = v.Wrap(t.Context(), uid, s.header.Bytes(), inner)
	must(t, err)
	return s
}

func (s slot) open(t *testing.T, v *Vault, uid user.ID, password string) (seal.UMK, error) {
	t.Helper()
	inner, p, err := v.Unwrap(t.Context(), uid, proof(t, password), s.header.Pepper, s.header.Bytes(), s.outer)
	if err != nil {
		return seal.UMK{}, err
	}
	return kek(t, password, p).OpenInner(uid, s.header, inner)
}

func (s slot) mustOpen(t *testing.T, v *Vault, uid user.ID, password string) {
	t.Helper()
	umk, err := s.open(t, v, uid, password)
	if err != nil || !seal.Equal(umk, s.umk) {
		t.Fatalf("the slot gives another key: %v", err)
	}
}

func TestSlotOpensWithItsPasswordAlone(t *testing.T) {
	v := mustOpen(t, Config{})
	uid, other := newPerson(t, v), newPerson(t, v)
	s := newSlot(t, v, uid, "right")
	s.mustOpen(t, v, uid, "right")
	_, err := s.open(t, v, uid, "wrong")
	wantErr(t, "wrong password", err, seal.ErrOpen)
	_, err = s.open(t, v, other, "right")
	wantErr(t, "another person", err, seal.ErrOpen)
	_, err = s.open(t, v, user.NewID(), "right")
	wantErr(t, "nobody", err, ErrUnknown)
	if v.Counters().Opened.Load() != 2 || v.Counters().Refused.Load() != 1 {
		t.Errorf("opened %d, refused %d; want 2 and 1", v.Counters().Opened.Load(), v.Counters().Refused.Load())
	}
}

func TestSlotOfAnotherVaultDoesNotOpen(t *testing.T) {
	v, other := mustOpen(t, Config{}), mustOpen(t, Config{})
	uid := newPerson(t, v)
	must(t, other.NewUser(t.Context(), uid))
	s := newSlot(t, v, uid, "right")
	_, err := s.open(t, other, uid, "right")
	wantErr(t, "another vault", err, seal.ErrOpen)
}

func TestNewUserTwiceKeepsTheKey(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	must(t, v.NewUser(t.Context(), uid))
	s.mustOpen(t, v, uid, "pw")
	wantErr(t, "nobody", v.NewUser(t.Context(), user.ID{}), user.ErrBadID)
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	id, err := v.LoginID(t.Context(), "anna@example.org")
	must(t, err)
	must(t, v.PutEpochs([]seal.Epoch{seal.NewEpoch(0)}))
	must(t, v.Close())
	must(t, v.Close())

	v = mustOpen(t, Config{Dir: dir})
	s.mustOpen(t, v, uid, "pw")
	again, err := v.LoginID(t.Context(), "anna@example.org")
	if err != nil || again != id {
		t.Errorf("login id changed: %v", err)
	}
	if other, err := v.LoginID(t.Context(), "bert@example.org"); err != nil || other == id {
		t.Errorf("two logins have one id: %v", err)
	}
	if n := len(v.Epochs()); n != 0 {
		t.Errorf("%d epoch keys survived a restart; they must not be in a file", n)
	}
}

func TestLoginIDRefuses(t *testing.T) {
	v := mustOpen(t, Config{})
	for _, login := range []string{"", string(make([]byte, maxLogin+1))} {
		_, err := v.LoginID(t.Context(), login)
		wantErr(t, "login", err, seal.ErrLimit)
	}
}

func TestLostKeyFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, Config{Dir: dir}).Close()
	must(t, os.Remove(filepath.Join(dir, keyFileName)))
	_, err := Open(t.Context(), Config{Dir: dir}, slog.New(slog.DiscardHandler))
	wantErr(t, "opening without the key file", err, ErrKeyLost)
}

func TestBadConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder": {},
		"bad rate":  {Dir: t.TempDir(), PerUser: Rate{Burst: 1}},
		"no such":   {Dir: filepath.Join(t.TempDir(), "missing")},
	} {
		if v, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil {
			v.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	newPerson(t, v)
	must(t, v.Rekey(t.Context()))
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		fi, err := e.Info()
		must(t, err)
		if fi.Name() != "vault.db-shm" && fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", fi.Name(), fi.Mode().Perm())
		}
	}
}

func TestNewPepper(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	uid := newPerson(t, v)
	old := newSlot(t, v, uid, "pw")
	version, err := v.NewPepper(t.Context())
	if err != nil || version != 2 {
		t.Fatalf("NewPepper = %d, %v; want 2", version, err)
	}
	fresh := newSlot(t, v, uid, "pw")
	if fresh.header.Pepper != 2 {
		t.Errorf("a new slot has pepper %d, want 2", fresh.header.Pepper)
	}
	must(t, v.Rekey(t.Context()))
	v.Close()
	v = mustOpen(t, Config{Dir: dir})
	old.mustOpen(t, v, uid, "pw")
	fresh.mustOpen(t, v, uid, "pw")
	_, _, err = v.Pepper(t.Context(), uid, proof(t, "pw"), 3)
	wantErr(t, "a version there is not", err, seal.ErrFormat)
}

func TestAttemptsAreLimited(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, PerUser: Rate{3, time.Hour}, Total: Rate{5, time.Hour}}
	v := mustOpen(t, cfg)
	uid, other := newPerson(t, v), newPerson(t, v)
	guesses := 0
	try := func(uid user.ID) error {
		guesses++
		_, _, err := v.Pepper(t.Context(), uid, proof(t, fmt.Sprint("guess ", guesses)), 0)
		return err
	}
	for range 3 {
		must(t, try(uid))
	}
	var over *ThrottledError
	if err := try(uid); !errors.As(err, &over) || over.Total || over.RetryAfter <= 59*time.Minute || over.RetryAfter > time.Hour {
		t.Errorf("fourth attempt: %v, %+v; want the person's limit and about an hour", err, over)
	}
	v.Close() // a crash refills nothing
	v = mustOpen(t, cfg)
	if err := try(uid); !errors.As(err, &over) || over.Total {
		t.Errorf("after a restart: %v; want the person's limit", err)
	}
	for range 2 {
		must(t, try(other)) // the refused ones did not use up the others' share
	}
	if err := try(other); !errors.As(err, &over) || !over.Total {
		t.Errorf("sixth attempt of all: %v; want the total limit", err)
	}
	if c := v.Counters(); c.ThrottledUser.Load() != 1 || c.ThrottledTotal.Load() != 1 {
		t.Errorf("alarms: %d and %d, want 1 and 1", c.ThrottledUser.Load(), c.ThrottledTotal.Load())
	}
}

// A person with many devices, or a client that signs in anew for each request,
// shows one password often: that is no guessing, and never locks them out.
func TestOnePasswordOftenIsNoGuessing(t *testing.T) {
	v := mustOpen(t, Config{PerUser: Rate{2, time.Hour}, Total: Rate{3, time.Hour}})
	uid, other := newPerson(t, v), newPerson(t, v)
	s := newSlot(t, v, uid, "right") // the first attempt
	for range 100 {
		s.mustOpen(t, v, uid, "right")
	}
	if n := v.Counters().Repeated.Load(); n != 100 {
		t.Errorf("%d of 100 sign-ins were free", n)
	}
	_, err := s.open(t, v, uid, "wrong")
	wantErr(t, "a guess", err, seal.ErrOpen)
	var over *ThrottledError
	if _, err := s.open(t, v, uid, "wrong again"); !errors.As(err, &over) {
		t.Errorf("a second guess: %v; want it refused", err)
	}
	if _, _, err := v.Pepper(t.Context(), uid, proof(t, "wrong again"), 0); !errors.As(err, &over) {
		t.Errorf("a guess that was refused was remembered: %v", err)
	}
	s.mustOpen(t, v, uid, "right") // guessing does not lock the owner out
	if _, _, err := v.Pepper(t.Context(), other, proof(t, "right"), 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Pepper(t.Context(), newPerson(t, v), proof(t, "right"), 0); !errors.As(err, &over) || !over.Total {
		t.Errorf("one password tried on many people: %v; want the total limit", err)
	}
	must(t, v.CloseUser(t.Context(), uid, 0))
	_, err = s.open(t, v, uid, "right")
	wantErr(t, "a remembered proof of a closed account", err, ErrClosed)
}

func TestRecentIsBounded(t *testing.T) {
	r, uid := newRecent(), user.NewID()
	kept := r.tag(uid, proof(t, "kept"), 1)
	gone := r.tag(uid, proof(t, "gone"), 1)
	r.add(kept)
	r.add(gone)
	var tag [sha256.Size]byte
	for i := range 2*maxRecent + 2 {
		binary.BigEndian.PutUint64(tag[:], uint64(i))
		r.add(tag)
		if i == maxRecent && !r.has(kept) {
			t.Fatal("a recent one was forgotten")
		}
	}
	if !r.has(kept) || r.has(gone) || len(r.now)+len(r.old) > 2*maxRecent {
		t.Errorf("the one in use %t, the other %t, %d remembered", r.has(kept), r.has(gone), len(r.now)+len(r.old))
	}
	if r.has(r.tag(uid, proof(t, "kept"), 2)) || r.has(r.tag(user.NewID(), proof(t, "kept"), 1)) {
		t.Error("a proof counts for another pepper or person")
	}
}

func TestRootsSeenAndFaults(t *testing.T) {
	v := mustOpen(t, Config{})
	c := startRole(t, v)
	uid := newPerson(t, v)
	seen := func() int64 {
		t.Helper()
		return call[ipc.RootSeen](t, c, ipc.VaultRootSeen, ipc.RootName{UID: uid[:], Class: "outbox"}).Highest
	}
	if n := seen(); n != 0 {
		t.Errorf("mirror of a root that never was: %d", n)
	}
	call[ipc.RootVerdict](t, c, ipc.VaultRootCheck, ipc.RootRequest{UID: uid[:], Class: "outbox", Counter: 4, Advance: true})
	if n := seen(); n != 4 || v.Counters().RolledBack.Load() != 0 {
		t.Errorf("mirror %d after 4, %d alarms by asking", n, v.Counters().RolledBack.Load())
	}
	call[ipc.RootVerdict](t, c, ipc.VaultRootCheck, ipc.RootRequest{UID: uid[:], Class: "outbox", Counter: 5, Advance: true, Fault: ipc.FaultRows})
	if n := v.Counters().RootFaults.Load(); n != 1 {
		t.Errorf("%d faults counted, want 1", n)
	}
	for name, r := range map[string]ipc.RootRequest{
		"an unknown fault": {UID: uid[:], Class: "outbox", Counter: 6, Advance: true, Fault: "x"},
		"a fault read":     {UID: uid[:], Class: "outbox", Counter: 6, Fault: ipc.FaultRows},
	} {
		if _, err := ipc.Call[ipc.RootVerdict](t.Context(), c, ipc.VaultRootCheck, r); ipc.CodeOf(err) != ipc.CodeInvalid {
			t.Errorf("%s: %v, want code %s", name, err, ipc.CodeInvalid)
		}
	}
}

func TestLookupsAreLimited(t *testing.T) {
	v := mustOpen(t, Config{Total: Rate{2, time.Hour}})
	for range 2 {
		_, err := v.LoginID(t.Context(), "anna@example.org")
		must(t, err)
	}
	var over *ThrottledError
	if _, err := v.LoginID(t.Context(), "anna@example.org"); !errors.As(err, &over) || !over.Total {
		t.Errorf("third lookup: %v; want the total limit", err)
	}
}

func TestAttemptsRefill(t *testing.T) {
	v := mustOpen(t, Config{PerUser: Rate{1, 20 * time.Millisecond}})
	uid := newPerson(t, v)
	must(t, v.attempt(t.Context(), uid))
	deadline := time.Now().Add(5 * time.Second)
	for v.attempt(t.Context(), uid) != nil {
		if time.Now().After(deadline) {
			t.Fatal("no attempt is given back")
		}
	}
	must(t, v.forgetAttempts(t.Context()))
	must(t, v.Sweep(t.Context()))
}

func TestEpochs(t *testing.T) {
	v := mustOpen(t, Config{})
	if len(v.Epochs()) != 0 {
		t.Fatal("epoch keys in a fresh vault")
	}
	one := seal.NewEpoch(0)
	two := seal.NewEpoch(one.Number)
	three := seal.NewEpoch(two.Number)
	must(t, v.PutEpochs([]seal.Epoch{one}))
	must(t, v.PutEpochs([]seal.Epoch{two, one}))
	got := v.Epochs()
	if len(got) != 2 || got[0].Number != two.Number || !seal.Equal(got[0].Key, two.Key) || !seal.Equal(got[1].Key, one.Key) {
		t.Fatalf("Epochs = %v, want two and one", got)
	}
	got[0].Key.Wipe()
	if !seal.Equal(v.Epochs()[0].Key, two.Key) {
		t.Error("wiping a copy wiped vault's key")
	}
	wantErr(t, "an older keeper", v.PutEpochs([]seal.Epoch{one}), ErrConflict)
	forged := seal.NewEpoch(0)
	forged.Number = two.Number
	wantErr(t, "another key of one number", v.PutEpochs([]seal.Epoch{forged}), ErrConflict)
	must(t, v.PutEpochs([]seal.Epoch{two})) // the previous one is dropped
	if got := v.Epochs(); len(got) != 1 {
		t.Errorf("%d epochs after dropping the previous, want 1", len(got))
	}
	must(t, v.PutEpochs([]seal.Epoch{three, two}))
	wantErr(t, "none", v.PutEpochs(nil), seal.ErrLimit)
	wantErr(t, "too many", v.PutEpochs([]seal.Epoch{three, two, one}), seal.ErrLimit)
	wantErr(t, "wrong order", v.PutEpochs([]seal.Epoch{two, three}), seal.ErrFormat)
}

func TestEpochKeysAreNotOnDisk(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	e := seal.NewEpoch(0)
	must(t, v.PutEpochs([]seal.Epoch{e}))
	newPerson(t, v)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range entries {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		if bytes.Contains(b, e.Key.Reveal()) || bytes.Contains(b, []byte(seal.EncodeBase64(e.Key.Reveal()))) {
			t.Errorf("the epoch key is in %s", f.Name())
		}
	}
}

func TestRoots(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := newPerson(t, v)
	check := func(counter int64, advance, wantBack bool, wantHighest int64) {
		t.Helper()
		back, highest, err := v.CheckRoot(t.Context(), uid, "contacts", counter, advance)
		if err != nil || back != wantBack || highest != wantHighest {
			t.Errorf("CheckRoot(%d, %t) = %t, %d, %v; want %t, %d", counter, advance, back, highest, err, wantBack, wantHighest)
		}
	}
	check(0, false, false, 0)
	check(5, true, false, 5)
	check(5, false, false, 5)
	check(6, false, false, 5) // a write whose mirroring was cut off
	check(4, false, true, 5)
	check(4, true, true, 5)
	check(7, true, false, 7)
	if n := v.Counters().RolledBack.Load(); n != 2 {
		t.Errorf("%d alarms, want 2", n)
	}
	_, _, err := v.CheckRoot(t.Context(), user.NewID(), "contacts", 1, true)
	wantErr(t, "nobody", err, ErrUnknown)
	_, _, err = v.CheckRoot(t.Context(), uid, "", 1, true)
	wantErr(t, "no class", err, errBadCall)
}

func TestClosedContextStopsWriting(t *testing.T) {
	v := mustOpen(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "new user", v.NewUser(ctx, user.NewID()), context.Canceled)
}
