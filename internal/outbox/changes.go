package outbox

import (
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
)

type change struct {
	seq  int64
	id   string
	kind changeKind
}

type changeKind uint8

const (
	created changeKind = iota
	updated
	destroyed
)

// note writes the log of changes. It needs mu.
func (o *Outbox) note(id string, kind changeKind) {
	o.seq++
	o.log = append(o.log, change{o.seq, id, kind})
	close(o.moved)
	o.moved = make(chan struct{})
	if len(o.log) > maxChanges {
		o.log = slices.Clone(o.log[len(o.log)-maxChanges/2:])
	}
}

// Moved is closed at the next change of state.
func (o *Outbox) Moved() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moved
}

// State is the state of EmailSubmission.
func (o *Outbox) State() jmap.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state(o.seq)
}

func (o *Outbox) state(seq int64) jmap.State {
	return jmap.State(o.epoch + "." + strconv.FormatInt(seq, 10))
}

// Changes tells what happened since a state, of at most limit submissions; 0 has
// no limit. States of an earlier process, and those too old, get
// jmap.CannotCalculateChanges.
func (o *Outbox) Changes(since jmap.State, limit int) (jmap.Changes, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	epoch, number, _ := strings.Cut(string(since), ".")
	from, err := strconv.ParseInt(number, 10, 64)
	if err != nil || epoch != o.epoch || from < 0 || from > o.seq || from < o.seq && o.log[0].seq > from+1 {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	out := jmap.Changes{OldState: since, NewState: o.state(o.seq)}
	first, last := map[string]changeKind{}, map[string]changeKind{}
	var order []string
	for _, c := range o.log {
		if c.seq <= from {
			continue
		}
		if _, seen := first[c.id]; !seen {
			if limit > 0 && len(order) == limit {
				out.HasMore, out.NewState = true, o.state(c.seq-1)
				break
			}
			first[c.id] = c.kind
			order = append(order, c.id)
		}
		last[c.id] = c.kind
	}
	for _, id := range order {
		switch {
		case first[id] == created && last[id] == destroyed:
		case first[id] == created:
			out.Created = append(out.Created, id)
		case last[id] == destroyed:
			out.Destroyed = append(out.Destroyed, id)
		default:
			out.Updated = append(out.Updated, id)
		}
	}
	return out, nil
}
