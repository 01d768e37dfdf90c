package replica

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
)

// branch is a log of changes that another goes on from: its states up to a change
// are known, and what it may have told of behind that change is not.
type branch struct {
	epoch string
	upTo  uint32
}

// branch goes on under a new epoch. Whoever wrote a snapshot may have lived on and
// given out states behind it, and two may go on from one snapshot: with names of
// their own none of these states is ever taken for another.
func (ix *Index) branch() {
	if last := len(ix.past) - 1; last < 0 || ix.past[last].upTo < ix.seq {
		ix.past = append(ix.past, branch{ix.epoch, ix.seq})
	}
	ix.past = ix.past[max(0, len(ix.past)-maxBranches):]
	ix.epoch = newEpoch()
}

// epochOf is the epoch in which change seq was made.
func (ix *Index) epochOf(seq uint32) string {
	at, _ := slices.BinarySearchFunc(ix.past, seq, func(b branch, seq uint32) int { return cmp.Compare(b.upTo, seq) })
	if at < len(ix.past) {
		return ix.past[at].epoch
	}
	return ix.epoch
}

// newEpoch is a name that no other log of changes has.
func newEpoch() string {
	var b [6]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// state is the state of a type whose last change has the number seq. States of
// an index that is not complete are marked: nothing can be told since then.
func (ix *Index) state(seq uint32) jmap.State {
	mark := "."
	if !ix.complete {
		mark = ".b"
	}
	return jmap.State(ix.epochOf(seq) + mark + strconv.FormatUint(uint64(seq), 10))
}

// since reads a state of this index and says whether changes from it are known.
func (ix *Index) since(s jmap.State) (uint32, bool) {
	epoch, number, ok := strings.Cut(string(s), ".")
	n, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || !ix.complete || uint32(n) < ix.floor || uint32(n) > ix.seq || epoch != ix.epochOf(uint32(n)) {
		return 0, false
	}
	return uint32(n), true
}

// States returns the current state of every type of the index.
func (ix *Index) States() jmap.TypeStates {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return jmap.TypeStates{
		jmap.TypeEmail:         ix.state(ix.emailSeq),
		jmap.TypeThread:        ix.state(ix.threadSeq),
		jmap.TypeMailbox:       ix.state(ix.boxSeq),
		jmap.TypeEmailDelivery: ix.state(ix.arriveSeq),
	}
}

// change is one entry of an answer to /changes.
type change struct {
	seq  uint32
	kind changeKind
	id   string
}

type changeKind uint8

const (
	wasCreated changeKind = iota
	wasUpdated
	wasDestroyed
)

// Changes answers Email/changes, Thread/changes and Mailbox/changes. The error
// is jmap.CannotCalculateChanges.
func (ix *Index) Changes(t jmap.Type, since jmap.State, limit int) (jmap.Changes, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	current := ix.current(t)
	if since == current {
		return jmap.Changes{OldState: since, NewState: since}, nil
	}
	n, ok := ix.since(since)
	if !ok {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	var list []change
	counts := false
	switch t {
	case jmap.TypeEmail:
		list = ix.emailChanges(n)
	case jmap.TypeThread:
		list = ix.threadChanges(n)
	case jmap.TypeMailbox:
		list, counts = ix.boxChanges(n)
	default:
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	out := ix.cut(list, limit)
	out.OldState = since
	if !out.HasMore {
		out.NewState = current
	}
	out.CountsOnly = counts && len(out.Updated) > 0
	return out, nil
}

func (ix *Index) current(t jmap.Type) jmap.State {
	switch t {
	case jmap.TypeEmail:
		return ix.state(ix.emailSeq)
	case jmap.TypeThread:
		return ix.state(ix.threadSeq)
	case jmap.TypeMailbox:
		return ix.state(ix.boxSeq)
	}
	return ""
}

// cut sorts changes by age and keeps at most limit of them. What was left out is
// newer than the state it returns.
func (ix *Index) cut(list []change, limit int) jmap.Changes {
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.seq, b.seq) })
	var out jmap.Changes
	if limit > 0 && len(list) > limit {
		list = list[:limit]
		out.HasMore = true
		out.NewState = ix.state(list[limit-1].seq)
	}
	for _, c := range list {
		switch c.kind {
		case wasCreated:
			out.Created = append(out.Created, c.id)
		case wasUpdated:
			out.Updated = append(out.Updated, c.id)
		default:
			out.Destroyed = append(out.Destroyed, c.id)
		}
	}
	return out
}

