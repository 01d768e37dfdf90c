package replica

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

func TestSnapshot(t *testing.T) {
	for _, opts := range []memup.Options{{Identity: upstream.IdentityGUID}, {Identity: upstream.IdentityObject, Threads: true}, {NoModSeq: true, NoBoxIDs: true}} {
		a := memup.New(opts)
		w := &world{t: t, a: a, st: a.Open(), rnd: rand.New(rand.NewPCG(9, 9))}
		for range 60 {
			w.deliver()
		}
		r := opened(t, a)
		for range 30 {
			w.step()
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before, states := dumpOf(r.Index), r.States()
		snap := r.Snapshot()
		c := newClient(r.Index)

		// Reloaded it is the same, states included.
		r2 := open(t, a, snap)
		if d := cmp.Diff(before, dumpOf(r2.Index)); d != "" {
			t.Fatalf("-saved +loaded\n%s", d)
		}
		if d := cmp.Diff(states, r2.States()); d != "" {
			t.Fatalf("states -saved +loaded\n%s", d)
		}
		checkOrders(t, r2.Index)

		// What happened meanwhile is told to a client with the old states.
		for range 10 {
			w.step()
		}
		if err := r2.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.ix = r2.Index
		c.update(t, "after reloading")
		if d := cmp.Diff(dumpOf(opened(t, a).Index), dumpOf(r2.Index)); d != "" {
			t.Fatalf("-built anew +reloaded\n%s", d)
		}

		// After a takeover old states are unknown.
		r3, err := Open(t.Context(), Config{Store: a.Open(), Key: testKey, Snapshot: snap, NewEpoch: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r3.Changes(jmap.TypeEmail, states[jmap.TypeEmail], 10); err != jmap.CannotCalculateChanges {
			t.Errorf("changes across a takeover: %v", err)
		}
		// Another key makes other ids: the snapshot is of no use.
		if _, err := decode(snap, opts.Identity, []byte("another key another key another ")); err == nil {
			t.Error("a snapshot was taken under another key")
		}
	}
}

// A damaged snapshot is refused, or at worst is an index that works.
func TestDamagedSnapshot(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	w := &world{t: t, a: a, st: a.Open(), rnd: rand.New(rand.NewPCG(3, 3))}
	for range 10 {
		w.deliver()
		w.step()
	}
	snap := opened(t, a).Snapshot()
	for n := 0; n < len(snap); n += 7 {
		if _, err := decode(snap[:n], upstream.IdentityGUID, testKey); err == nil {
			t.Fatalf("cut at %d of %d was taken", n, len(snap))
		}
	}
	if _, err := decode(append(snap, 0), upstream.IdentityGUID, testKey); err == nil {
		t.Error("a trailing byte was taken")
	}
}

func FuzzSnapshot(f *testing.F) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	for i := range 3 {
		a.Deliver("INBOX", mailText(i, 0), day(i))
	}
	r, err := Open(f.Context(), Config{Store: a.Open(), Key: testKey})
	if err != nil {
		f.Fatal(err)
	}
	if err := r.prepare(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Add(r.Snapshot())
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := decode(b, upstream.IdentityGUID, testKey)
		if err == nil {
			dumpOf(ix)
		}
	})
}
