package jmapserver_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cofferdam/internal/outbox"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// A client that keeps results of Mailbox/query by queryChanges alone has what
// Mailbox/query says, whatever is done to the Mailboxes (RFC 8620, section 5.6).
func TestMailboxQueryChanges(t *testing.T) {
	w := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}
	var err error
	kept := settingsRecords{&mailRoom{rows: map[string]outbox.Stored{}}}
	if w.settings, err = settings.Open(context.Background(), settings.Config{Records: kept}); err != nil {
		t.Fatal(err)
	}
	w.open()
	client := newSplicer(w)
	r := rand.New(rand.NewPCG(1, 2))
	var own []string
	for step := range 120 {
		switch n := r.IntN(10); {
		case n < 4 || len(own) == 0:
			parent := "null"
			if len(own) > 0 && n < 2 {
				parent = quoted(own[r.IntN(len(own))])
			}
			var set struct {
				Created map[string]struct{ ID string }
			}
			w.ask(&set, "Mailbox/set", fmt.Sprintf(`"create":{"c":{"name":"box %c%d","parentId":%s,"sortOrder":%d}}`, 'a'+rune(r.IntN(26)), step, parent, r.IntN(4)))
			if id := set.Created["c"].ID; id != "" {
				own = append(own, id)
			}
		case n < 9:
			id, other := own[r.IntN(len(own))], own[r.IntN(len(own))]
			patch := []string{fmt.Sprintf(`"name":"%c%d"`, 'a'+rune(r.IntN(26)), step), `"parentId":"` + other + `"`, `"parentId":null`,
				fmt.Sprint(`"sortOrder":`, r.IntN(4)), `"isSubscribed":false`}[r.IntN(5)]
			w.ask(new(struct{}), "Mailbox/set", `"update":{"`+id+`":{`+patch+`}}`)
		default:
			at := r.IntN(len(own))
			var set struct{ Destroyed []string }
			w.ask(&set, "Mailbox/set", `"destroy":["`+own[at]+`"]`)
			if len(set.Destroyed) == 1 {
				own = slices.Delete(own, at, at+1)
			}
		}
		client.check(step)
	}
	if client.moved < 100 {
		t.Errorf("results changed %d times only", client.moved)
	}
}

// splicer is a client that keeps several results.
type splicer struct {
	*whole
	results []*spliced
	moved   int
}

type spliced struct {
	args       string
	QueryState string
	IDs        []string
}

func newSplicer(w *whole) *splicer {
	s := &splicer{whole: w}
	for _, args := range []string{
		`"sort":[{"property":"name"}]`,
		`"sort":[{"property":"sortOrder"},{"property":"name","isAscending":false}],"sortAsTree":true`,
		`"filter":{"name":"b"},"filterAsTree":true`,
		`"filter":{"operator":"NOT","conditions":[{"name":"c"},{"isSubscribed":false}]},"sort":[{"property":"sortOrder"}]`,
	} {
		one := &spliced{args: args}
		w.ask(one, "Mailbox/query", args)
		s.results = append(s.results, one)
	}
	return s
}

func (s *splicer) check(step int) {
	s.Helper()
	for _, have := range s.results {
		var ch struct {
			NewQueryState string
			Total         int
			Removed       []string
			Added         []struct {
				ID    string
				Index int
			}
		}
		s.ask(&ch, "Mailbox/queryChanges", have.args+`,"calculateTotal":true,"sinceQueryState":"`+have.QueryState+`"`)
		have.IDs = slices.DeleteFunc(have.IDs, func(id string) bool { return slices.Contains(ch.Removed, id) })
		for _, a := range ch.Added {
			have.IDs = slices.Insert(have.IDs, a.Index, a.ID)
			s.moved++
		}
		have.QueryState = ch.NewQueryState
		var want spliced
		s.ask(&want, "Mailbox/query", have.args)
		if !slices.Equal(have.IDs, want.IDs) || ch.Total != len(want.IDs) || have.QueryState != want.QueryState {
			s.Fatalf("step %d, %s:\n have %v\n want %v\nby %+v", step, have.args, have.IDs, want.IDs, ch)
		}
	}
}
