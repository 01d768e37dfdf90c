package account

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailSearch answers a query with what has been found so far.
func (a *Account) EmailSearch(ctx context.Context, q *jmap.EmailQuery, since string) (jmap.EmailSearchResult, error) {
	q, err := a.understoodQuery(q)
	if err != nil {
		return jmap.EmailSearchResult{}, err
	}
	if err := a.prepared(ctx, q.Filter); err != nil {
		return jmap.EmailSearchResult{}, failure(err)
	}
	s, err := a.searches.join(q.Filter)
	if err != nil {
		return jmap.EmailSearchResult{}, failure(err)
	}
	defer a.searches.leave(ctx, s)
	now, err := a.searches.wait(ctx, s, since)
	if err != nil {
		return jmap.EmailSearchResult{}, failure(err)
	}
	res := jmap.EmailSearchResult{SearchState: strconv.Itoa(now.version), IsComplete: now.complete, Searched: len(now.places), ToSearch: now.toSearch}
	q.Filter = a.withinReach(s.filter, &now)
	if len(now.text) == 0 {
		now.text = nil // no words: the index answers alone
	}
	res.EmailQueryResult, err = a.evaluate(ctx, q, now.text)
	return res, err
}

// withinReach is a filter that finds, of a search that goes on, what is certain.
func (a *Account) withinReach(f *jmap.Filter[jmap.EmailCondition], now *progress) *jmap.Filter[jmap.EmailCondition] {
	if now.complete {
		return f
	}
	reach := &jmap.EmailCondition{InMailboxOtherThan: a.mail.MailboxesBut(now.places)}
	for c := range now.text {
		if c.InMailbox != "" { // it is looked for there alone: a mail elsewhere says nothing
			reach = &jmap.EmailCondition{InMailboxOtherThan: a.mail.MailboxesBut(nil)}
		}
	}
	return &jmap.Filter[jmap.EmailCondition]{Op: jmap.OpAnd, Nodes: []*jmap.Filter[jmap.EmailCondition]{{Leaf: reach}, f}}
}

// searches are the searches of an account that go on between requests. Each is
// worked on by two goroutines, one of them for small mailboxes alone, which end when all is searched, when
// nobody asks any more, or with close.
type searches struct {
	a  *Account
	wg sync.WaitGroup

	mu     sync.Mutex // guards closed, list and all in it; never held over I/O
	closed bool
	list   []*longSearch // the one joined last is the last
}

// longSearch is the search of one filter.
type longSearch struct {
	key    string
	filter *jmap.Filter[jmap.EmailCondition]
	plain  bool // no words below a NOT: what was found in a mailbox stays found

	text    replica.Text // the conditions
	asked   map[upstream.Place][]question
	known   map[upstream.Place]*searched
	run     *searchRun // nil: nothing is to be done, or nobody asks
	err     error      // why it ended early
	version int
	moved   chan struct{} // closed when version, run or err changes

	askers int
	left   time.Time // when the last asker left
	timer  *time.Timer
}

// searched is what was found in a mailbox when top was its highest uid.
type searched struct {
	top  upstream.UID
	uids map[*jmap.EmailCondition]upstream.UIDSet
}

// searchRun is work under way.
type searchRun struct {
	ctx     context.Context
	stop    context.CancelFunc
	queue   []upstream.Place
	pending map[upstream.Place]bool // in queue or at work
	any     bool                    // a goroutine searches any mailbox
	quick   bool                    // a goroutine searches small ones
}

// progress is a moment of a search.
type progress struct {
	version  int
	complete bool
	toSearch int
	places   map[upstream.Place]bool // that were searched
	text     replica.Text
}

func newSearches(a *Account) *searches { return &searches{a: a} }

// close ends all searches and waits for them.
func (ss *searches) close() {
	ss.mu.Lock()
	ss.closed = true
	for len(ss.list) > 0 {
		ss.drop(ss.list[0])
	}
	ss.mu.Unlock()
	ss.wg.Wait()
}

