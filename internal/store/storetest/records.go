package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/store"
	"cofferdam/internal/user"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const class = "contacts"

func write(id string, revision int64) store.Write {
	return store.Write{ID: []byte(id), Revision: revision, Generation: 1, Sealed: fmt.Appendf(nil, "%s@%d", id, revision)}
}

func deletion(id string, revision int64) store.Write {
	return store.Write{ID: []byte(id), Revision: revision, Generation: 1, Deleted: true}
}

func put(t *testing.T, s store.Store, uid user.ID, fence int64, writes ...store.Write) int64 {
	t.Helper()
	change, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Writes: writes})
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func testRecords(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	if change := put(t, s, uid, fence, write("a", 1)); change != 1 {
		t.Errorf("first change is %d, want 1", change)
	}
	put(t, s, uid, fence, write("a", 2))
	got, err := s.Get(ctx, uid, class, []byte("a"))
	want := store.Record{ID: []byte("a"), Revision: 2, Generation: 1, Change: 2, Sealed: []byte("a@2")}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get: %v, (-want +got)\n%s", err, diff)
	}
	put(t, s, uid, fence, deletion("a", 3))
	got, err = s.Get(ctx, uid, class, []byte("a"))
	want = store.Record{ID: []byte("a"), Revision: 3, Generation: 1, Change: 3, Deleted: true}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get after deletion: %v, (-want +got)\n%s", err, diff)
	}
	_, err = s.Get(ctx, uid, "settings", []byte("a"))
	wantErr(t, "in another class", err, store.ErrNotFound)
	_, err = s.Get(ctx, person(t, s, 2), class, []byte("a"))
	wantErr(t, "of another person", err, store.ErrNotFound)
}

func testRecordConflicts(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	put(t, s, uid, fence, write("a", 1), write("gone", 1))
	put(t, s, uid, fence, deletion("gone", 2))
	for name, w := range map[string]store.Write{
		"exists already":    write("a", 1),
		"skips a revision":  write("a", 3),
		"never was":         write("b", 2),
		"delete, outdated":  deletion("a", 3),
		"after deletion":    write("gone", 3),
		"again as new":      write("gone", 1),
		"deletes once more": deletion("gone", 3),
	} {
		_, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Writes: []store.Write{w}})
		wantErr(t, name, err, store.ErrConflict)
	}
	_, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Writes: []store.Write{deletion("new", 1)}})
	wantErr(t, "deleting what never was", err, store.ErrNotFound)
	got, err := s.Get(t.Context(), uid, class, []byte("a"))
	if err != nil || got.Revision != 1 || got.Change != 1 {
		t.Errorf("refused writes changed the record: %+v, %v", got, err)
	}
}

func testRecordFence(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid := person(t, s, 1)
	try := func(fence int64) error {
		_, err := s.Put(ctx, store.Batch{UID: uid, Class: class, Fence: fence, Writes: []store.Write{write("a", 1)}})
		return err
	}
	wantErr(t, "nobody holds the person", try(1), store.ErrFenced)
	wantErr(t, "no fence", try(0), store.ErrFenced)
	old := lease(t, s, uid, "node", "one")
	now := lease(t, s, uid, "node", "two")
	wantErr(t, "the older holder", try(old.Fence), store.ErrFenced)
	wantErr(t, "a number never given out", try(now.Fence+1), store.ErrFenced)
	must(t, try(now.Fence))
	must(t, s.ReleaseLease(ctx, uid, now.Fence))
	_, err := s.Put(ctx, store.Batch{UID: uid, Class: class, Fence: now.Fence, Writes: []store.Write{write("a", 2)}})
	wantErr(t, "after release", err, store.ErrFenced)
	_, err = s.Put(ctx, store.Batch{UID: uid, Class: "auth", Unfenced: true, Writes: []store.Write{write("a", 1)}})
	if err != nil {
		t.Errorf("keeper's own class: %v", err)
	}
}

