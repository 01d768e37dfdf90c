package replica

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

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

		// Another key makes other ids: the snapshot is of no use.
		if _, err := decode(snap, opts.Identity, []byte("another key another key another ")); err == nil {
			t.Error("a snapshot was taken under another key")
		}
	}
}

// Three go on from one snapshot, its writer among them: each knows what was told
// before it, and nobody takes another's states for their own.
func TestBranches(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	deliver := func(n int) { a.Deliver("INBOX", mailText(n, 0), day(n)) }
	deliver(0)
	first := opened(t, a)
	empty := first.States()[jmap.TypeEmail]
	deliver(1)
	refresh := func(r *Replica) jmap.State {
		t.Helper()
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.States()[jmap.TypeEmail]
	}
	saved := refresh(first)
	snap := first.Snapshot()
	second, third := open(t, a, snap), open(t, a, snap)
	for name, r := range map[string]*Replica{"second": second, "third": third} {
		if got := r.States()[jmap.TypeEmail]; got != saved {
			t.Errorf("%s: nothing changed, and the state is %s, was %s", name, got, saved)
		}
	}
	deliver(2)
	news := map[string]jmap.State{}
	all := map[string]*Replica{"first": first, "second": second, "third": third}
	for name, r := range all {
		news[name] = refresh(r)
	}
	all["fourth"] = open(t, a, third.Snapshot())
	for name, r := range all {
		for since, want := range map[jmap.State]int{empty: 2, saved: 1} {
			if c, err := r.Changes(jmap.TypeEmail, since, 10); err != nil || len(c.Created) != want {
				t.Errorf("%s since %s: created %v, %v; want %d", name, since, c.Created, err, want)
			}
		}
		for owner, state := range news {
			_, err := r.Changes(jmap.TypeEmail, state, 10)
			if known := err == nil; known != (name == owner || name == "fourth" && owner == "third") {
				t.Errorf("%s on a state of %s: %v", name, owner, err)
			}
		}
	}
}

// However often an index is loaded, it remembers a bounded number of logs, and is
// loaded again.
func TestManyBranches(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	r := opened(t, a)
	first := r.States()[jmap.TypeEmail]
	var recent jmap.State
	for n := range maxBranches + 5 {
		a.Deliver("INBOX", mailText(n, 0), day(n))
		if r = open(t, a, r.Snapshot()); n == maxBranches {
			recent = r.States()[jmap.TypeEmail]
		}
	}
	if n := len(r.past); n != maxBranches {
		t.Errorf("%d branches", n)
	}
	if c, err := r.Changes(jmap.TypeEmail, recent, 10); err != nil || len(c.Created) != 4 {
		t.Errorf("since a while: %v, %v", c.Created, err)
	}
	if _, err := r.Changes(jmap.TypeEmail, first, 1000); err != jmap.CannotCalculateChanges {
		t.Errorf("since a forgotten log: %v", err)
	}
}

// What changed while nobody had the index shows in its first answer.
func TestLoadedIndexIsInStep(t *testing.T) {
	for _, opts := range []memup.Options{{Identity: upstream.IdentityGUID}, {NoModSeq: true, NoBoxIDs: true}} {
		a := memup.New(opts)
		a.Deliver("INBOX", mailText(0, 0), day(0))
		snap := opened(t, a).Snapshot()
		a.Deliver("INBOX", mailText(1, 0), day(1))
		if got := open(t, a, snap).Size(); got != 2 {
			t.Errorf("%d mails right after Open, want 2", got)
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
		if err != nil {
			return
		}
		dumpOf(ix)
		workOver(t, b)
	})
}

// workOver has a replica go on from a snapshot. A cell that was broken into can have
// written it: what it says may be wrong, but the next cell must not fall over it,
// nor may it last for ever.
func workOver(t *testing.T, snap []byte) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	for i := range 2 {
		a.Deliver("INBOX", mailText(i, 0), day(i))
	}
	r, err := Open(t.Context(), Config{Store: a.Open(), Key: testKey, Snapshot: func(context.Context) []byte { return snap }})
	if err != nil {
		return
	}
	states := r.States()
	for n := range 3 {
		a.Deliver("INBOX", mailText(10+n, 0), day(n))
		if n == 1 {
			a.Reset("INBOX")
		}
		if err := r.Refresh(t.Context()); err != nil {
			return
		}
		for _, kind := range []jmap.Type{jmap.TypeEmail, jmap.TypeThread, jmap.TypeMailbox} {
			for _, since := range []jmap.State{states[kind], jmap.State(r.epochOf(r.floor)) + "." + jmap.State(strconv.Itoa(int(r.floor)))} {
				_, _ = r.Changes(kind, since, n)
			}
		}
		r.Mailboxes()
	}
	_ = r.Snapshot() // may be refused, too
}

// A server that hangs over what changed keeps nobody from their mail: it is shown as
// it was.
func TestCatchUpIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		a.Deliver("INBOX", mailText(0, 0), day(0))
		snap := opened(t, a).Snapshot()
		a.Deliver("INBOX", mailText(1, 0), day(1))
		began := time.Now()
		r, err := Open(t.Context(), Config{Store: hanging{a.Open()}, Key: testKey, Snapshot: func(context.Context) []byte { return snap }})
		if err != nil || r.Size() != 1 || time.Since(began) != catchUp {
			t.Errorf("%v, %d mails after %v", err, r.Size(), time.Since(began))
		}
	})
}

type hanging struct{ upstream.Store }

func (hanging) Sync(ctx context.Context, _ string, _ upstream.Known, _ upstream.Sink) (upstream.Marks, error) {
	<-ctx.Done()
	return upstream.Marks{}, ctx.Err()
}

func TestSnapshotLimit(t *testing.T) {
	ix := opened(t, memup.New(memup.Options{})).Index
	if ix.live = MaxSnapshot; ix.Snapshot() == nil {
		t.Error("no snapshot at the limit")
	}
	if ix.live = MaxSnapshot + 1; ix.Snapshot() != nil {
		t.Error("a snapshot beyond the limit")
	}
}

// Each number of a snapshot replaced by one that is out of place.
func TestHostileSnapshot(t *testing.T) {
	for seed := range uint64(4) {
		testHostileSnapshot(t, seed)
	}
}

func testHostileSnapshot(t *testing.T, seed uint64) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	w := &world{t: t, a: a, st: a.Open(), rnd: rand.New(rand.NewPCG(4, seed))}
	for range 4 {
		w.deliver()
		w.step()
	}
	a.Deliver("INBOX", mailText(100, 0), day(1), `\Deleted`) // hidden
	r := opened(t, a)
	for range 2 {
		w.step()
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	snap := r.Snapshot()
	taken := 0
	step := 1
	if raceEnabled {
		step = 13 // it is ten times slower
	}
	for at := len(snapshotMagic) + 10; at+4 <= len(snap); at += step {
		for _, v := range []uint32{1, 0x7fffffff, 0xffffffff} {
			b := slices.Clone(snap)
			binary.LittleEndian.PutUint32(b[at:], v)
			if _, err := decode(b, upstream.IdentityGUID, testKey); err != nil {
				continue
			}
			taken++
			began := time.Now()
			workOver(t, b)
			if took := time.Since(began); took > time.Second {
				t.Errorf("%x at %d of %d took %s", v, at, len(snap), took)
			}
		}
	}
	if taken == 0 {
		t.Error("none was taken: the test shows nothing")
	}
}
