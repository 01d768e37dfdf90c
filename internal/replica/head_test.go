package replica

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// counting is a Store that counts how often it was asked for the newest mails.
type counting struct {
	upstream.Store
	newest int
}

func (c *counting) Newest(ctx context.Context, box string, offset, n int, fn func(*upstream.Row)) (upstream.Marks, error) {
	c.newest++
	return c.Store.Newest(ctx, box, offset, n, fn)
}

// reading is an account of 40 mails, in conversations of four, of whose index nothing
// is there yet.
func reading(t *testing.T) (*memup.Account, *counting, *Replica) {
	t.Helper()
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	for i := range 40 {
		a.Deliver("INBOX", mailText(i, i-i%4), day(i))
	}
	c := &counting{Store: a.Open()}
	r, err := Open(t.Context(), Config{Store: c, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	return a, c, r
}

// A list that is shown while the index is being built is not asked for again, and is
// what the server would say; until something may have changed.
func TestListWhileTheIndexIsBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, c, r := reading(t)
		b := r.boxNamed("INBOX")
		page := func(limit int, collapse bool, asks bool) jmap.EmailQueryResult {
			t.Helper()
			before := c.newest
			res, err := r.FirstPage(t.Context(), b.id, jmap.Window{Limit: limit}, collapse)
			if err != nil || len(res.IDs) != limit {
				t.Fatalf("%d rows, %v", len(res.IDs), err)
			}
			if asked := c.newest > before; asked != asks {
				t.Errorf("the server was asked: %v, want %v", asked, asks)
			}
			return res
		}
		same := func(what string, got, want jmap.EmailQueryResult) {
			t.Helper()
			if !slices.Equal(got.IDs, want.IDs) || got.Total != want.Total {
				t.Errorf("%s: %d of %d %v, want %d of %d %v", what, len(got.IDs), got.Total, got.IDs, len(want.IDs), want.Total, want.IDs)
			}
		}
		flat := page(10, false, true)
		same("again", page(10, false, false), flat)
		same("shorter", page(5, false, false), jmap.EmailQueryResult{IDs: flat.IDs[:5], Total: 40})
		page(11, false, true) // more than was read
		time.Sleep(headLife)
		page(11, false, true) // nobody would have told

		ctx, stop := context.WithCancel(t.Context())
		watching := make(chan error)
		go func() { watching <- r.watch(ctx) }()
		synctest.Wait()
		if !r.watched.Load() {
			t.Fatal("the server was to tell of changes")
		}
		page(10, false, true) // it may have changed before it was watched
		time.Sleep(10 * headLife)
		same("watched", page(10, false, false), flat)
		uid := a.Deliver("INBOX", mailText(40, 40), day(40))
		synctest.Wait()
		now := page(10, false, true)
		if now.IDs[0] == flat.IDs[0] || now.Total != 41 {
			t.Error("a mail that came is not in the list")
		}
		same("after it came", page(10, false, false), now)
		err := r.Change(ctx, func(c *Changer) error {
			return c.Remove(ctx, b.place(), one(uid))
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		same("after it was removed", page(10, false, true), flat)
		stop()
		<-watching
		time.Sleep(headLife)
		page(10, false, true) // nobody tells any more
	})
}

// What a build has read so far is what a list is made of: as the whole index will be.
func TestListOfWhatWasRead(t *testing.T) {
	for _, collapse := range []bool{false, true} {
		_, c, r := reading(t)
		b := r.boxNamed("INBOX")
		w := jmap.Window{Limit: 8}
		if _, err := r.FirstPage(t.Context(), b.id, w, false); err != nil {
			t.Fatal(err)
		}
		if err := r.buildBox(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		b.synced = false // as if its last part were to come
		before := c.newest
		got, err := r.FirstPage(t.Context(), b.id, w, collapse)
		if err != nil || c.newest != before {
			t.Fatalf("asked %d times more, %v", c.newest-before, err)
		}
		b.synced = true
		q := &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: b.id}},
			Sort: []jmap.Comparator{{Property: jmap.SortReceivedAt, Descending: true}}, CollapseThreads: collapse, Window: w}
		want, err := r.Query(q, nil)
		if err != nil || !slices.Equal(got.IDs, want.IDs) || got.Total != 40 {
			t.Errorf("collapsed %v: %d of %d, %v; want %v, %v", collapse, len(got.IDs), got.Total, got.IDs, want.IDs, err)
		}
	}
}

// Nothing is asked for the index while the person's first page is on its way, unless
// somebody waits for the index.
func TestHeadStart(t *testing.T) {
	for _, hurry := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
			a.Deliver("INBOX", mailText(1, 1), day(1))
			r, err := Open(t.Context(), Config{Store: a.Open(), Key: testKey, HeadStart: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- r.Run(ctx) }()
			began := time.Now()
			wait := r.AwaitComplete
			if hurry {
				wait = r.WaitComplete
			}
			if err := wait(ctx); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); hurry != (took < time.Second) {
				t.Errorf("hurry %v: the index was there after %v", hurry, took)
			}
			stop()
			<-done
		})
	}
}