// join finds the search of a filter or begins it, and has searched what is not
// known or came since. leave must follow.
func (ss *searches) join(f *jmap.Filter[jmap.EmailCondition]) (*longSearch, error) {
	key, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return nil, upstream.ErrClosed
	}
	s := ss.find(string(key))
	if s == nil {
		s = &longSearch{key: string(key), filter: f, plain: !negatesWords(f, false), known: make(map[upstream.Place]*searched), moved: make(chan struct{})}
		s.timer = time.AfterFunc(keepSearch, func() { ss.idle(s) })
	}
	s.err = nil
	if err := ss.look(s); err != nil {
		return nil, err
	}
	s.askers++
	s.timer.Stop()
	ss.list = append(slices.DeleteFunc(ss.list, func(o *longSearch) bool { return o == s }), s)
	if len(ss.list) > maxSearches {
		ss.drop(ss.list[0])
	}
	return s, nil
}

// look has searched what is not known or came since.
func (ss *searches) look(s *longSearch) error {
	text, asked, err := ss.a.questions(s.filter)
	if err != nil {
		return err
	}
	s.text, s.asked = text, asked
	ss.plan(s)
	return nil
}

// lookAgain takes up what came while a search goes on: a mail that was moved into
// a folder that is done waits for no other folder.
func (ss *searches) lookAgain(s *longSearch) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s.run == nil || ss.find(s.key) != s {
		return
	}
	if err := ss.look(s); err != nil {
		s.err = err
		ss.halt(s)
	}
}

func (ss *searches) find(key string) *longSearch {
	i := slices.IndexFunc(ss.list, func(s *longSearch) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return ss.list[i]
}

// negatesWords reports whether a filter has words below a NOT.
func negatesWords(f *jmap.Filter[jmap.EmailCondition], below bool) bool {
	if f == nil {
		return false
	}
	if f.Op == "" {
		return below && f.Leaf.HasText()
	}
	return slices.ContainsFunc(f.Nodes, func(n *jmap.Filter[jmap.EmailCondition]) bool {
		return negatesWords(n, below || f.Op == jmap.OpNot)
	})
}

// plan gives the run of a search what has to be searched.
func (ss *searches) plan(s *longSearch) {
	var missing []upstream.Place
	for at := range s.asked {
		top, _ := ss.a.mail.Extent(at)
		if k := s.known[at]; (k == nil || top > k.top) && (s.run == nil || !s.run.pending[at]) {
			missing = append(missing, at)
		}
	}
	if len(missing) == 0 {
		return
	}
	if s.run == nil {
		s.run = &searchRun{pending: make(map[upstream.Place]bool)}
		s.run.ctx, s.run.stop = context.WithCancel(context.Background())
	}
	slices.SortFunc(missing, func(x, y upstream.Place) int { return strings.Compare(x.Box, y.Box) })
	for _, at := range missing {
		s.run.queue = append(s.run.queue, at)
		s.run.pending[at] = true
	}
	for _, w := range []struct {
		busy *bool
		most int
	}{{&s.run.any, math.MaxInt}, {&s.run.quick, quickMails}} {
		if !*w.busy {
			*w.busy = true
			r := s.run
			ss.wg.Go(func() { ss.work(s, r, w.most, w.busy) })
		}
	}
}

// next takes a mailbox of most mails at most out of the queue.
func (ss *searches) next(r *searchRun, most int) (at upstream.Place, ok bool) {
	for i, at := range r.queue {
		if _, mails := ss.a.mail.Extent(at); mails <= most {
			r.queue = slices.Delete(r.queue, i, i+1)
			return at, true
		}
	}
	return at, false
}

// work searches mailboxes of most mails at most, one after the other. busy is one
// of r.
func (ss *searches) work(s *longSearch, r *searchRun, most int, busy *bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	defer func() { *busy = false }()
	for r.ctx.Err() == nil {
		at, ok := ss.next(r, most)
		if !ok {
			return
		}
		asked := s.asked[at]
		ss.mu.Unlock()
		got, err := ss.a.searchOne(r.ctx, at, asked)
		ss.mu.Lock()
		if s.run != r {
			return // stopped meanwhile
		}
		delete(r.pending, at)
		if err != nil {
			s.err = err
			ss.halt(s)
			return
		}
		s.known[at] = got
		s.version++
		if len(r.pending) == 0 {
			r.stop()
			s.run = nil
		}
		s.announce()
	}
}

// searchOne asks one mailbox. What comes while it does may be missed: then it has
// a higher uid than top.
func (a *Account) searchOne(ctx context.Context, at upstream.Place, asked []question) (*searched, error) {
	out := &searched{uids: make(map[*jmap.EmailCondition]upstream.UIDSet, len(asked))}
	out.top, _ = a.mail.Extent(at)
	for _, q := range asked {
		uids, err := a.searchBox(ctx, at, q.terms)
		if err != nil {
			return nil, err
		}
		out.uids[q.condition] = uids
	}
	return out, nil
}

// announce wakes those who wait.
func (s *longSearch) announce() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// halt ends the work on a search; what was found is kept.
func (ss *searches) halt(s *longSearch) {
	if s.run != nil {
		s.run.stop()
		s.run = nil
	}
	s.announce()
}

// drop forgets a search. Those who wait for it are told to try again.
func (ss *searches) drop(s *longSearch) {
	s.timer.Stop()
	s.err = upstream.ErrClosed
	ss.halt(s)
	ss.list = slices.DeleteFunc(ss.list, func(o *longSearch) bool { return o == s })
}

// leave is called when an asker has its answer, or is gone: then ctx has ended, and
// nobody will come for the rest.
func (ss *searches) leave(ctx context.Context, s *longSearch) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s.askers--; s.askers > 0 || ss.find(s.key) != s {
		return
	}
	s.left = time.Now()
	if ctx.Err() != nil {
		ss.halt(s)
	}
	if s.run != nil {
		s.timer.Reset(searchPatience)
	} else {
		s.timer.Reset(keepSearch)
	}
}

