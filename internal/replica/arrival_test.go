package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// sizesIn tells which mails a mailbox has: each test mail has a size of its own;
// newest first.
func sizesIn(t *testing.T, ix *Index, name string) []int64 {
	t.Helper()
	b := ix.byName[name]
	res, err := ix.Query(&jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: b.id}},
		Sort: []jmap.Comparator{{Property: jmap.SortReceivedAt, Descending: true}}, Window: jmap.Window{Limit: 1000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	list, _, _ := ix.Emails(res.IDs)
	for _, m := range list {
		out = append(out, int64(m.Size))
	}
	return out
}

// Mails of one second are in the order in which they came: in an index that is
// built, one that follows, one that was saved; also after they were moved.
func TestOneSecondIsInOrderOfArrival(t *testing.T) {
	for _, opts := range []memup.Options{{Identity: upstream.IdentityGUID}, {Identity: upstream.IdentityObject, Threads: true}, {NoModSeq: true, NoBoxIDs: true}} {
		t.Run(fmt.Sprint(opts.Identity), func(t *testing.T) {
			a := memup.New(opts)
			var want []int64
			deliver := func(n int) {
				for range n {
					// The mail's size tells which one it is.
					i := len(want) + 1
					text := fmt.Appendf(mailText(i, i), "%0*d\r\n", 2*i, i)
					a.Deliver("INBOX", text, day(0))
					want = append(want, int64(len(text)))
				}
				slices.Reverse(want)
			}
			deliver(40)
			r := opened(t, a)
			if got := sizesIn(t, r.Index, "INBOX"); !slices.Equal(got, want) {
				t.Fatalf("built: %v, want %v", got, want)
			}
			slices.Reverse(want)
			deliver(40)
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := sizesIn(t, r.Index, "INBOX"); !slices.Equal(got, want) {
				t.Fatalf("followed: %v, want %v", got, want)
			}
			// Moved one by one in another order they keep the order of arrival.
			st := a.Open()
			at := upstream.Place{Box: "INBOX", Validity: r.boxNamed("INBOX").marks.UIDValidity}
			for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(80) {
				if _, err := st.Move(t.Context(), at, one(upstream.UID(i+1)), "Archive"); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := sizesIn(t, r.Index, "Archive"); !slices.Equal(got, want) {
				t.Fatalf("moved: %v, want %v", got, want)
			}
			if got := sizesIn(t, open(t, a, r.Snapshot()).Index, "Archive"); !slices.Equal(got, want) {
				t.Fatalf("reloaded: %v, want %v", got, want)
			}
			checkOrders(t, r.Index)
		})
	}
}
