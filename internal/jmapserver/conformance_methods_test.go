package jmapserver_test

import (
	"fmt"
	"slices"
	"testing"

	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestWholeMethods is TestWholeAccount for what later methods and arguments add.
func TestWholeMethods(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*whole)
	}{
		{"upToIdRemoved", func(w *whole) { wholeUpTo(w, false) }},
		{"upToIdAdded", func(w *whole) { wholeUpTo(w, true) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(&whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}) })
	}
}

// RFC 8620, section 5.6: what lies behind upToId is left out, in both orders, and
// what lies before it is not.
func wholeUpTo(w *whole, added bool) {
	for i := range 6 {
		w.deliver(fmt.Sprint("m", i), "", "")
	}
	w.open()
	id, inbox, archive := w.ids(), w.mailbox("inbox"), w.mailbox("archive")
	type changes struct {
		QueryState string
		Removed    []string
		Added      []struct{ ID string }
	}
	for _, order := range []struct {
		sort         string
		front, after []string // before and behind upToId: what moves out, and what is flagged
	}{
		{`"isAscending":false`, []string{"m5", "m4"}, []string{"m1", "m0"}},
		{`"isAscending":true`, []string{"m1", "m0"}, []string{"m5", "m4"}},
	} {
		args := `"filter":{"inMailbox":"` + inbox + `"},"sort":[{"property":"receivedAt",` + order.sort + `}]`
		var before, without, with changes
		w.ask(&before, "Email/query", args)
		for _, moved := range []string{order.front[0], order.after[0]} {
			w.set(`"update":{"` + id[moved] + `":{"mailboxIds":{"` + archive + `":true}}}`)
		}
		for _, flagged := range []string{order.front[1], order.after[1]} {
			w.set(`"update":{"` + id[flagged] + `":{"keywords/$flagged":true}}`)
		}
		w.ask(&without, "Email/queryChanges", args+`,"sinceQueryState":"`+before.QueryState+`"`)
		w.ask(&with, "Email/queryChanges", args+`,"sinceQueryState":"`+before.QueryState+`","upToId":"`+id["m3"]+`"`)
		if added {
			if len(without.Added) != 2 || len(with.Added) != 1 || with.Added[0].ID != id[order.front[1]] {
				w.Errorf("%s: added %v, and %v up to m3", order.sort, without.Added, with.Added)
			}
		} else {
			want := []string{id[order.front[0]], id[order.front[1]]}
			slices.Sort(want)
			slices.Sort(with.Removed)
			if len(without.Removed) != 4 || !slices.Equal(with.Removed, want) {
				w.Errorf("%s: removed %v, and %v up to m3, want %v", order.sort, without.Removed, with.Removed, want)
			}
		}
		for _, m := range slices.Concat(order.front, order.after) { // as it was
			w.set(`"update":{"` + id[m] + `":{"mailboxIds":{"` + inbox + `":true},"keywords":{}}}`)
		}
	}
}