// idle is called some time after the last asker has left.
func (ss *searches) idle(s *longSearch) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s.askers > 0 || ss.find(s.key) != s {
		return
	}
	if s.run != nil {
		ss.halt(s)
	}
	if rest := keepSearch - time.Since(s.left); rest > 0 {
		s.timer.Reset(rest)
		return
	}
	ss.drop(s)
}

// wait returns a moment of a search: the end of it, one after since, or what there
// is when it takes too long.
func (ss *searches) wait(ctx context.Context, s *longSearch, since string) (progress, error) {
	patience := searchFirst
	if since != "" {
		patience = searchWait
	}
	ctxEnd := ctx.Done()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	again := time.NewTicker(searchLook)
	defer again.Stop()
	gathering := false
	for late := false; ; {
		ss.mu.Lock()
		now, moved, err := s.progress(), s.moved, s.err
		ss.mu.Unlock()
		switch {
		case err != nil:
			return progress{}, err
		case now.complete || late:
			return now, nil
		case since != "" && strconv.Itoa(now.version) != since && !gathering:
			gathering = true
			limit.Reset(searchGather)
		}
		select {
		case <-moved:
		case <-again.C:
			ss.lookAgain(s)
		case <-limit.C:
			late = true
		case <-ctxEnd:
			return progress{}, ctx.Err()
		}
	}
}

// progress copies what is known; the caller has the lock.
func (s *longSearch) progress() progress {
	p := progress{version: s.version, complete: s.run == nil, toSearch: len(s.asked), places: make(map[upstream.Place]bool), text: make(replica.Text)}
	for c := range s.text {
		p.text[c] = nil
	}
	for at := range s.asked {
		k := s.known[at]
		if k == nil || !s.plain && s.run != nil && s.run.pending[at] {
			continue
		}
		p.places[at] = true
		for c, uids := range k.uids {
			p.text[c] = append(p.text[c], replica.Found{At: at, UIDs: uids})
		}
	}
	return p
}