func testRecordBatch(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	if change := put(t, s, uid, fence, write("a", 1), write("b", 1), write("c", 1)); change != 3 {
		t.Errorf("change %d after three writes, want 3", change)
	}
	_, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Writes: []store.Write{write("a", 2), write("b", 5)}})
	wantErr(t, "one of two outdated", err, store.ErrConflict)
	if got, err := s.Get(t.Context(), uid, class, []byte("a")); err != nil || got.Revision != 1 {
		t.Errorf("half of a batch was written: %+v, %v", got, err)
	}
	if change := put(t, s, uid, fence, write("a", 2)); change != 4 {
		t.Errorf("change %d after a refused batch, want 4", change)
	}
}

func testRecordLimits(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	many := make([]store.Write, store.MaxBatch+1)
	for i := range many {
		many[i] = write(fmt.Sprint(i), 1)
	}
	half := write("x", 1)
	half.Sealed = make([]byte, store.MaxBatchBytes/2+1)
	both, empty, large, marked := half, write("e", 1), write("l", 1), deletion("d", 2)
	both.ID, empty.Sealed, large.Sealed, marked.Sealed = []byte("y"), nil, make([]byte, store.MaxSealed+1), []byte("x")
	for name, b := range map[string]store.Batch{
		"nothing":             {Class: class},
		"no class":            {Writes: many[:1]},
		"long class":          {Class: "abcdefghijklmnopq", Writes: many[:1]},
		"too many":            {Class: class, Writes: many},
		"too large together":  {Class: class, Writes: []store.Write{half, both}},
		"no id":               {Class: class, Writes: []store.Write{write("", 1)}},
		"long id":             {Class: class, Writes: []store.Write{write(string(make([]byte, store.MaxRecordID+1)), 1)}},
		"no revision":         {Class: class, Writes: []store.Write{write("a", 0)}},
		"empty record":        {Class: class, Writes: []store.Write{empty}},
		"large record":        {Class: class, Writes: []store.Write{large}},
		"deletion with bytes": {Class: class, Writes: []store.Write{marked}},
	} {
		b.UID, b.Fence = uid, fence
		_, err := s.Put(t.Context(), b)
		wantErr(t, name, err, store.ErrLimit)
	}
	for _, limit := range []int{0, store.MaxPage + 1} {
		_, err := s.List(t.Context(), uid, class, nil, limit)
		wantErr(t, "list limit", err, store.ErrLimit)
		_, err = s.Changes(t.Context(), uid, class, 0, limit)
		wantErr(t, "changes limit", err, store.ErrLimit)
		_, err = s.Kept(t.Context(), uid, class, []byte("a"), 0, limit)
		wantErr(t, "kept limit", err, store.ErrLimit)
	}
}

// testRecordRace lets many writers change one record: exactly one wins each
// revision.
func testRecordRace(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	var mu sync.Mutex
	won := map[int64]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for revision := int64(1); revision <= 5; revision++ {
				_, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Writes: []store.Write{write("a", revision)}})
				if err == nil {
					mu.Lock()
					won[revision]++
					mu.Unlock()
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for revision, n := range won {
		if n != 1 {
			t.Errorf("revision %d was written %d times", revision, n)
		}
	}
	if got, err := s.Get(t.Context(), uid, class, []byte("a")); err != nil || got.Revision != int64(len(won)) {
		t.Errorf("revision %d, %v; want %d", got.Revision, err, len(won))
	}
}

func ids(p store.Page) (all []string) {
	for _, r := range p.Records {
		all = append(all, fmt.Sprintf("%s@%d", r.ID, r.Revision))
	}
	return all
}

