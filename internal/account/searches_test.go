package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// slowStore lets a mailbox be searched when the test says so.
type slowStore struct {
	upstream.Store
	mu      sync.Mutex
	slow    map[string]chan struct{} // by mailbox; closed: go on
	count   map[string]int
	stopped chan string // mailboxes whose search was called off
	err     error
}

func (s *slowStore) Search(ctx context.Context, at upstream.Place, terms []upstream.Term) (upstream.UIDSet, error) {
	s.mu.Lock()
	gate, err := s.slow[at.Box], s.err
	s.count[at.Box]++
	s.mu.Unlock()
	if err != nil {
		return upstream.UIDSet{}, err
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			s.stopped <- at.Box
			return upstream.UIDSet{}, ctx.Err()
		}
	}
	return s.Store.Search(ctx, at, terms)
}

func (s *slowStore) hold(box string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.slow[box] = gate
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.slow, box)
		close(gate)
	}
}

func (s *slowStore) searches(box string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[box]
}

func (s *slowStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// slowRig is an account with a mail about a lion in each of three mailboxes.
func slowRig(t *testing.T) (*rig, *slowStore) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	s := &slowStore{Store: mem.Open(), slow: map[string]chan struct{}{}, count: map[string]int{}, stopped: make(chan string, 10)}
	r := newRig(t, s, mem.Open())
	for i, box := range []string{"Archive", "INBOX", "Trash"} {
		for _, what := range []string{"lion", "tiger"} {
			r.deliver(box, fmt.Sprintf("Subject: %s in %s\r\nMessage-ID: <%s%d@x>\r\n\r\n.\r\n", what, box, what, i))
		}
	}
	for _, role := range []jmap.Role{jmap.RoleArchive, jmap.RoleInbox, jmap.RoleTrash} {
		r.waitFor(r.box(role), 2)
	}
	return r, s
}

// found asks for a search and returns the subjects.
func (r *rig) found(text, since string) ([]string, jmap.EmailSearchResult) {
	r.Helper()
	res, err := r.a.EmailSearch(r.ctx, typedQuery(text), since)
	r.must(err)
	var out []string
	for _, e := range r.get(listFields, res.IDs...) {
		out = append(out, *e.Subject)
	}
	slices.Sort(out)
	return out, res
}

func typedQuery(text string) *jmap.EmailQuery {
	return &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{
		Search: &jmap.SearchText{Text: text, Zone: time.UTC}}}, Window: jmap.Window{Limit: 100}}
}