// tombsSince are the tombs of mails destroyed after n.
func (ix *Index) tombsSince(n uint32) []tomb {
	at, _ := slices.BinarySearchFunc(ix.tombs, n+1, func(t tomb, n uint32) int { return cmp.Compare(t.destroyed, n) })
	return ix.tombs[at:]
}

// emailChanges lists what happened to mails after change n. One that was
// destroyed and came back has been updated.
func (ix *Index) emailChanges(n uint32) []change {
	var out []change
	back := make(map[emailKey]bool)
	for _, t := range ix.tombsSince(n) {
		if t.created > n {
			continue
		}
		if _, ok := ix.find(&t.key); ok {
			back[t.key] = true
			continue
		}
		out = append(out, change{t.destroyed, wasDestroyed, string(ix.names.emailID(t.key))})
	}
	for i, u := range ix.updated {
		if u <= n {
			continue
		}
		r := &ix.rows[i]
		c := change{u, wasUpdated, string(ix.names.emailID(r.key))}
		if r.created > n && !back[r.key] {
			c.seq, c.kind = r.created, wasCreated
		}
		out = append(out, c)
	}
	return out
}

// threadChanges lists the threads whose emailIds changed after n.
func (ix *Index) threadChanges(n uint32) []change {
	type what struct {
		seq     uint32
		existed bool // the thread had a mail at n that is gone now
	}
	touched := make(map[threadKey]what)
	for _, t := range ix.tombsSince(n) {
		w := touched[t.thread]
		touched[t.thread] = what{max(w.seq, t.destroyed), w.existed || t.created <= n}
	}
	for i, u := range ix.updated {
		if r := &ix.rows[i]; u > n && r.created > n {
			w := touched[r.thread]
			w.seq = max(w.seq, r.created)
			touched[r.thread] = w
		}
	}
	var out []change
	for k, w := range touched {
		c := change{seq: w.seq, id: string(ix.names.threadID(k))}
		i, live := ix.findThread(&k)
		for j := range ix.threadIf(i, live) {
			w.existed = w.existed || ix.rows[j].created <= n
		}
		switch {
		case live && w.existed:
			c.kind = wasUpdated
		case live:
			c.kind = wasCreated
		case w.existed:
			c.kind = wasDestroyed
		default:
			continue
		}
		out = append(out, c)
	}
	return out
}

// threadIf is thread, or nothing if there is none.
func (ix *Index) threadIf(i uint32, live bool) func(func(uint32) bool) {
	if !live {
		return func(func(uint32) bool) {}
	}
	return ix.thread(i)
}

// boxChanges lists what happened to mailboxes after n, and whether those that
// were updated changed in their counts alone.
func (ix *Index) boxChanges(n uint32) (out []change, countsOnly bool) {
	countsOnly = true
	for _, t := range ix.boxTombs {
		if t.destroyed > n && t.created <= n && ix.byID[t.id] == nil {
			out = append(out, change{t.destroyed, wasDestroyed, string(t.id)})
		}
	}
	for _, b := range ix.boxes {
		switch {
		case b == nil:
		case b.created > n:
			out = append(out, change{b.created, wasCreated, string(b.id)})
		case max(b.renamed, b.recount) > n:
			out = append(out, change{max(b.renamed, b.recount), wasUpdated, string(b.id)})
			countsOnly = countsOnly && b.renamed <= n
		}
	}
	return out, countsOnly
}