func testList(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	put(t, s, uid, fence, write("d", 1), write("b", 1), write("a", 1), write("\xff", 1), write("\x00", 1), write("c", 1))
	put(t, s, uid, fence, deletion("b", 2), write("c", 2))
	p, err := s.List(ctx, uid, class, nil, 3)
	if diff := cmp.Diff([]string{"\x00@1", "a@1", "c@2"}, ids(p)); err != nil || diff != "" || !p.More || p.Change != 8 {
		t.Errorf("first page: %v, more %t, change %d\n%s", err, p.More, p.Change, diff)
	}
	p, err = s.List(ctx, uid, class, p.Records[2].ID, 3)
	if diff := cmp.Diff([]string{"d@1", "\xff@1"}, ids(p)); err != nil || diff != "" || p.More {
		t.Errorf("second page: %v, more %t\n%s", err, p.More, diff)
	}
	p, err = s.List(ctx, uid, "settings", nil, 3)
	if err != nil || len(p.Records) != 0 || p.More || p.Change != 0 {
		t.Errorf("empty class: %+v, %v", p, err)
	}
}

// testPageBytes: a page ends early by bytes, with More, and goes on.
func testPageBytes(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	big := bytes.Repeat([]byte{1}, store.MaxPageBytes/2)
	for _, id := range []string{"a", "b", "c"} {
		w := write(id, 1)
		w.Sealed = big
		put(t, s, uid, fence, w)
	}
	p, err := s.List(t.Context(), uid, class, nil, 10)
	if diff := cmp.Diff([]string{"a@1", "b@1"}, ids(p)); err != nil || diff != "" || !p.More {
		t.Errorf("page: %v, more %t\n%s", err, p.More, diff)
	}
	p, err = s.List(t.Context(), uid, class, []byte("b"), 10)
	if diff := cmp.Diff([]string{"c@1"}, ids(p)); err != nil || diff != "" || p.More {
		t.Errorf("rest: %v, more %t\n%s", err, p.More, diff)
	}
}

func testChanges(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	put(t, s, uid, fence, write("a", 1), write("b", 1), write("c", 1))
	put(t, s, uid, fence, write("a", 2))
	put(t, s, uid, fence, deletion("b", 2))
	for since, want := range [][]string{
		{"c@1", "a@2", "b@2"}, {"c@1", "a@2", "b@2"}, {"c@1", "a@2", "b@2"}, {"a@2", "b@2"}, {"b@2"}, nil,
	} {
		p, err := s.Changes(ctx, uid, class, int64(since), 10)
		if diff := cmp.Diff(want, ids(p)); err != nil || diff != "" || p.More || p.Change != 5 {
			t.Errorf("since %d: %v, more %t, change %d\n%s", since, err, p.More, p.Change, diff)
		}
	}
	p, err := s.Changes(ctx, uid, class, 0, 2)
	if diff := cmp.Diff([]string{"c@1", "a@2"}, ids(p)); err != nil || diff != "" || !p.More {
		t.Errorf("first page: %v, more %t\n%s", err, p.More, diff)
	}
	_, err = s.Changes(ctx, uid, class, 6, 2)
	wantErr(t, "a position never given out", err, store.ErrChangesLost)
	_, err = s.Changes(ctx, uid, class, -1, 2)
	wantErr(t, "a negative position", err, store.ErrChangesLost)
}

func testKept(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	put(t, s, uid, fence, write("a", 1), write("b", 1))
	put(t, s, uid, fence, write("a", 2))
	put(t, s, uid, fence, deletion("a", 3))
	got, err := s.Kept(ctx, uid, class, []byte("a"), 0, 10)
	want := []store.Kept{
		{ID: []byte("a"), Revision: 2, Generation: 1, Sealed: []byte("a@2")},
		{ID: []byte("a"), Revision: 1, Generation: 1, Sealed: []byte("a@1")},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Kept{}, "Replaced")); err != nil || diff != "" {
		t.Errorf("Kept: %v, (-want +got)\n%s", err, diff)
	}
	if age := time.Since(got[0].Replaced); age < -time.Second || age > time.Minute {
		t.Errorf("replaced %s ago", age)
	}
	got, err = s.Kept(ctx, uid, class, []byte("a"), 2, 10)
	if err != nil || len(got) != 1 || got[0].Revision != 1 {
		t.Errorf("Kept below 2: %v, %v", got, err)
	}
}

