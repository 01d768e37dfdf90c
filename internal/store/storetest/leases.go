package storetest

import (
	"testing"
	"time"

	"cofferdam/internal/store"
)

func testLeases(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := person(t, s, 1)
	_, err := s.Lease(ctx, uid, t0)
	wantErr(t, "nobody's yet", err, store.ErrNotFound)
	take := func(cell string, now time.Time, takeover bool) (store.Lease, error) {
		return s.AcquireLease(ctx, store.Lease{UID: uid, Node: "n1", Cell: cell, Expires: now.Add(time.Minute)}, now, takeover)
	}
	first, err := take("c1", t0, false)
	if err != nil || first.Fence < 1 || first.Cell != "c1" || !first.Expires.Equal(t0.Add(time.Minute)) {
		t.Fatalf("first lease: %+v, %v", first, err)
	}
	held, err := take("c2", t0.Add(59*time.Second), false)
	wantErr(t, "held by another", err, store.ErrHeld)
	if held != first {
		t.Errorf("the answer names %+v, want the holder %+v", held, first)
	}
	second, err := take("c1", t0.Add(time.Second), false)
	if err != nil || second.Fence <= first.Fence {
		t.Errorf("taken on again by the same cell: %+v, %v; want a higher fence than %d", second, err, first.Fence)
	}
	third, err := take("c2", t0.Add(2*time.Second), true)
	if err != nil || third.Fence <= second.Fence {
		t.Errorf("takeover: %+v, %v; want a higher fence than %d", third, err, second.Fence)
	}
	fourth, err := take("c3", third.Expires, false)
	if err != nil || fourth.Fence <= third.Fence {
		t.Errorf("after expiry: %+v, %v; want a higher fence than %d", fourth, err, third.Fence)
	}
	if got, err := s.Lease(ctx, uid, fourth.Acquired); err != nil || got != fourth {
		t.Errorf("Lease = %+v, %v; want %+v", got, err, fourth)
	}
	_, err = s.Lease(ctx, uid, fourth.Expires)
	wantErr(t, "expired", err, store.ErrNotFound)
	_, err = s.AcquireLease(ctx, store.Lease{UID: uid, Node: "n", Expires: t0.Add(1)}, t0, false)
	wantErr(t, "no cell", err, store.ErrLimit)
	_, err = s.AcquireLease(ctx, store.Lease{UID: uid, Node: "n", Cell: "c", Expires: t0}, t0, false)
	wantErr(t, "expired from the start", err, store.ErrLimit)
}

func testLeaseRelease(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b, c := person(t, s, 1), person(t, s, 2), person(t, s, 3)
	la, lb, lc := lease(t, s, a, "n1", "c1"), lease(t, s, b, "n1", "c2"), lease(t, s, c, "n2", "c1")
	until := la.Expires.Add(time.Hour)
	if n, err := s.RenewLeases(ctx, "n1", "c1", until); err != nil || n != 1 {
		t.Errorf("RenewLeases = %d, %v; want 1", n, err)
	}
	if got, err := s.Lease(ctx, a, la.Expires); err != nil || got.Fence != la.Fence || !got.Expires.Equal(until) {
		t.Errorf("renewed: %+v, %v", got, err)
	}
	wantErr(t, "releasing with an old fence", s.ReleaseLease(ctx, a, la.Fence-1), store.ErrFenced)
	must(t, s.ReleaseLease(ctx, a, la.Fence))
	wantErr(t, "releasing twice", s.ReleaseLease(ctx, a, la.Fence), store.ErrFenced)
	_, err := s.Lease(ctx, a, time.Now())
	wantErr(t, "released", err, store.ErrNotFound)
	if again := lease(t, s, a, "n1", "c1"); again.Fence <= la.Fence {
		t.Errorf("fence %d after release, want above %d", again.Fence, la.Fence)
	}
	if n, err := s.ReleaseNode(ctx, "n1", "c2"); err != nil || n != 1 {
		t.Errorf("ReleaseNode of one cell = %d, %v; want 1", n, err)
	}
	_, err = s.Lease(ctx, b, lb.Acquired)
	wantErr(t, "of a released cell", err, store.ErrNotFound)
	if n, err := s.ReleaseNode(ctx, "n1", ""); err != nil || n != 1 {
		t.Errorf("ReleaseNode of all = %d, %v; want 1", n, err)
	}
	if got, err := s.Lease(ctx, c, lc.Acquired); err != nil || got.Fence != lc.Fence {
		t.Errorf("another node's lease: %+v, %v", got, err)
	}
}
