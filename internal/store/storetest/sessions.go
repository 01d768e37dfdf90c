package storetest

import (
	"slices"
	"testing"
	"time"

	"cofferdam/internal/store"
	"cofferdam/internal/user"

	"github.com/google/go-cmp/cmp"
)

var t0 = time.Unix(1_700_000_000, 0)

func session(uid user.ID, n byte, epoch int64) store.Session {
	return store.Session{
		Hash: store.SessionHash{n, 1}, UID: uid, Kind: store.Cookie, Revision: 1, Epoch: epoch, Sealed: []byte{n},
		Created: t0, LastSeen: t0.Add(65 * time.Second), Expires: t0.Add(time.Hour),
	}
}

func testSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, other := person(t, s, 1), person(t, s, 2)
	x := session(uid, 1, 7)
	x.Label = []byte("label")
	must(t, s.AddSession(ctx, x))
	must(t, s.AddSession(ctx, session(uid, 2, 7)))
	must(t, s.AddSession(ctx, session(other, 3, 7)))
	wantErr(t, "one hash twice", s.AddSession(ctx, x), store.ErrConflict)
	x.LastSeen = time.Unix(t0.Add(65*time.Second).Unix()/60*60, 0)
	got, err := s.Session(ctx, x.Hash)
	if diff := cmp.Diff(x, got); err != nil || diff != "" {
		t.Errorf("Session, to the minute: %v, (-want +got)\n%s", err, diff)
	}
	all, err := s.UserSessions(ctx, uid)
	if err != nil || len(all) != 2 || all[0].UID != uid || all[1].UID != uid {
		t.Errorf("UserSessions = %v, %v; want the two of the person", all, err)
	}
	seen := t0.Add(10*time.Minute + 59*time.Second)
	must(t, s.TouchSession(ctx, x.Hash, seen))
	must(t, s.TouchSession(ctx, x.Hash, t0)) // an older report does not move it back
	if got, err = s.Session(ctx, x.Hash); err != nil || got.LastSeen.Unix() != seen.Unix()/60*60 {
		t.Errorf("LastSeen = %v, %v; want the minute of %v", got.LastSeen, err, seen)
	}
	must(t, s.DeleteSession(ctx, x.Hash))
	wantErr(t, "deleting twice", s.DeleteSession(ctx, x.Hash), store.ErrNotFound)
	wantErr(t, "touching what is gone", s.TouchSession(ctx, x.Hash, seen), store.ErrNotFound)
	_, err = s.Session(ctx, x.Hash)
	wantErr(t, "reading what is gone", err, store.ErrNotFound)
	bad := session(uid, 9, 7)
	bad.Kind = "other"
	wantErr(t, "unknown kind", s.AddSession(ctx, bad), store.ErrLimit)
}

func testSessionReplace(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := person(t, s, 1)
	x := session(uid, 1, 7)
	must(t, s.AddSession(ctx, x))
	x.Revision, x.Epoch, x.Sealed, x.Label, x.Expires = 2, 8, []byte("resealed"), []byte("new"), t0.Add(2*time.Hour)
	must(t, s.ReplaceSession(ctx, x))
	wantErr(t, "from an old revision", s.ReplaceSession(ctx, x), store.ErrConflict)
	got, err := s.Session(ctx, x.Hash)
	x.LastSeen = got.LastSeen
	if diff := cmp.Diff(x, got); err != nil || diff != "" {
		t.Errorf("after replacing: %v, (-want +got)\n%s", err, diff)
	}
	foreign := x
	foreign.UID, foreign.Revision = user.NewID(), 3
	wantErr(t, "for another person", s.ReplaceSession(ctx, foreign), store.ErrConflict)
	must(t, s.DeleteSession(ctx, x.Hash))
	x.Revision = 3
	wantErr(t, "a revoked session", s.ReplaceSession(ctx, x), store.ErrConflict)
}

func testSessionSweeps(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, other := person(t, s, 1), person(t, s, 2)
	for n, epoch := range []int64{5, 6, 6, 7} {
		must(t, s.AddSession(ctx, session(uid, byte(n), epoch)))
	}
	must(t, s.AddSession(ctx, session(other, 9, 5)))
	old, err := s.SessionsNotOf(ctx, 6, 10)
	if err != nil || len(old) != 3 || slices.ContainsFunc(old, func(x store.Session) bool { return x.Epoch == 6 }) {
		t.Errorf("SessionsNotOf(6) = %v, %v; want three of epochs 5 and 7", old, err)
	}
	if page, err := s.SessionsNotOf(ctx, 6, 2); err != nil || len(page) != 2 {
		t.Errorf("SessionsNotOf(6, 2) = %d rows, %v; want 2", len(page), err)
	}
	for _, limit := range []int{0, -1, store.MaxPage + 1} {
		_, err := s.SessionsNotOf(ctx, 6, limit)
		wantErr(t, "page size", err, store.ErrLimit)
	}
	keep := session(uid, 2, 6).Hash
	gone, err := s.DeleteUserSessions(ctx, uid, keep)
	if err != nil || len(gone) != 3 || slices.Contains(gone, keep) {
		t.Errorf("DeleteUserSessions = %v, %v; want three, not the kept one", gone, err)
	}
	if _, err := s.Session(ctx, keep); err != nil {
		t.Errorf("the kept session: %v", err)
	}
	late := session(other, 10, 5)
	late.Expires = t0.Add(3 * time.Hour)
	must(t, s.AddSession(ctx, late))
	n, err := s.DeleteExpiredSessions(ctx, t0.Add(time.Hour))
	if err != nil || n != 2 {
		t.Errorf("DeleteExpiredSessions = %d, %v; want 2", n, err)
	}
	if _, err := s.Session(ctx, late.Hash); err != nil {
		t.Errorf("a session that has not expired: %v", err)
	}
}

func testSessionLimit(t *testing.T, s store.Store) {
	uid := person(t, s, 1)
	x := session(uid, 1, 1)
	for i := range store.MaxSessions {
		x.Hash = store.SessionHash{byte(i), byte(i >> 8), 1}
		must(t, s.AddSession(t.Context(), x))
	}
	x.Hash = store.SessionHash{0xff, 0xff, 0xff}
	wantErr(t, "one session too many", s.AddSession(t.Context(), x), store.ErrLimit)
}
