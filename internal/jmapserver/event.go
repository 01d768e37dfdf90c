package jmapserver

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// stream is one connection to the event source (RFC 8620, section 7.3).
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	wants func(jmap.Type) bool
	once  bool          // closeafter=state
	ping  time.Duration // 0: none
	have  map[jmap.AccountID]jmap.TypeStates
}

// serveEvents pushes changes of state until the client goes away.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request, p *Person) {
	s := &stream{w: w, rc: http.NewResponseController(w)}
	if why := s.read(r); why != "" {
		(&problem{status: http.StatusBadRequest, detail: why}).write(w)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	changes, done := watch(ctx, p)
	defer done()
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s.run(ctx, changes)
}

// read reads the variables of the template; why is "" if they are right.
func (s *stream) read(r *http.Request) (why string) {
	q := r.URL.Query()
	types := q.Get("types")
	list := strings.Split(types, ",")
	switch {
	case types == "*":
		s.wants = func(jmap.Type) bool { return true }
	case types == "" || slices.Contains(list, "") || slices.Contains(list, "*"):
		return "types is neither * nor a list of type names"
	default:
		s.wants = func(t jmap.Type) bool { return slices.Contains(list, string(t)) }
	}
	switch q.Get("closeafter") {
	case "state":
		s.once = true
	case "no":
	default:
		return "closeafter is neither state nor no"
	}
	ping, err := strconv.ParseUint(q.Get("ping"), 10, 53)
	if err != nil {
		return "ping is not a number of seconds"
	}
	if ping > 0 {
		s.ping = time.Duration(min(max(ping, minPing), maxPing)) * time.Second
	}
	s.have = readStates(r.Header.Get("Last-Event-ID"))
	return ""
}

// accountStates is news of one account.
type accountStates struct {
	id     jmap.AccountID
	states jmap.TypeStates
}

// watch waits for changes of each account. done returns when all that it has
// started has ended; ctx must be done before.
func watch(ctx context.Context, p *Person) (changes chan accountStates, done func()) {
	changes = make(chan accountStates)
	ended := make(chan struct{})
	for _, a := range p.Accounts {
		id := a.Info().ID
		go func() {
			defer func() { ended <- struct{}{} }()
			watchOne(ctx, a, id, changes)
		}()
	}
	return changes, func() {
		for range p.Accounts {
			<-ended
		}
	}
}

// watchOne passes on the states of an account: first as they are, then whenever
// they change. It returns when ctx is done; if the account fails, it says so by
// an id of "" before.
func watchOne(ctx context.Context, a Account, id jmap.AccountID, to chan<- accountStates) {
	var have jmap.TypeStates
	for {
		now, err := a.WaitChange(ctx, have)
		news := accountStates{id, maps.Clone(now)}
		if err != nil {
			news = accountStates{} // ends the stream; the client comes back
		}
		select {
		case to <- news:
		case <-ctx.Done():
			return
		}
		if have = now; err != nil || !sleep(ctx, pushInterval) {
			return
		}
	}
}

// sleep returns false if ctx ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// run writes events until ctx is done, the client cannot be written to, or one
// state event was all that was asked for.
func (s *stream) run(ctx context.Context, changes <-chan accountStates) {
	var pings <-chan time.Time
	var ticker *time.Timer
	if s.ping > 0 {
		ticker = time.NewTimer(s.ping)
		defer ticker.Stop()
		pings = ticker.C
	}
	for {
		wrote, err := false, error(nil)
		select {
		case <-ctx.Done():
			return
		case n := <-changes:
			if n.id != "" {
				wrote, err = s.news(n)
			}
			if n.id == "" || wrote && s.once {
				return
			}
		case <-pings:
			wrote, err = true, s.send(s.pingEvent())
		}
		if err != nil {
			return
		}
		if wrote && ticker != nil {
			ticker.Reset(s.ping) // the time counts from the previous event
		}
	}
}

// news takes in the states of an account and sends a state event if the client
// does not know them. What a new client has is what is there when it comes: it
// gets an id without an event, so that it misses nothing if it has to come back.
func (s *stream) news(n accountStates) (wrote bool, err error) {
	old, known := s.have[n.id]
	changed := jmap.TypeStates{}
	for t, state := range n.states {
		if known && old[t] != state && s.wants(t) {
			changed[t] = state
		}
	}
	s.have[n.id] = n.states
	if len(changed) == 0 {
		if known {
			return false, nil
		}
		return false, s.send(append(s.appendEventID(nil), "\n"...))
	}
	event := append([]byte("event: state\ndata: "), stateChange(n.id, changed)...)
	event = append(event, '\n')
	return true, s.send(append(s.appendEventID(event), "\n"...))
}

// stateChange is a StateChange object (RFC 8620, section 7.1).
func stateChange(id jmap.AccountID, changed jmap.TypeStates) []byte {
	return jmap.AppendStateChange(nil, map[jmap.AccountID]jmap.TypeStates{id: changed})
}

// pingEvent has no id: a ping MUST NOT set one.
func (s *stream) pingEvent() []byte {
	o := ijson.Open([]byte("event: ping\ndata: "))
	o.Uint("interval", uint64(s.ping/time.Second))
	return append(o.Close(), "\n\n"...)
}

// send writes and flushes; a client that does not read is given up.
func (s *stream) send(b []byte) error {
	// An error says that the connection has no deadlines; then the server's own
	// time-outs hold.
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}

// appendEventID appends the "id" line that holds all states that the client now
// has.
func (s *stream) appendEventID(dst []byte) []byte {
	return append(appendStates(append(dst, "id: "...), s.have), '\n')
}

// appendStates appends states in one word:
// account:Type=state,Type=state;account:...
func appendStates(dst []byte, have map[jmap.AccountID]jmap.TypeStates) []byte {
	for i, id := range slices.Sorted(maps.Keys(have)) {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(append(dst, id...), ':')
		for j, t := range slices.Sorted(maps.Keys(have[id])) {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, t...), '='), url.QueryEscape(string(have[id][t]))...)
		}
	}
	return dst
}

// readStates reads what appendStates has written. What it does not understand
// counts as never seen.
func readStates(s string) map[jmap.AccountID]jmap.TypeStates {
	have := map[jmap.AccountID]jmap.TypeStates{}
	if s == "" || len(s) > maxLastEventID {
		return have
	}
	for part := range strings.SplitSeq(s, ";") {
		id, list, ok := strings.Cut(part, ":")
		if !ok || !jmap.ValidID(id) {
			continue
		}
		states := jmap.TypeStates{}
		for item := range strings.SplitSeq(list, ",") {
			t, escaped, _ := strings.Cut(item, "=")
			if state, err := url.QueryUnescape(escaped); err == nil {
				states[jmap.Type(t)] = jmap.State(state)
			}
		}
		have[jmap.AccountID(id)] = states
	}
	return have
}
