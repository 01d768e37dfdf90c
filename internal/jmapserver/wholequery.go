package jmapserver

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// wholeQuery is the result of a /query that is made here, over all objects of a
// type. Its queryState is the state of the type and a digest of the arguments, so
// that its changes follow from those of the type and nothing need be remembered.
type wholeQuery[ID ~string] struct {
	kind  jmap.Type
	ids   []ID
	state jmap.State // of which ids are true
	args  string     // digest of what chooses and orders
	// dependents are further objects whose place may change with those that have
	// changed; nil: none.
	dependents func(changed map[ID]bool)
	// constant says that neither filter nor sort asks for what changes when
	// Changes.CountsOnly is true.
	constant bool
}

// digestArgs makes one string of the arguments that choose and order. A null is
// the same as none.
func digestArgs(c *call, names ...string) string {
	sum := sha256.New()
	for _, name := range names {
		if v := c.args.nullable(name); v.Kind() != ijson.Absent {
			sum.Write(v.Append([]byte(name + "\x00")))
		}
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:6])
}

func (q *wholeQuery[ID]) queryState() jmap.QueryState {
	return jmap.QueryState(q.args + "." + string(q.state))
}

// answer responds with a window of the result.
func (q *wholeQuery[ID]) answer(c *call, w jmap.Window, total, clamped bool) error {
	r, err := windowed(q.ids, w)
	if err != nil {
		return err
	}
	r.State, r.CanCalculateChanges = q.queryState(), true
	respondQuery(c, &r, total, clamped)
	return nil
}

// changesArgs are what a /queryChanges has beside filter and sort.
type changesArgs struct {
	since jmap.QueryState
	most  *int   // nil: no limit
	upTo  string // "": all
	total bool
}

func readChangesArgs(c *call) changesArgs {
	a := changesArgs{since: jmap.QueryState(c.args.str("sinceQueryState")), total: c.args.boolean("calculateTotal")}
	a.most = readMaxChanges(c)
	a.upTo = c.args.idOrNull("upToId")
	return a
}

// readMaxChanges reads the maxChanges of a /queryChanges, which may be 0, unlike that
// of a /changes (RFC 8620, sections 5.2 and 5.6); nil: no limit.
func readMaxChanges(c *call) *int {
	most, given := c.args.uintOrNull("maxChanges")
	if !given {
		return nil
	}
	return new(int(min(most, maxChangesAsked)))
}

// answerChanges responds with what has changed in the result since a state (RFC
// 8620, section 5.6). Each object that was changed is removed and, if it is in the
// result, added again: whether it was in before is not known, and need not be. So
// upToId is ignored for what was removed.
func (q *wholeQuery[ID]) answerChanges(c *call, a changesArgs) error {
	digest, since, ok := strings.Cut(string(a.since), ".")
	if !ok || digest != q.args {
		return jmap.CannotCalculateChanges
	}
	ch, err := c.account.Changes(c.ctx, q.kind, jmap.State(since), maxChangesAsked)
	if err != nil {
		return err
	}
	if ch.HasMore {
		return jmap.CannotCalculateChanges
	}
	changed := map[ID]bool{} // true: it may have been in the old result
	mark := func(ids []string, old bool) {
		for _, id := range ids {
			changed[ID(id)] = old
		}
	}
	mark(ch.Created, false)
	if !ch.CountsOnly || !q.constant {
		mark(ch.Updated, true)
	}
	mark(ch.Destroyed, true)
	if q.dependents != nil {
		q.dependents(changed)
	}
	r := jmap.QueryChanges[ID]{NewState: q.queryState(), Total: len(q.ids)}
	for id, old := range changed {
		if old {
			r.Removed = append(r.Removed, id)
		}
	}
	slices.Sort(r.Removed)
	for i, id := range q.ids {
		if _, ok := changed[id]; ok {
			r.Added = append(r.Added, jmap.AddedItem[ID]{ID: id, Index: i})
		}
		if a.upTo != "" && string(id) == a.upTo {
			break
		}
	}
	if a.most != nil && len(r.Removed)+len(r.Added) > *a.most {
		return jmap.TooManyChanges
	}
	respondQueryChanges(c, a.since, &r, a.total)
	return nil
}

// respondQueryChanges appends the response to a /queryChanges.
func respondQueryChanges[ID ~string](c *call, since jmap.QueryState, r *jmap.QueryChanges[ID], total bool) {
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.Str("oldQueryState", string(since))
		o.Str("newQueryState", string(r.NewState))
		if total {
			o.Uint("total", uint64(r.Total))
		}
		o.B = ijson.AppendStrings(o.Key("removed"), r.Removed)
		o.B = append(o.Key("added"), '[')
		for i, a := range r.Added {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			item := ijson.Open(o.B)
			item.Str("id", string(a.ID))
			item.Uint("index", uint64(a.Index))
			o.B = item.Close()
		}
		o.B = append(o.B, ']')
	})
}
