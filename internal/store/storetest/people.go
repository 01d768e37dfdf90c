package storetest

import (
	"context"
	"testing"

	"cofferdam/internal/store"
	"cofferdam/internal/user"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func testLogins(t *testing.T, s store.Store) {
	ctx := t.Context()
	id := store.LoginID{1}
	_, err := s.Login(ctx, id)
	wantErr(t, "unknown login", err, store.ErrNotFound)
	uid := user.NewID()
	got, err := s.AddLogin(ctx, id, uid)
	if want := (store.Mapping{UID: uid, Generation: 1}); err != nil || got != want {
		t.Fatalf("AddLogin = %v, %v; want %v", got, err, want)
	}
	if got, err = s.Login(ctx, id); err != nil || got.UID != uid {
		t.Errorf("Login = %v, %v; want %v", got, err, uid)
	}
	_, err = s.AddLogin(ctx, id, user.NewID())
	wantErr(t, "login taken", err, store.ErrConflict)
	if _, err := s.AddLogin(ctx, store.LoginID{2}, uid); err != nil {
		t.Errorf("a second login of one person: %v", err)
	}
	must(t, s.RetireLogin(ctx, id))
	_, err = s.Login(ctx, id)
	wantErr(t, "retired login", err, store.ErrNotFound)
	wantErr(t, "retiring twice", s.RetireLogin(ctx, id), store.ErrNotFound)
	next := user.NewID()
	got, err = s.AddLogin(ctx, id, next)
	if want := (store.Mapping{UID: next, Generation: 2}); err != nil || got != want {
		t.Errorf("address created again: %v, %v; want %v", got, err, want)
	}
	_, err = s.AddLogin(ctx, store.LoginID{3}, user.ID{})
	wantErr(t, "zero uid", err, store.ErrLimit)
}

func testLoginsMove(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, other := person(t, s, 1), person(t, s, 2)
	_, err := s.MoveLogin(ctx, store.LoginID{1}, store.LoginID{2})
	wantErr(t, "renaming onto somebody", err, store.ErrConflict)
	if m, err := s.Login(ctx, store.LoginID{1}); err != nil || m.UID != uid {
		t.Fatalf("a refused rename changed the old login: %v, %v", m, err)
	}
	m, err := s.MoveLogin(ctx, store.LoginID{1}, store.LoginID{9})
	if err != nil || m.UID != uid {
		t.Fatalf("MoveLogin = %v, %v; want %v", m, err, uid)
	}
	_, err = s.Login(ctx, store.LoginID{1})
	wantErr(t, "old name", err, store.ErrNotFound)
	_, err = s.MoveLogin(ctx, store.LoginID{1}, store.LoginID{8})
	wantErr(t, "renaming nobody", err, store.ErrNotFound)
	_, err = s.MoveLogin(ctx, store.LoginID{77}, store.LoginID{8})
	wantErr(t, "renaming an unknown login", err, store.ErrNotFound)
	if m, err := s.Login(ctx, store.LoginID{2}); err != nil || m.UID != other {
		t.Errorf("a third person was touched: %v, %v", m, err)
	}
}

func testSlots(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := person(t, s, 1)
	slot := store.Slot{UID: uid, Number: 1, Kind: 1, Generation: 1, Revision: 1, Sealed: []byte("sealed")}
	must(t, s.PutSlot(ctx, slot))
	wantErr(t, "writing it as new again", s.PutSlot(ctx, slot), store.ErrConflict)
	second := slot
	second.Number, second.Sealed = 0, []byte("other")
	must(t, s.PutSlot(ctx, second))
	slot.Revision, slot.Generation, slot.Sealed = 2, 2, []byte("rewrapped")
	must(t, s.PutSlot(ctx, slot))
	wantErr(t, "an old revision", s.PutSlot(ctx, slot), store.ErrConflict)
	got, err := s.Slots(ctx, uid)
	if diff := cmp.Diff([]store.Slot{second, slot}, got, cmpopts.IgnoreFields(store.Slot{}, "Changed")); err != nil || diff != "" {
		t.Errorf("Slots: %v, (-want +got)\n%s", err, diff)
	}
	wantErr(t, "deleting at an old revision", s.DeleteSlot(ctx, uid, 1, 1), store.ErrConflict)
	must(t, s.DeleteSlot(ctx, uid, 1, 2))
	wantErr(t, "deleting twice", s.DeleteSlot(ctx, uid, 1, 2), store.ErrNotFound)
	for name, bad := range map[string]store.Slot{
		"empty":       {UID: uid, Number: 5, Kind: 1, Generation: 1, Revision: 1},
		"large":       {UID: uid, Number: 5, Kind: 1, Generation: 1, Revision: 1, Sealed: make([]byte, store.MaxSealedSmall+1)},
		"no kind":     {UID: uid, Number: 5, Generation: 1, Revision: 1, Sealed: []byte("x")},
		"no revision": {UID: uid, Number: 5, Kind: 1, Generation: 1, Sealed: []byte("x")},
	} {
		wantErr(t, name, s.PutSlot(ctx, bad), store.ErrLimit)
	}
}

func testSlotLimit(t *testing.T, s store.Store) {
	uid := person(t, s, 1)
	slot := store.Slot{UID: uid, Kind: 1, Generation: 1, Revision: 1, Sealed: []byte("x")}
	for i := range store.MaxSlots {
		slot.Number = uint32(i)
		must(t, s.PutSlot(t.Context(), slot))
	}
	slot.Number = store.MaxSlots
	wantErr(t, "one slot too many", s.PutSlot(t.Context(), slot), store.ErrLimit)
}

func testUserKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := person(t, s, 1)
	_, err := s.UserKeys(ctx, uid)
	wantErr(t, "no keys yet", err, store.ErrNotFound)
	k := store.UserKeys{UID: uid, Generation: 2, Public: []byte("pk"), SealedPrivate: []byte("sk")}
	must(t, s.PutUserKeys(ctx, k))
	must(t, s.PutUserKeys(ctx, k))
	swapped := k
	swapped.Public = []byte("pk of somebody else")
	wantErr(t, "another public key in one generation", s.PutUserKeys(ctx, swapped), store.ErrConflict)
	older := k
	older.Generation = 1
	wantErr(t, "an older generation", s.PutUserKeys(ctx, older), store.ErrConflict)
	swapped.Generation = 3
	must(t, s.PutUserKeys(ctx, swapped))
	got, err := s.UserKeys(ctx, uid)
	if diff := cmp.Diff(swapped, got); err != nil || diff != "" {
		t.Errorf("UserKeys: %v, (-want +got)\n%s", err, diff)
	}
}

