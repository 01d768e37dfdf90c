package vault

import (
	"testing"
	"time"

	"cofferdam/internal/user"
)

func TestCloseAndReopen(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	must(t, v.CloseUser(t.Context(), uid, 0))
	_, err := s.open(t, v, uid, "pw")
	wantErr(t, "opening a closed account", err, ErrClosed)
	_, _, err = v.Pepper(t.Context(), uid, proof(t, "pw"), 0)
	wantErr(t, "pepper for a closed account", err, ErrClosed)
	_, err = v.Wrap(t.Context(), uid, s.header.Bytes(), nil)
	wantErr(t, "a new slot for a closed account", err, ErrClosed)
	gone, waiting, err := v.DestroyDue(t.Context())
	if err != nil || len(gone) != 0 || waiting != 0 {
		t.Errorf("destroyed %v, %d waiting, %v; nothing is due for %s", gone, waiting, err, DestroyDelay)
	}
	must(t, v.ReopenUser(t.Context(), uid))
	s.mustOpen(t, v, uid, "pw")
	wantErr(t, "closing nobody", v.CloseUser(t.Context(), user.NewID(), 0), ErrUnknown)
	wantErr(t, "reopening nobody", v.ReopenUser(t.Context(), user.NewID()), ErrUnknown)
}

func TestClosingAgainDoesNotHurry(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := newPerson(t, v)
	must(t, v.CloseUser(t.Context(), uid, 10*DestroyDelay))
	must(t, v.CloseUser(t.Context(), uid, 0))
	var due int64
	must(t, v.DB().QueryRow("SELECT destroy_after FROM people").Scan(&due))
	if left := time.Until(time.Unix(due, 0)); left < 9*DestroyDelay {
		t.Errorf("due in %s, want the first closing's time to stand", left)
	}
}

func TestBrake(t *testing.T) {
	v := mustOpen(t, Config{})
	for range brakeFloor + 5 {
		uid := newPerson(t, v)
		must(t, v.CloseUser(t.Context(), uid, 0))
	}
	if _, err := v.testOnlyExec(t.Context(), "UPDATE people SET destroy_after = 1"); err != nil {
		t.Fatal(err)
	}
	gone, waiting, err := v.DestroyDue(t.Context())
	if err != nil || len(gone) != brakeFloor || waiting != 5 {
		t.Fatalf("destroyed %d, %d waiting, %v; want %d and 5", len(gone), waiting, err, brakeFloor)
	}
	again, waiting, err := v.DestroyDue(t.Context())
	if err != nil || len(again) != 0 || waiting != 5 {
		t.Errorf("the same day: destroyed %d, %d waiting, %v; want none", len(again), waiting, err)
	}
	if _, err := v.testOnlyExec(t.Context(), "UPDATE destroyed SET at = at - 86400"); err != nil {
		t.Fatal(err)
	}
	next, waiting, err := v.DestroyDue(t.Context())
	if err != nil || len(next) != 5 || waiting != 0 {
		t.Errorf("the next day: destroyed %d, %d waiting, %v; want 5", len(next), waiting, err)
	}
	wantErr(t, "a destroyed uid coming back", v.NewUser(t.Context(), gone[0]), ErrClosed)
	_, err = v.Wrap(t.Context(), gone[0], []byte("h"), nil)
	wantErr(t, "a destroyed person", err, ErrUnknown)
}

func TestBrakeShareGrowsWithPeople(t *testing.T) {
	v := mustOpen(t, Config{})
	if _, err := v.testOnlyExec(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 8000)
		INSERT INTO people (uid, key_number, wrapped, created, closed, destroy_after) SELECT randomblob(16), 1, x'00', 1, 1, 1 FROM n`); err != nil {
		t.Fatal(err)
	}
	gone, waiting, err := v.DestroyDue(t.Context())
	if err != nil || len(gone) != 8000/brakeShare || waiting != 8000-8000/brakeShare {
		t.Errorf("destroyed %d, %d waiting, %v; want %d", len(gone), waiting, err, 8000/brakeShare)
	}
	if gone, _, err = v.DestroyDue(t.Context()); err != nil || len(gone) != 0 {
		t.Errorf("the same day: %d more, %v", len(gone), err)
	}
}