func testDerived(t *testing.T, s store.Store) {
	uid, fence := owned(t, s, 1)
	derived := func(w store.Write) error {
		_, err := s.Put(t.Context(), store.Batch{UID: uid, Class: class, Fence: fence, Derived: true, Writes: []store.Write{w}})
		return err
	}
	must(t, derived(write("a", 1)))
	must(t, derived(write("a", 2)))
	wantErr(t, "outdated", derived(write("a", 2)), store.ErrConflict)
	must(t, derived(deletion("a", 3)))
	wantErr(t, "after deletion", derived(write("a", 4)), store.ErrConflict)
	if got, err := s.Kept(t.Context(), uid, class, []byte("a"), 0, 10); err != nil || len(got) != 0 {
		t.Errorf("kept of a derived class: %v, %v; want none", got, err)
	}
}

func testPurge(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	put(t, s, uid, fence, write("a", 1), write("b", 1))
	put(t, s, uid, fence, write("a", 2), deletion("b", 2))
	put(t, s, uid, fence, write("c", 1))
	if n, err := s.Purge(ctx, time.Now().Add(-store.KeptFor)); err != nil || n != 0 {
		t.Errorf("purging old rows took %d young ones, %v", n, err)
	}
	if n, err := s.Purge(ctx, time.Now().Add(time.Hour)); err != nil || n != 3 {
		t.Errorf("Purge = %d, %v; want two kept revisions and one mark", n, err)
	}
	_, err := s.Get(ctx, uid, class, []byte("b"))
	wantErr(t, "purged mark", err, store.ErrNotFound)
	_, err = s.Changes(ctx, uid, class, 3, 10)
	wantErr(t, "changes across a purged mark", err, store.ErrChangesLost)
	p, err := s.Changes(ctx, uid, class, 4, 10)
	if diff := cmp.Diff([]string{"c@1"}, ids(p)); err != nil || diff != "" {
		t.Errorf("changes after it: %v\n%s", err, diff)
	}
	if got, err := s.Get(ctx, uid, class, []byte("a")); err != nil || got.Revision != 2 {
		t.Errorf("a live record: %+v, %v", got, err)
	}
}

func testRoots(t *testing.T, s store.Store) {
	ctx := t.Context()
	uid, fence := owned(t, s, 1)
	_, err := s.Root(ctx, uid, class)
	wantErr(t, "no root yet", err, store.ErrNotFound)
	root := func(counter, expect int64, writes ...store.Write) error {
		r := store.Root{Counter: counter, Generation: 1, Sealed: fmt.Appendf(nil, "root %d", counter)}
		_, err := s.Put(ctx, store.Batch{UID: uid, Class: class, Fence: fence, Writes: writes, Root: &r, ExpectRoot: expect})
		return err
	}
	must(t, root(1, 0, write("a", 1)))
	wantErr(t, "expecting none", root(2, 0, write("a", 2)), store.ErrConflict)
	if got, err := s.Get(ctx, uid, class, []byte("a")); err != nil || got.Revision != 1 {
		t.Errorf("a record was written without its root: %+v, %v", got, err)
	}
	wantErr(t, "a counter that does not grow", root(1, 1, write("a", 2)), store.ErrLimit)
	must(t, root(2, 1, write("a", 2)))
	must(t, root(3, 2)) // a root alone
	got, err := s.Root(ctx, uid, class)
	if diff := cmp.Diff(store.Root{Counter: 3, Generation: 1, Sealed: []byte("root 3")}, got); err != nil || diff != "" {
		t.Errorf("Root: %v\n%s", err, diff)
	}
	if p, err := s.List(ctx, uid, class, nil, 1); err != nil || p.Root.Counter != 3 || string(p.Root.Sealed) != "root 3" {
		t.Errorf("a page's root: %+v, %v", p.Root, err)
	}
	if p, err := s.List(ctx, uid, "settings", nil, 1); err != nil || p.Root.Counter != 0 {
		t.Errorf("the root of an empty class: %+v, %v", p.Root, err)
	}
}