func (r *rig) same(what string, got, want []string) {
	r.Helper()
	if !slices.Equal(got, want) {
		r.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// What folders have is answered while another is still searched, and a mail is
// never shown that turns out to be no result.
func TestEmailSearchAnswersAsFoldersFinish(t *testing.T) {
	r, s := slowRig(t)
	release := s.hold("Archive")
	got, res := r.found("lion", "")
	r.same("at first", got, []string{"lion in INBOX", "lion in Trash"})
	if res.IsComplete || res.Searched+1 != res.ToSearch {
		t.Errorf("at first: %+v", res)
	}
	got, not := r.found("-lion", "")
	r.same("without, at first", got, []string{"tiger in INBOX", "tiger in Trash"})
	time.AfterFunc(50*time.Millisecond, release)
	began := time.Now()
	got, res = r.found("lion", res.SearchState)
	r.same("at last", got, []string{"lion in Archive", "lion in INBOX", "lion in Trash"})
	if !res.IsComplete || res.Searched != res.ToSearch || time.Since(began) > 5*time.Second {
		t.Errorf("at last: %+v after %v", res, time.Since(began))
	}
	got, res = r.found("-lion", not.SearchState)
	r.same("without, at last", got, []string{"tiger in Archive", "tiger in INBOX", "tiger in Trash"})
	if got, res = r.found("in:archive", ""); len(got) != 2 || !res.IsComplete {
		t.Errorf("without words: %q, %+v", got, res)
	}
}

// A result is kept for the next page, and only where mail came is searched again.
func TestEmailSearchLooksOnlyAtWhatIsNew(t *testing.T) {
	r, s := slowRig(t)
	r.found("lion", "")
	r.found("lion", "")
	if n := s.searches("INBOX") + s.searches("Archive") + s.searches("Trash"); n != 3 {
		t.Errorf("%d searches of 3 mailboxes", n)
	}
	r.deliver("INBOX", "Subject: lion again\r\n\r\n.\r\n")
	r.waitFor(r.box(jmap.RoleInbox), 3)
	release := s.hold("INBOX")
	got, res := r.found("lion", "")
	r.same("while the inbox is searched again", got, []string{"lion in Archive", "lion in INBOX", "lion in Trash"})
	if res.IsComplete {
		t.Error("complete before the new mail was looked at")
	}
	release()
	got, _ = r.found("lion", res.SearchState)
	r.same("then", got, []string{"lion again", "lion in Archive", "lion in INBOX", "lion in Trash"})
	if s.searches("INBOX") != 2 || s.searches("Archive") != 1 {
		t.Errorf("the inbox was searched %d times, the archive %d times", s.searches("INBOX"), s.searches("Archive"))
	}
}

// Who leaves ends the search that nobody else waits for, and no other.
func TestEmailSearchEndsWithItsAskers(t *testing.T) {
	r, s := slowRig(t)
	release := s.hold("Archive")
	ctx, leave := context.WithCancel(r.ctx)
	gone, stays, other := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	_, first := r.found("lion", "") // so that the next ones wait for more
	_, second := r.found("tiger", "")
	ask := func(ctx context.Context, text, since string, done chan error) {
		_, err := r.a.EmailSearch(ctx, typedQuery(text), since)
		done <- err
	}
	go ask(ctx, "lion", first.SearchState, gone)
	go ask(r.ctx, "lion", first.SearchState, stays)
	go ask(ctx, "tiger", second.SearchState, other)
	time.Sleep(50 * time.Millisecond)
	leave()
	for _, done := range []chan error{gone, other} {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	}
	select { // the search for tigers has no asker left
	case <-s.stopped:
	case <-r.ctx.Done():
		t.Fatal("a search goes on for nobody")
	}
	release()
	if err := <-stays; err != nil {
		t.Errorf("who stayed: %v", err)
	}
	select {
	case box := <-s.stopped:
		t.Errorf("the search of %s was called off for somebody else", box)
	default:
	}
	got, res := r.found("tiger", "") // from where it was called off
	if len(got) != 3 || !res.IsComplete {
		t.Errorf("asked again: %q, %+v", got, res)
	}
}

// A mail that comes while another folder is still searched does not wait for it.
func TestEmailSearchTakesUpWhatComes(t *testing.T) {
	r, s := slowRig(t)
	defer s.hold("INBOX")()
	_, res := r.found("lion", "")
	r.deliver("Archive", "Subject: lion at last\r\nMessage-ID: <last@x>\r\n\r\n.\r\n")
	began := time.Now()
	got, res := r.found("lion", res.SearchState)
	r.same("then", got, []string{"lion at last", "lion in Archive", "lion in Trash"})
	if res.IsComplete || time.Since(began) > 5*time.Second {
		t.Errorf("%+v after %v", res, time.Since(began))
	}
}

func TestEmailSearchErrors(t *testing.T) {
	r, s := slowRig(t)
	s.fail(upstream.ErrUnavailable)
	if _, err := r.a.EmailSearch(r.ctx, typedQuery("lion"), ""); !errors.Is(err, jmap.ServerUnavailable) {
		t.Errorf("a server that is away: %v", err)
	}
	s.fail(nil)
	if got, _ := r.found("lion", ""); len(got) != 3 {
		t.Errorf("when it is back: %q", got)
	}
	for i := range 9 { // more than are kept
		if got, res := r.found(fmt.Sprintf("lion -word%d", i), ""); len(got) != 3 || !res.IsComplete {
			t.Errorf("search %d: %q, %+v", i, got, res)
		}
	}
	s.hold("INBOX")
	r.found("zebra", "")
	r.a.Close()
	if box := <-s.stopped; box != "INBOX" {
		t.Errorf("closing stopped the search of %s", box)
	}
	if _, err := r.a.EmailSearch(r.ctx, typedQuery("lion"), ""); !errors.Is(err, jmap.ServerUnavailable) {
		t.Errorf("a closed account: %v", err)
	}
}