func testDeleteUser(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	stays, fence2 := owned(t, s, 2)
	for u, f := range map[user.ID]int64{uid: fence, stays: fence2} {
		must(t, s.PutSlot(ctx, store.Slot{UID: u, Kind: 1, Generation: 1, Revision: 1, Sealed: []byte("x")}))
		must(t, s.PutUserKeys(ctx, store.UserKeys{UID: u, Generation: 1, Public: []byte("p"), SealedPrivate: []byte("s")}))
		must(t, s.AddSession(ctx, session(u, u[0], 1)))
		put(t, s, u, f, write("a", 1), write("b", 1))
		put(t, s, u, f, write("a", 2))
	}
	must(t, s.DeleteUser(ctx, uid))
	wantErr(t, "deleting twice", s.DeleteUser(ctx, uid), store.ErrNotFound)
	_, err := s.Login(ctx, store.LoginID{1})
	wantErr(t, "login", err, store.ErrNotFound)
	_, err = s.UserKeys(ctx, uid)
	wantErr(t, "keys", err, store.ErrNotFound)
	_, err = s.Get(ctx, uid, "contacts", []byte("a"))
	wantErr(t, "record", err, store.ErrNotFound)
	slots, err := s.Slots(ctx, uid)
	must(t, err)
	sessions, err := s.UserSessions(ctx, uid)
	must(t, err)
	kept, err := s.Kept(ctx, uid, "contacts", []byte("a"), 0, 10)
	must(t, err)
	if len(slots)+len(sessions)+len(kept) != 0 {
		t.Errorf("left: %d slots, %d sessions, %d kept revisions", len(slots), len(sessions), len(kept))
	}
	if r, err := s.Get(ctx, stays, "contacts", []byte("a")); err != nil || r.Revision != 2 {
		t.Errorf("another person's record: %v, %v", r, err)
	}
	again := user.NewID()
	if m, err := s.AddLogin(ctx, store.LoginID{1}, again); err != nil || m.Generation != 2 {
		t.Errorf("the address created again: %v, %v; want generation 2", m, err)
	}
}

func testNoSuchUser(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := user.NewID()
	wantErr(t, "slot", s.PutSlot(ctx, store.Slot{UID: uid, Kind: 1, Generation: 1, Revision: 1, Sealed: []byte("x")}), store.ErrNotFound)
	wantErr(t, "keys", s.PutUserKeys(ctx, store.UserKeys{UID: uid, Generation: 1, Public: []byte("p"), SealedPrivate: []byte("s")}), store.ErrNotFound)
	wantErr(t, "session", s.AddSession(ctx, session(uid, 1, 1)), store.ErrNotFound)
	_, err := s.Put(ctx, store.Batch{UID: uid, Class: "auth", Unfenced: true, Writes: []store.Write{write("a", 1)}})
	wantErr(t, "record", err, store.ErrNotFound)
}

func testClosedContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.AddLogin(ctx, store.LoginID{1}, user.NewID())
	wantErr(t, "writing", err, context.Canceled)
	_, err = s.Slots(ctx, user.NewID())
	wantErr(t, "reading", err, context.Canceled)
}
