package system

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

const (
	// neighbourSlowed is the most by which the median list page of a person may slow
	// down while another in the same cell has the most expensive requests that we
	// know answered, as many at a time as are allowed: eight that compute share two
	// processors with the ninth.
	neighbourSlowed = 300 * time.Millisecond
	neighbourPages  = 40
	// greedyRequests is the limit on requests of one person at a time (maxConcurrentRequests).
	greedyRequests = 8
)

// TestNeighbour: what one person of a cell asks for, however much it costs, slows the
// others by no more than a stated amount.
func TestNeighbour(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2})
	s := Start(t, p, Options{Cells: 1})
	ann, mallory := s.Browser(p.Users[0].Login), s.Browser(p.Users[1].Login)
	for i, one := range []*Person{ann, mallory} {
		defer one.Close()
		if err := one.SignIn(t.Context(), p.Users[i].Password); err != nil {
			t.Fatal(err)
		}
	}
	inbox, err := ann.ByRole(t.Context(), "inbox")
	if err != nil {
		t.Fatal(err)
	}
	session, err := mallory.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	quiet := listTimes(t, ann, inbox)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	requests := greedy(session.Account)
	for i := range greedyRequests {
		busy.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				_, _ = mallory.Do(ctx, http.MethodPost, session.API, "application/json", requests[n%len(requests)]) // refused or answered
			}
		})
	}
	beside := listTimes(t, ann, inbox)
	stop()
	busy.Wait()
	t.Logf("a list page: p50 %v, p95 %v; beside expensive requests: p50 %v, p95 %v", quiet[len(quiet)/2], quiet[len(quiet)*95/100],
		beside[len(beside)/2], beside[len(beside)*95/100])
	if slowed := beside[len(beside)/2] - quiet[len(quiet)/2]; slowed > neighbourSlowed {
		t.Errorf("slowed by %v", slowed)
	}
}

// listTimes are the sorted times of list pages.
func listTimes(t *testing.T, p *Person, inbox string) (times []time.Duration) {
	t.Helper()
	for range neighbourPages {
		began := time.Now()
		if _, err := p.List(t.Context(), Args{"inMailbox": inbox}, 0, 50, true); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times
}

// greedy are requests that cost as much as any: references through large results,
// patches of a thousand paths, and ids without number.
func greedy(account string) [][]byte {
	list := func(n int, f func(int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = f(i)
		}
		return strings.Join(all, ",")
	}
	refs := list(16, func(i int) string {
		return fmt.Sprintf(`"#b%d":{"resultOf":"0","name":"Core/echo","path":"/a/*/b/*"}`, i)
	})
	patches := list(190, func(i int) string {
		return fmt.Sprintf(`"m%d":{%s}`, i, list(1000, func(i int) string { return fmt.Sprintf(`"keywords/keyword%d":true`, i) }))
	})
	var out [][]byte
	for _, calls := range []string{
		`["Core/echo",{"a":[` + list(60_000, func(int) string { return `{"b":[1]}` }) + `]},"0"],` +
			list(31, func(int) string { return `["Email/get",{` + refs + `},"1"]` }),
		`["Email/set",{"accountId":"` + account + `","update":{` + patches + `}},"0"]`,
		`["Email/get",{"accountId":"` + account + `","ids":[` + list(190_000, func(i int) string { return fmt.Sprintf(`"m%d"`, i) }) + `]},"0"]`,
	} {
		out = append(out, []byte(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[`+calls+`]}`))
	}
	return out
}
