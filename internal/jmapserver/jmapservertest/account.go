package jmapservertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
)

// Account implements jmapserver.Account and all its optional abilities.
type Account struct {
	mu      sync.Mutex // guards all below
	info    jmap.AccountInfo
	boxes   []jmap.Mailbox
	emails  []*jmap.Email // oldest first
	ids     []jmap.Identity
	subs    []jmap.Submission
	blobs   map[jmap.BlobID][]byte
	seq     int // of the newest change
	first   int // changes before are forgotten
	log     []change
	made    int           // ids given out
	changed chan struct{} // closed by the next change
	fail    error         // of every method, if not nil
}

type change struct {
	seq  int
	kind jmap.Type
	id   string
	what changeKind
}

type changeKind uint8

const (
	created changeKind = iota
	updated
	destroyed
)

// Info implements jmapserver.Stater.
func (a *Account) Info() jmap.AccountInfo {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.info
}

// SetInfo changes what Info says.
func (a *Account) SetInfo(f func(*jmap.AccountInfo)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.info)
}

// Fail makes all methods that return an error return err.
func (a *Account) Fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail = err
}

// Forget drops the change log.
func (a *Account) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log, a.first = nil, a.seq
}

// Touch is a change by somebody else: the Email gets a keyword, or loses it.
func (a *Account) Touch(id jmap.EmailID, k jmap.Keyword) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.email(id)
	if i := slices.Index(e.Keywords, k); i >= 0 {
		e.Keywords = slices.Delete(slices.Clone(e.Keywords), i, i+1)
	} else {
		e.Keywords = append(slices.Clone(e.Keywords), k)
	}
	a.note(jmap.TypeEmail, string(id), updated)
}

// Deliver puts a new Email into a Mailbox.
func (a *Account) Deliver(e *jmap.Email) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emails = append(a.emails, e)
	a.note(jmap.TypeEmail, string(e.ID), created)
	a.note(jmap.TypeEmailDelivery, string(e.ID), created)
	if a.info.HasQuota {
		a.note(jmap.TypeQuota, "Qm", updated)
	}
}

// note logs a change. The caller holds mu.
func (a *Account) note(t jmap.Type, id string, what changeKind) {
	a.seq++
	a.log = append(a.log, change{a.seq, t, id, what})
	close(a.changed)
	a.changed = make(chan struct{})
}

// state is that of a type: the number of its newest change.
func (a *Account) state(t jmap.Type) jmap.State {
	for _, c := range slices.Backward(a.log) {
		if c.kind == t {
			return stateOf(c.seq)
		}
	}
	return stateOf(a.first)
}

func stateOf(seq int) jmap.State { return jmap.State("s" + strconv.Itoa(seq)) }

// State implements jmapserver.Stater.
func (a *Account) State(_ context.Context, t jmap.Type) (jmap.State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state(t), a.fail
}

// Changes implements jmapserver.Stater. Intermediate states are oldest first.
func (a *Account) Changes(_ context.Context, t jmap.Type, since jmap.State, most int) (jmap.Changes, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := strconv.Atoi(strings.TrimPrefix(string(since), "s"))
	if err != nil || n < a.first || n > a.seq {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	ch := jmap.Changes{NewState: a.state(t)}
	kind := map[string]changeKind{}
	var order []string
	for _, c := range a.log {
		if c.seq <= n || c.kind != t {
			continue
		}
		if _, seen := kind[c.id]; !seen {
			if len(order) == most {
				ch.HasMore = true
				break
			}
			order = append(order, c.id)
			kind[c.id] = c.what
		} else if kind[c.id] == updated || c.what == destroyed {
			kind[c.id] = c.what
		}
		ch.NewState = stateOf(c.seq)
	}
	ch.CountsOnly = t == jmap.TypeMailbox || t == jmap.TypeQuota
	for _, id := range order {
		switch kind[id] {
		case created:
			ch.Created = append(ch.Created, id)
		case updated:
			ch.Updated = append(ch.Updated, id)
		case destroyed:
			ch.Destroyed = append(ch.Destroyed, id)
		}
	}
	ch.CountsOnly = ch.CountsOnly && len(ch.Updated) > 0
	return ch, a.fail
}

// WaitChange implements jmapserver.Stater.
func (a *Account) WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error) {
	for {
		a.mu.Lock()
		now, next, err := jmap.TypeStates{}, a.changed, a.fail
		for _, t := range []jmap.Type{jmap.TypeMailbox, jmap.TypeThread, jmap.TypeEmail, jmap.TypeEmailDelivery,
			jmap.TypeIdentity, jmap.TypeEmailSubmission} {
			now[t] = a.state(t)
		}
		a.mu.Unlock()
		if err != nil {
			return nil, err
		}
		for t, s := range now {
			if have[t] != s {
				return now, nil
			}
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// email finds one. The caller holds mu.
func (a *Account) email(id jmap.EmailID) *jmap.Email {
	for _, e := range a.emails {
		if e.ID == id {
			return e
		}
	}
	return nil
}

func (a *Account) newID(prefix string) string {
	a.made++
	return fmt.Sprintf("%s-new%d", prefix, a.made)
}

// pick returns those of all whose ids are wanted, in the order of ids, and the
// ids that are none. nil means all.
func pick[ID ~string, T any](all []T, ids []ID, id func(*T) ID) (list []T, notFound []ID) {
	if ids == nil {
		return slices.Clone(all), nil
	}
	for _, want := range ids {
		i := slices.IndexFunc(all, func(t T) bool { return id(&t) == want })
		if i < 0 {
			notFound = append(notFound, want)
			continue
		}
		list = append(list, all[i])
	}
	return list, notFound
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// SetUndoSend implements jmapserver.UndoSender.
func (a *Account) SetUndoSend(_ context.Context, seconds *uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail == nil {
		a.info.UndoSend = &jmap.UndoSend{Seconds: seconds, Default: a.info.UndoSend.Default, Most: a.info.UndoSend.Most}
	}
	return a.fail
}

// AcknowledgeFaults implements jmapserver.FaultAcknowledger.
func (a *Account) AcknowledgeFaults(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.info.Faults = nil
	return a.fail
}
